"""Bodies of calls in place of the calls, for the analyses that look through them."""

from __future__ import annotations

from collections.abc import Mapping

from mergelaw.language import core
from mergelaw.language.check.trees import Copier, NoContext, free, rebuilt
from mergelaw.language.core import Expr

CALLS_MAX = 200
"""Calls that are looked into for one comprehension."""


class Budget:
    """Calls that may still be looked into; without it, functions that call one another twice cost two to the depth."""

    def __init__(self) -> None:
        self.left = CALLS_MAX

    def spend(self) -> bool:
        """Whether there was something left."""
        self.left -= 1
        return self.left >= 0


def without_path_lets(e: Expr) -> Expr:
    """`e` with every `let` of a mere path (`let m = this.items`) replaced by the path."""
    e = rebuilt(e, without_path_lets) if not isinstance(e, core.Var) else e
    if isinstance(e, core.Let) and _is_path(e.value):
        return Renamer(free(e.value)).copy(e.body, {e.name: e.value})
    return e


def _is_path(e: Expr) -> bool:
    match e:
        case core.Var():
            return True
        case core.Get(subject=subject):
            return _is_path(subject)
        case core.At(subject=subject, key=key):
            return _is_path(subject) and _is_path(key)
        case core.Keys(subject=subject):
            return _is_path(subject)
        case _:
            return False


class Renamer(Copier):
    """A `Copier` that leaves contexts and types as they are."""

    def __init__(self, avoid: frozenset[str]) -> None:
        super().__init__({}, avoid, None)

    def copy(self, e: Expr, env: Mapping[str, Expr | str]) -> Expr:
        """As `Copier.copy`; never raises."""
        return e if isinstance(e, core.Seen) else super().copy(e, env)


def opened_call(
    program: core.Program,
    e: core.CallFun | core.CallQuery,
    calls: tuple[str, ...],
    avoid: frozenset[str],
    budget: Budget,
) -> tuple[str, Expr] | None:
    """The name and the body of what `e` calls, with the arguments put in and none of the variables `avoid` bound in it.

    None where that is recursive (`calls` are the names around), reads a context that is not known, or is too much.
    """
    env: dict[str, Expr | str]
    seen_of: str | None = None
    if isinstance(e, core.CallFun):
        f = program.functions[e.name]
        name, body, types = e.name, f.body, dict(e.type_args)
        env = {p: a for (p, _), a in zip(f.params, e.args, strict=True)}
    else:
        definition = program.types[e.owner.name]
        q = definition.query(e.query)
        name, body = f"{e.owner.name}.{e.query}", q.body
        types = {p.name: a for p, a in zip(definition.params, e.owner.args, strict=True)}
        env = {"this": e.subject, **{p: a for (p, _), a in zip(q.params, e.args, strict=True)}}
        seen_of = e.seen_of
    if name in calls or not budget.spend():
        return None
    avoid = avoid.union(*(free(a) for a in env.values() if isinstance(a, Expr)))
    try:
        return name, Copier(types, avoid, seen_of).copy(body, env)
    except NoContext:
        return None
