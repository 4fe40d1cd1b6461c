"""What an update reads of its surroundings: the wall clock, and who makes it."""

from __future__ import annotations

from collections.abc import Iterator

from mergelaw.language.core import (
    Block,
    Delta,
    Each,
    Entry,
    IfDelta,
    LetDelta,
    MatchDelta,
    Named,
    PartUpdate,
    Program,
    UpdateDef,
)


def uses_time(program: Program, t: Named, update: str) -> bool:
    """Whether an update reads the wall clock, itself or by updating a part."""
    return any(u.when is not None for u in _updates_run(program, t, update))


def uses_replica(program: Program, t: Named, update: str) -> bool:
    """Whether an update depends on who makes it: reads the replica or a dot, itself or by updating a part."""
    return any(u.by is not None or u.at for u in _updates_run(program, t, update))


def _updates_run(program: Program, t: Named, update: str) -> Iterator[UpdateDef]:
    """An update and those of parts that it runs."""
    met: set[tuple[str, str]] = set()
    waiting = [(t.name, update)]
    while waiting:
        owner, name = waiting.pop()
        if (owner, name) not in met:
            met.add((owner, name))
            definition = program.types[owner].update(name)
            yield definition
            waiting.extend(_part_updates(definition.body))


def _part_updates(delta: Delta) -> Iterator[tuple[str, str]]:
    match delta:
        case Block(entries):
            yield from _entry_updates(entries)
        case IfDelta(_, then, orelse):
            yield from _part_updates(then)
            yield from _part_updates(orelse)
        case LetDelta(body=body):
            yield from _part_updates(body)
        case MatchDelta(_, cases):
            for _, branch in cases:
                yield from _part_updates(branch)


def _entry_updates(entries: tuple[Entry, ...]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if isinstance(entry, PartUpdate):
            yield entry.owner.name, entry.update
        elif isinstance(entry, Each):
            yield from _entry_updates(entry.entries)
