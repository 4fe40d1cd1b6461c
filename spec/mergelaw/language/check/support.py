"""Finite support: the sources of every comprehension, found by evaluating its body where all its reads are zero.

A read is `m[x]` or `x in s` with x the whole key and the map free of x and of what is bound further inside,
also in the queries and functions that the body calls. Outside of the keys of the maps it reads, all reads are
zero; if the body is then zero whatever else is the case, the support lies within those keys.

Sound, not complete: `m[f(x)]` is no read. Source: encoding.md, "Finite support".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mergelaw.language import core
from mergelaw.language.check.abstract import Evaluator, is_zero
from mergelaw.language.check.declared import Errors
from mergelaw.language.check.inline import Budget, opened_call, without_path_lets
from mergelaw.language.check.paths import describe
from mergelaw.language.check.trees import free, rebuilt, scopes
from mergelaw.language.core import BOOL, Expr


class Support:
    """Fills in the sources of comprehensions; reports those whose support may be infinite."""

    def __init__(self, program: core.Program, errors: Errors) -> None:
        self._program = program
        self._errors = errors

    def sourced(self, x: Any) -> Any:
        """A copy of an expression or delta with the sources of all its comprehensions."""
        x = rebuilt(x, self.sourced)
        if isinstance(x, core.Build):
            return core.Build(x.type, x.var, x.body, self._sources(x), span=x.span)
        return x

    def _sources(self, b: core.Build) -> tuple[Expr, ...]:
        body = without_path_lets(b.body)
        found = list(dict.fromkeys(self._reads(body, b.var, frozenset(), (), Budget())))
        ordinary = [s for s in found if not isinstance(s, core.Seen)]
        evaluator = Evaluator(self._program, b.var)
        for candidates in (ordinary, found):
            if is_zero(evaluator.evaluate(body, frozenset(candidates))):
                return tuple(self.sourced(s) for s in _needed(evaluator, body, candidates))
        self._report(b, ordinary)
        return tuple(found)

    def _reads(
        self, e: Expr, var: str, inner: frozenset[str], calls: tuple[str, ...], budget: Budget
    ) -> Iterator[Expr]:
        here = isinstance(e, core.At) and isinstance(e.key, core.Var) and e.key.name == var
        if here and isinstance(e, core.At) and not free(e.subject) & (inner | {var}):
            yield e.subject
        if isinstance(e, core.CallFun | core.CallQuery) and var in free(e):
            opened = opened_call(self._program, e, calls, inner | {var}, budget)
            if opened is not None:
                name, body = opened
                yield from self._reads(without_path_lets(body), var, inner, (*calls, name), budget)
        for names, parts in scopes(e):
            for p in parts:
                yield from self._reads(p, var, inner.union(names), calls, budget)

    def _report(self, b: core.Build, reads: list[Expr]) -> None:
        kind = "set" if b.body.type == BOOL else "map"
        if reads:
            names = " or ".join(f"`{describe(s)}`" for s in reads)
            why = f"where `{b.var}` is no key of {names}, " + (
                "the condition may still hold" if kind == "set" else "the value need not be zero"
            )
        else:
            why = f"nothing limits `{b.var}`: no map or set is read at it"
        sources = [s for s in reads if describe(s) != "..."] or None
        example = "m" if sources is None else describe(sources[0])
        is_set = sources is not None and isinstance(sources[0].type, core.MapT) and sources[0].type.value == BOOL
        domain = example if is_set else f"keys({example})"
        if kind == "set":
            hint = f"Limit it: `{{ {b.var} where {b.var} in {domain} and ... }}`."
        else:
            hint = f"Limit it: `{{ {b.var} -> ... where {b.var} in {domain} }}`."
        if kind == "set" and not reads:
            hint += " What a function makes of the members of a set is a sequence: `[f(x) for x in s]`."
        self._errors.add("ML501", f"this {kind} may be infinite: {why}", b.span, hint)


def _needed(evaluator: Evaluator, body: Expr, sources: list[Expr]) -> list[Expr]:
    """A part of `sources` that still suffices, and of which none can be left out."""
    kept = list(sources)
    for s in reversed(sources):
        fewer = [k for k in kept if k is not s]
        if is_zero(evaluator.evaluate(body, frozenset(fewer))):
            kept = fewer
    return kept
