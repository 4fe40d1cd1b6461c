"""What generated code calls. Each function returns its operand itself where nothing changes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

from immutables import Map

from mergelaw.semantics.context import CausalContext
from mergelaw.semantics.engine import Footprint
from mergelaw.semantics.values import EMPTY_MAP

Set = Map[Any, Any]

EMPTY: Set = EMPTY_MAP


def keys_of(m: Iterable[Any]) -> Set:
    """The set of the keys of a map, or of the dots of a context."""
    return Map(dict.fromkeys(m, True))


def union_of(left: Set, right: Set) -> Set:
    """The members of either; costs the smaller one."""
    if len(left) < len(right):
        left, right = right, left
    if len(right) == 0:
        return left
    out = None
    for k in right:
        if k not in left:
            if out is None:
                out = left.mutate()
            out[k] = True
    return left if out is None else out.finish()


def inter_of(left: Set, right: Set) -> Set:
    """The members of both; costs the smaller one."""
    if len(left) > len(right):
        left, right = right, left
    return kept_in(left, right)


def kept_in(members: Set, kept: Container[Any]) -> Set:
    """The members that are in `kept`; costs `members`."""
    gone = [k for k in members if k not in kept]
    return _without(members, gone)


def dropped_by(members: Set, dropped: Container[Any]) -> Set:
    """The members that are not in `dropped`; costs `members`."""
    gone = [k for k in members if k in dropped]
    return _without(members, gone)


def diff_of(left: Set, right: Set) -> Set:
    """The members of `left` that are not in `right`; costs the smaller one."""
    if len(right) < len(left):
        return _without(left, [k for k in right if k in left])
    return dropped_by(left, right)


def _without(members: Set, gone: list[Any]) -> Set:
    if not gone:
        return members
    if len(gone) == len(members):
        return EMPTY
    out = members.mutate()
    for k in gone:
        del out[k]
    return out.finish()


def all_in(members: Iterable[Any], others: Container[Any]) -> bool:
    """Whether all members are in `others`."""
    for k in members:  # noqa: SIM110 - a generator costs more than the loop
        if k not in others:
            return False
    return True


def held_of(this: Set, context: CausalContext) -> Iterable[Any]:
    """The keys of a dot-keyed map that `context` holds; costs the smaller of the two."""
    if len(this) <= len(context):
        return [d for d in this if d in context]
    return [d for d in context if d in this]


def everything(value: Iterable[Any], held: Iterable[Any]) -> dict[Any, None]:
    """The footprint that names all keys of a delta's value, those `held`, and everything below them."""
    return dict.fromkeys([*value, *held])


def emptied(journal: dict[Any, Any], places: Sequence[tuple[Any, ...]], whole: tuple[str, ...]) -> None:
    """Takes out of a journal what it says of places below the map at `whole`, which is emptied now."""
    for entry in [e for e in journal if type(e) is tuple and places[e[0]][: len(whole)] == whole]:
        del journal[entry]


def touched_keys(m: Set) -> Footprint:
    """The footprint that names the keys of `m`, and everything below them."""
    return dict.fromkeys(m)
