"""What the names in an expression stand for: values, and states with their causal contexts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mergelaw.language.core import Type
from mergelaw.laws.smt import FALSE, Term, or_
from mergelaw.laws.symbolic import Sym, Tup


@dataclass(frozen=True, eq=False)
class Context:
    """A causal context: a predicate on dots, and the names of the contexts it is the union of."""

    has: Callable[[Tup], Term]
    atoms: frozenset[str]

    def union(self, other: Context) -> Context:
        """The union."""
        if self is other:
            return self
        return Context(lambda x: or_(self.has(x), other.has(x)), self.atoms | other.atoms)


NOWHERE = Context(lambda _: FALSE, frozenset())
"""The context of values that are no states: empty."""


@dataclass(frozen=True, eq=False)
class State:
    """A value together with the context it lives under."""

    value: Sym
    seen: Context
    label: str | None = None
    """The name of an arbitrary state; None of what is computed."""


class Env(NamedTuple):
    """What the names in an expression stand for."""

    vars: Mapping[str, Sym] = {}
    seen: Mapping[str, Context] = {}
    types: Mapping[str, Type] = {}
    sides: tuple[Context, Context] | None = None
    """In a merge clause: the contexts of its left and right parameter."""

    def bind(self, /, **new: Sym) -> Env:
        """With variables added."""
        return Env({**self.vars, **new}, self.seen, self.types, self.sides)

    def bind_states(self, states: Mapping[str, State]) -> Env:
        """With state variables added."""
        values = {n: s.value for n, s in states.items()}
        contexts = {n: s.seen for n, s in states.items()}
        return Env({**self.vars, **values}, {**self.seen, **contexts}, self.types, self.sides)
