"""Naming the values that generated code computes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from mergelaw.language.core import EnumT, Expr, Lit, Named, Type, Var
from mergelaw.semantics.compile.sharing import hint_of, invariants, uses
from mergelaw.semantics.compile.simplify import Simplifier
from mergelaw.semantics.compile.specialise import Names
from mergelaw.semantics.compile.statements import Statements, bare
from mergelaw.semantics.compile.tree import subexpressions, substituted


class Module(Protocol):
    """The module that functions are printed into."""

    def unfold(self, t: Type) -> Type:
        """`t` with declared types at its head replaced by their states."""
        ...

    def payloads(self, t: EnumT) -> list[list[Type]]:
        """The types of the payload of each variant."""
        ...

    def zero_text(self, t: Type) -> str:
        """The zero of `t` as Python text."""
        ...

    def constant(self, hint: str, value: object) -> str:
        """The name under which generated code finds `value`."""
        ...

    def order(self, t: Type) -> str:
        """The name of a function from values of `t` to Python values that compare alike."""
        ...

    def merge_function(self, owner: Named) -> str:
        """The name of the function that merges values of `owner`."""
        ...

    def apply_function(self, owner: Named) -> str:
        """The name of the function that merges a delta of `owner` by its footprint."""
        ...

    def needs_contexts(self, owner: Type) -> bool:
        """Whether the merge of `owner` reads contexts."""
        ...

    def dots_function(self, owner: Type) -> str | None:
        """The name of the function that appends the live dots of an `owner` to a list; None if it has none."""
        ...

    def is_recursive(self, function: str) -> bool:
        """Whether the generated `function` may call itself."""
        ...


class Naming(Statements):
    """Writes a function in which a value that is read twice is computed once."""

    def __init__(self, module: Module, names: Names, simplify: Simplifier) -> None:
        super().__init__()
        self.module = module
        self.names = names
        self.simplify = simplify
        self._shared: set[Expr] = set()
        self._bound: set[str] = set()

    @abstractmethod
    def value(self, e: Expr) -> str:
        """The text of the value of `e`, to be written once."""

    def root(self, e: Expr) -> str:
        """The value of a whole expression, with names for what it reads more than once."""
        self.share(e)
        return self.value(e)

    def atom(self, e: Expr, hint: str = "") -> str:
        """The value of `e` as a name or constant, which may be written several times."""
        text = self.value(e)
        if text.isidentifier() or isinstance(e, (Lit, Var)):
            return text
        return self.keep(e, text, hint)

    def keep(self, e: Expr, text: str, hint: str = "") -> str:
        """Give the value `text` of `e` a name."""
        if text.isidentifier():
            self.know(e, text)
            return text
        name = self.names.fresh(hint or hint_of(e))
        self.line(f"{name} = {bare(text)}")
        self.know(e, name)
        return name

    def share(self, e: Expr) -> None:
        """Values that `e` reads more than once shall get names."""
        self._shared |= {x for x, n in uses(e).items() if n > 1}

    def bind(self, name: str, body: Expr) -> tuple[str, Expr]:
        """A Python name for variable `name` of `body`: a new one if an earlier copy of the binder has taken it."""
        if name not in self._bound:
            self._bound.add(name)
            return name, body
        fresh = self.names.fresh(name)
        self._bound.add(fresh)
        found = variable_in(body, name)
        return fresh, body if found is None else substituted(body, {name: Var(found.type, fresh)})

    def hoist(self, body: Expr, var: str) -> None:
        """Compute before a loop over `var` what its body reads that is the same for all members."""
        for e in invariants(body, frozenset({var}), self.module.is_recursive):
            if self.known(e) is None:
                self.keep(e, self.value(e))


def renamed(e: Expr, name: str, new: str) -> Expr:
    """`e` with variable `name` called `new`."""
    found = variable_in(e, name)
    return e if found is None or name == new else substituted(e, {name: Var(found.type, new)})


def variable_in(e: Expr, name: str) -> Var | None:
    """An occurrence of variable `name` in `e`."""
    if isinstance(e, Var):
        return e if e.name == name else None
    for c in subexpressions(e):
        found = variable_in(c, name)
        if found is not None:
            return found
    return None
