"""Queries that read `seen` are asked only where the context of their subject is known."""

from __future__ import annotations

from collections.abc import Iterator

from mergelaw.language import core
from mergelaw.language.check.declared import Errors
from mergelaw.language.check.nodes import CHILD_FIELDS

Query = tuple[str, str]
"""Type and name of a query."""


def check_contexts(program: core.Program, known: frozenset[Query], errors: Errors) -> frozenset[Query]:
    """Reports calls of queries that read `seen`, by themselves or by what they call, where the context is not known.

    Looks at what `program` has; `known` are the queries of what it stands on that read `seen`.
    Comes back with the queries of `program` that do.
    """
    own = _readers(program, known)
    readers = own | known
    if not readers:
        return own
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
    return own


def _check_merge_and_dots(t: core.TypeDef, readers: frozenset[Query], errors: Errors) -> None:
    for call in _calls(t.merge if t.kind == "type" else None):
        if (call.owner.name, call.query) in readers:
            message = f"the query `{call.query}` reads `seen`, and the merge of a `type` cannot"
            errors.add("ML405", message, call.span, f"Declare {t.name} with `store` instead of `type`.")
    for call in _calls(t.dots):
        if (call.owner.name, call.query) in readers:
            message = f"the query `{call.query}` reads `seen`, and `dots` cannot depend on the context"
            errors.add("ML211", message, call.span, "Say which dots of `this` are live.")


def _readers(program: core.Program, known: frozenset[Query]) -> frozenset[Query]:
    """The queries that read `seen`, beside those that are known to."""
    queries = {(t.name, q.name): q for t in program.types.values() for q in t.queries}
    calls = {k: {(c.owner.name, c.query) for c in _calls(q.body)} for k, q in queries.items()}
    found = {k for k, q in queries.items() if any(isinstance(x, core.Seen) for x in _nodes(q.body))}
    while True:
        more = {k for k, called in calls.items() if k not in found and not called.isdisjoint(found | known)}
        if not more:
            return frozenset(found)
        found |= more


def _context_known(call: core.CallQuery) -> bool:
    return call.seen_of is not None or isinstance(call.subject, core.Apply | core.Merge)


def _calls(x: object) -> Iterator[core.CallQuery]:
    for n in _nodes(x):
        if isinstance(n, core.CallQuery):
            yield n


def _nodes(x: object) -> Iterator[object]:
    todo = [x]
    while todo:
        n = todo.pop()
        if isinstance(n, tuple):
            todo += n
        elif n is not None:
            yield n
            todo += [getattr(n, name) for name in CHILD_FIELDS[n.__class__]]
