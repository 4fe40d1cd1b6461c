"""Raw values by type: zeros, orders, and maps without zeros.

What a raw value looks like for each type stands at `core.Type`. An int may stand where a Real is
expected: it equals, orders and hashes as the Fraction does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from immutables import Map

from mergelaw.language.core import (
    DOT,
    REPLICA,
    Base,
    EnumT,
    MapT,
    Named,
    OptionType,
    ParamT,
    Program,
    RecordT,
    SeqT,
    TupleT,
    Type,
)

Raw = Any
"""An untyped value of the core; see `core.Type`."""

EMPTY_MAP: Map[Raw, Raw] = Map()
"""The zero of all maps and sets."""

_BASE_ZEROS: dict[str, Raw] = {
    "Bool": False,
    "Nat": 0,
    "Int": 0,
    "Real": 0,
    "Text": "",
    "Time": 0,
}


class NoZero(TypeError):
    """A type without zero (Replica, Dot, an unbound type parameter) was asked for it."""


_zeros: dict[tuple[int, ...], tuple[Raw, ...]] = {}


def _shared(items: Iterable[Raw]) -> tuple[Raw, ...]:
    """The tuple of zeros that all share; the table keeps the items, so their ids stay theirs."""
    made = tuple(items)
    return _zeros.setdefault(tuple([id(i) for i in made]), made)


def zero(program: Program, t: Type) -> Raw:
    """The zero of `t`, the same object each time. Raises: NoZero."""
    match t:
        case Base(name):
            if name not in _BASE_ZEROS:
                raise NoZero(f"{t} has no zero")
            return _BASE_ZEROS[name]
        case OptionType():
            return None
        case MapT():
            return EMPTY_MAP
        case SeqT():
            return ()
        case TupleT(items):
            return _shared(zero(program, i) for i in items)
        case RecordT(fields):
            return _shared(zero(program, f) for _, f in fields)
        case EnumT():
            return _shared((0, *(zero(program, f) for _, f in program.variants(t)[0][1])))
        case Named():
            return zero(program, program.state_type(t))
        case _:
            raise NoZero(f"{t} has no zero")


def is_zero(program: Program, t: Type, value: Raw) -> bool:
    """Whether `value` is the zero of `t`; False for all values of types without one.

    It needs the type: `some(0)` is not zero, a record of one 0 is, and both are the tuple (0,).
    """
    match t:
        case Base():
            return t not in (REPLICA, DOT) and not value
        case OptionType():
            return value is None
        case MapT() | SeqT():
            return not value
        case TupleT(items):
            return all(is_zero(program, i, v) for i, v in zip(items, value, strict=True))
        case RecordT(fields):
            return all(is_zero(program, f, v) for (_, f), v in zip(fields, value, strict=True))
        case EnumT():
            if value[0] != 0:
                return False
            payload = program.variants(t)[0][1]
            return all(is_zero(program, f, v) for (_, f), v in zip(payload, value[1:], strict=True))
        case Named():
            return is_zero(program, program.state_type(t), value)
        case _:
            raise _unbound(t)


def has_zero(program: Program, t: Type) -> bool:
    """Whether `t` has a zero."""
    try:
        zero(program, t)
    except NoZero:
        return False
    return True


def order_key(program: Program, t: Type, value: Raw) -> Raw:
    """A Python value that compares as `value` does among the values of `t`.

    The order is that of `core.Op`; beyond the ordered types records compare as tuples, and maps and sets
    as the ascending sequences of their entries, so that every finite collection can be walked in a fixed order.
    """
    match t:
        case Base():
            return value
        case OptionType(item):
            return () if value is None else (order_key(program, item, value[0]),)
        case SeqT(item):
            return tuple(order_key(program, item, v) for v in value)
        case TupleT(items):
            return tuple(order_key(program, i, v) for i, v in zip(items, value, strict=True))
        case RecordT(fields):
            return tuple(order_key(program, f, v) for (_, f), v in zip(fields, value, strict=True))
        case EnumT():
            payload = program.variants(t)[value[0]][1]
            parts = (order_key(program, f, v) for (_, f), v in zip(payload, value[1:], strict=True))
            return (value[0], *parts)
        case MapT(key, item):
            return tuple(sorted((order_key(program, key, k), order_key(program, item, v)) for k, v in value.items()))
        case Named():
            return order_key(program, program.state_type(t), value)
        case _:
            raise _unbound(t)


def compare(program: Program, t: Type, left: Raw, right: Raw) -> int:
    """-1, 0 or 1: how two values of `t` are ordered; see `order_key`."""
    a, b = order_key(program, t, left), order_key(program, t, right)
    return int(a > b) - int(a < b)


def in_order(program: Program, t: Type, members: Iterable[Raw]) -> list[Raw]:
    """`members`, values of `t`, ascending."""
    return sorted(members, key=lambda v: order_key(program, t, v))


def make_map(program: Program, t: MapT, items: Iterable[tuple[Raw, Raw]]) -> Map[Raw, Raw]:
    """The map of `items`; later ones win, zeros are erased."""
    m = EMPTY_MAP.mutate()
    for key, value in items:
        if not is_zero(program, t.value, value):
            m[key] = value
        elif key in m:
            del m[key]
    return m.finish()


def make_set(members: Iterable[Raw]) -> Map[Raw, Raw]:
    """The set of `members`."""
    return Map((m, True) for m in members)


def lookup(program: Program, t: MapT, m: Map[Raw, Raw], key: Raw) -> Raw:
    """What the total function `m` has at `key`."""
    found = m.get(key, m)
    return zero(program, t.value) if found is m else found


def store(program: Program, t: MapT, m: Map[Raw, Raw], key: Raw, value: Raw) -> Map[Raw, Raw]:
    """`m` with `value` at `key`; a zero erases."""
    if not is_zero(program, t.value, value):
        return m.set(key, value)
    return m.delete(key) if key in m else m


def _unbound(t: Type) -> TypeError:
    what = "type parameter without a binding" if isinstance(t, ParamT) else "type without values"
    return TypeError(f"{t} is a {what}")
