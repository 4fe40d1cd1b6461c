"""Queries that read `seen` are asked only where the context of their subject is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from mergelaw.language import core
from mergelaw.language.check.declared import Errors


def check_contexts(program: core.Program, errors: Errors) -> None:
    """Reports calls of queries that read `seen`, by themselves or by what they call, where the context is not known."""
    readers = _readers(program)
    for t in program.types.values():
        for c in (t.merge, t.dots, *t.updates, *t.queries, *t.properties, *t.theorems):
            for call in _calls(c):
                if (call.owner.name, call.query) in readers and not _context_known(call):
                    errors.add(
                        "ML219",
                        f"the query `{call.query}` reads `seen`, and the context of this value is not known",
                        call.subject.span,
                        "Ask it of a state, or of a part of a state by fields and keys.",
                    )
        _check_merge_and_dots(t, readers, errors)
    for f in program.functions.values():
        for call in _calls(f.body):
            if (call.owner.name, call.query) in readers:
                errors.add(
                    "ML219",
                    f"the query `{call.query}` reads `seen`, and functions have no contexts",
                    call.span,
                    "Make the function a query, or hand it the answer.",
                )


def _check_merge_and_dots(t: core.TypeDef, readers: set[tuple[str, str]], errors: Errors) -> None:
    for call in _calls(t.merge if t.kind == "type" else None):
        if (call.owner.name, call.query) in readers:
            message = f"the query `{call.query}` reads `seen`, and the merge of a `type` cannot"
            errors.add("ML405", message, call.span, f"Declare {t.name} with `store` instead of `type`.")
    for call in _calls(t.dots):
        if (call.owner.name, call.query) in readers:
            message = f"the query `{call.query}` reads `seen`, and `dots` cannot depend on the context"
            errors.add("ML211", message, call.span, "Say which dots of `this` are live.")


def _readers(program: core.Program) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    queries = [(t.name, q) for t in program.types.values() for q in t.queries]
    while True:
        more = {
            (owner, q.name)
            for owner, q in queries
            if any(isinstance(x, core.Seen) for x in _nodes(q.body))
            or any((c.owner.name, c.query) in found for c in _calls(q.body))
        }
        if more == found:
            return found
        found = more


def _context_known(call: core.CallQuery) -> bool:
    return call.seen_of is not None or isinstance(call.subject, core.Apply | core.Merge)


def _calls(x: object) -> Iterator[core.CallQuery]:
    for n in _nodes(x):
        if isinstance(n, core.CallQuery):
            yield n


def _nodes(x: Any) -> Iterator[Any]:
    todo = [x]
    while todo:
        n = todo.pop()
        if isinstance(n, tuple):
            todo += n
        elif isinstance(
            n,
            core.Expr
            | core.Delta
            | core.Entry
            | core.Path
            | core.MergeDef
            | core.UpdateDef
            | core.QueryDef
            | core.Property
            | core.TheoremDef,
        ):
            yield n
            todo += [getattr(n, f.name) for f in fields(n)]
