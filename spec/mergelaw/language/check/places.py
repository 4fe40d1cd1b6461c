"""Two entries of one block are never about the same place, also through the updates of parts that they call."""

from __future__ import annotations

from collections.abc import Iterator

from mergelaw.language import core
from mergelaw.language.check.declared import Errors
from mergelaw.language.span import Span

Steps = tuple[core.Step | None, ...]
"""A place; None is a key that is not known here."""


def check_places(program: core.Program, news: core.Program, errors: Errors) -> None:
    """Reports two entries for one place, or for a place and a part of it, unless that depends on values of keys.

    Looks at what `news` has of the program.
    """
    for t in news.types.values():
        for u in t.updates:
            for block in _blocks(u.body):
                _check_block(program, block, errors)


def _blocks(d: core.Delta) -> Iterator[core.Block]:
    match d:
        case core.Block():
            yield d
        case core.IfDelta(then=then, orelse=orelse):
            yield from _blocks(then)
            yield from _blocks(orelse)
        case core.LetDelta(body=body):
            yield from _blocks(body)
        case core.MatchDelta(cases=cases):
            for _, body in cases:
                yield from _blocks(body)


def _check_block(program: core.Program, block: core.Block, errors: Errors) -> None:
    earlier: list[tuple[Steps, core.Entry]] = []
    for entry in _assigning(block.entries):
        touched = [(steps, entry) for steps in _touched(program, entry, ())]
        clash = next(((a, b, other) for a, _ in touched for b, other in earlier if _overlap(a, b)), None)
        if clash is not None:
            a, b, other = clash
            what = "the same place" if len(a) == len(b) else "a place and a part of it"
            line = other.span.line
            errors.add(
                "ML212", f"two entries for {what}", _span(entry), f"The other one is in line {line}. Make one of both."
            )
        earlier += touched


def _span(entry: core.Entry) -> Span:
    return entry.path.span if isinstance(entry, core.Assign) else entry.span


def _assigning(entries: tuple[core.Entry, ...]) -> Iterator[core.Assign | core.PartUpdate]:
    for e in entries:
        match e:
            case core.Assign() | core.PartUpdate():
                yield e
            case core.Each():
                yield from _assigning(e.entries)


def _touched(
    program: core.Program, entry: core.Assign | core.PartUpdate, calls: tuple[tuple[str, str], ...]
) -> Iterator[Steps]:
    if isinstance(entry, core.Assign):
        yield entry.path.steps
        return
    callee = (entry.owner.name, entry.update)
    if callee in calls:
        return
    for block in _blocks(program.types[entry.owner.name].update(entry.update).body):
        for inner in _assigning(block.entries):
            for steps in _touched(program, inner, (*calls, callee)):
                yield entry.path.steps + tuple(s if isinstance(s, str) else None for s in steps)


def _overlap(a: Steps, b: Steps) -> bool:
    """Whether one of the places surely is, or surely lies within, the other."""
    return all(x is not None and x == y for x, y in zip(a, b, strict=False))
