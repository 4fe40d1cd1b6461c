"""Where two values of one type differ, as places written in the language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mergelaw.language.core import BOOL, MapT, Named, Program, RecordT, Type
from mergelaw.laws.places import pointwise
from mergelaw.semantics.engine import Footprint
from mergelaw.semantics.literals import show
from mergelaw.semantics.values import Raw, in_order, lookup


@dataclass(frozen=True)
class Difference:
    """One place at which two values differ."""

    path: str
    """`adds["x"]`; empty for the whole value."""
    type: Type
    left: Raw
    right: Raw


def differences(program: Program, t: Type, left: Raw, right: Raw) -> tuple[Difference, ...]:
    """The smallest places at which two values of `t` differ: () iff they are equal. Sets count as one place."""
    return tuple(_differences(program, t, left, right, ""))


def _differences(program: Program, t: Type, left: Raw, right: Raw, path: str) -> Iterator[Difference]:
    if left == right:
        return
    match program.unfold(t):
        case RecordT(fields):
            for i, (name, f) in enumerate(fields):
                yield from _differences(program, f, left[i], right[i], f"{path}.{name}" if path else name)
        case MapT(key, item) as m if item != BOOL:
            for k in in_order(program, key, {*left, *right}):
                place = f"{path}[{show(program, key, k)}]"
                yield from _differences(program, item, lookup(program, m, left, k), lookup(program, m, right, k), place)
        case _:
            yield Difference(path, t, left, right)


def outside(program: Program, t: Type, footprint: Footprint, before: Raw, after: Raw) -> tuple[Difference, ...]:
    """The places outside of `footprint` at which `after` differs from `before`.

    What a merge that is not pointwise makes is one place: touched as soon as anything in it is.
    """
    return tuple(_outside(program, t, footprint, before, after, ""))


def _outside(
    program: Program, t: Type, footprint: Footprint, before: Raw, after: Raw, path: str
) -> Iterator[Difference]:
    if before == after or footprint is None:
        return
    while isinstance(t, Named):
        merge = program.types[t.name].merge
        if merge is not None and footprint and not pointwise(merge):
            return
        t = program.state_type(t)
    match t:
        case RecordT(fields):
            for i, (name, f) in enumerate(fields):
                place = f"{path}.{name}" if path else name
                if name in footprint:
                    yield from _outside(program, f, footprint[name], before[i], after[i], place)
                else:
                    yield from _differences(program, f, before[i], after[i], place)
        case MapT(key, item) as m:
            for k in in_order(program, key, {*before, *after}):
                place = f"{path}[{show(program, key, k)}]"
                old, new = lookup(program, m, before, k), lookup(program, m, after, k)
                if k in footprint:
                    yield from _outside(program, item, footprint[k], old, new, place)
                elif item == BOOL and old != new:
                    yield Difference(place, item, old, new)
                else:
                    yield from _differences(program, item, old, new, place)
        case _:
            if not footprint:
                yield Difference(path, t, before, after)
