"""Python values for raw values and back, by type.

| type | Python |
| --- | --- |
| Bool, Text | bool, str |
| Nat, Int, Time, Replica | int |
| Real | Fraction; int and Decimal are taken too |
| Dot | (replica, number) |
| Set | frozenset; any iterable is taken |
| Map | dict; inside of keys and members an immutables.Map |
| Seq | tuple; a list is taken too |
| Option | None or the value itself; the value in a 1-tuple where that is an Option again |
| tuple | tuple |
| record, declared type | a named tuple, or what its state is; a dict is taken too, what it leaves out is zero |
| enum | the variant's name, or (name, payload...) |
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from immutables import Map

from mergelaw.language.core import (
    BOOL,
    Base,
    EnumT,
    MapT,
    Named,
    OptionType,
    Program,
    RecordT,
    SeqT,
    TupleT,
    Type,
)
from mergelaw.semantics.values import NoZero, Raw, in_order, make_map, make_set, zero


def to_python(program: Program, t: Type, value: Raw, *, hashable: bool = False) -> Any:
    """`value`, a raw value of `t`, as plain Python; see the table of the module."""
    match t:
        case OptionType(item):
            if value is None:
                return None
            inner = to_python(program, item, value[0], hashable=hashable)
            return (inner,) if isinstance(item, OptionType) else inner
        case TupleT(items):
            return tuple(to_python(program, i, v, hashable=hashable) for i, v in zip(items, value, strict=True))
        case SeqT(item):
            return tuple(to_python(program, item, v, hashable=hashable) for v in value)
        case RecordT(fields):
            made = _record(tuple(n for n, _ in fields))
            return made(*(to_python(program, f, v, hashable=hashable) for (_, f), v in zip(fields, value, strict=True)))
        case EnumT():
            name, payload = program.variants(t)[value[0]]
            parts = (to_python(program, f, v, hashable=hashable) for (_, f), v in zip(payload, value[1:], strict=True))
            return (name, *parts) if payload else name
        case MapT(key, item) if item == BOOL:
            return frozenset(to_python(program, key, k, hashable=True) for k in value)
        case MapT(key, item):
            pairs = {
                to_python(program, key, k, hashable=True): to_python(program, item, value[k], hashable=hashable)
                for k in in_order(program, key, value)
            }
            return Map(pairs) if hashable else pairs
        case Named():
            return to_python(program, program.state_type(t), value, hashable=hashable)
        case Base("Real"):
            return Fraction(value)
        case _:
            return value


def from_python(program: Program, t: Type, value: object) -> Raw:
    """The raw value of `t` that `value` stands for.

    Raises: TypeError, if it is of the wrong kind; ValueError, if it is out of range.
    """
    match t:
        case Base(name):
            return _base(name, value)
        case OptionType(item):
            if value is None:
                return None
            if isinstance(item, OptionType):
                if not isinstance(value, tuple) or len(value) != 1:
                    raise _wrong(t, value, "None, or the inner option in a 1-tuple")
                value = value[0]
            return (from_python(program, item, value),)
        case TupleT(items):
            if not isinstance(value, tuple | list) or len(value) != len(items):
                raise _wrong(t, value, f"a tuple of {len(items)}")
            return tuple(from_python(program, i, v) for i, v in zip(items, value, strict=True))
        case SeqT(item):
            if not isinstance(value, tuple | list):
                raise _wrong(t, value, "a list or tuple")
            return tuple(from_python(program, item, v) for v in value)
        case RecordT():
            return _record_from(program, t, value)
        case EnumT():
            return _variant_from(program, t, value)
        case MapT(key, item) if item == BOOL and not isinstance(value, Mapping):
            if not isinstance(value, Iterable) or isinstance(value, str):
                raise _wrong(t, value, "a set")
            return make_set(from_python(program, key, v) for v in value)
        case MapT(key, item):
            if not isinstance(value, Mapping):
                raise _wrong(t, value, "a dict")
            pairs = ((from_python(program, key, k), from_python(program, item, v)) for k, v in value.items())
            return make_map(program, t, pairs)
        case Named():
            return from_python(program, program.state_type(t), value)
        case _:
            raise TypeError(f"{t} has no values")


_KINDS: dict[str, tuple[type, ...]] = {
    "Bool": (bool,),
    "Nat": (int,),
    "Int": (int,),
    "Real": (int, Fraction, Decimal),
    "Text": (str,),
    "Time": (int,),
    "Replica": (int,),
    "Dot": (tuple,),
}


def _base(name: str, value: object) -> Raw:
    if not isinstance(value, _KINDS[name]) or (isinstance(value, bool) and name != "Bool"):
        raise _wrong(Base(name), value, " or ".join(kind.__name__ for kind in _KINDS[name]))
    match name, value:
        case ("Nat" | "Time", int(n)) if n < 0:
            raise ValueError(f"a {name} is not negative, {n} is")
        case "Real", Decimal() | int():
            return Fraction(value)
        case "Dot", _:
            if not (isinstance(value, tuple) and len(value) == 2 and all(type(v) is int for v in value)):
                raise _wrong(Base(name), value, "(replica, number)")
            if value[1] < 1:
                raise ValueError(f"the numbers of dots count from 1, that of {value} does not")
    return value


def _record_from(program: Program, t: RecordT, value: object) -> Raw:
    names = [n for n, _ in t.fields]
    if isinstance(value, Mapping):
        given = dict(value)
    elif isinstance(value, tuple) and len(value) == len(names):
        given = dict(zip(names, value, strict=True))
    else:
        raise _wrong(t, value, f"a dict with keys among {', '.join(names)}")
    for name in given:
        if name not in names:
            raise ValueError(f"{t} has no field {name!r}; its fields are: {', '.join(names)}")
    parts: list[Raw] = []
    for name, field in t.fields:
        if name in given:
            parts.append(from_python(program, field, given[name]))
            continue
        try:
            parts.append(zero(program, field))
        except NoZero:
            raise ValueError(f"field {name!r} of {t} is missing, and {field} has no zero") from None
    return tuple(parts)


def _variant_from(program: Program, t: EnumT, value: object) -> Raw:
    variants = program.variants(t)
    names = [n for n, _ in variants]
    name, args = (value, ()) if not isinstance(value, tuple) or not value else (value[0], value[1:])
    if not isinstance(name, str):
        raise _wrong(t, value, "the name of a variant, or (name, payload...)")
    if name not in names:
        raise ValueError(f"{t} has no variant {name!r}; it has: {', '.join(names)}")
    index = names.index(name)
    payload = variants[index][1]
    if len(args) != len(payload):
        raise ValueError(f"variant `{name}` of {t} holds {len(payload)} values, not {len(args)}")
    return (index, *(from_python(program, f, a) for (_, f), a in zip(payload, args, strict=True)))


def _wrong(t: Type, value: object, expected: str) -> TypeError:
    return TypeError(f"expected {t} ({expected}), not {value!r}")


@cache
def _record(names: tuple[str, ...]) -> Any:
    """The named tuple of these fields; a name that Python reserves is reached by position only."""
    return namedtuple("record", names, rename=True)
