"""What generated encoders and decoders are compared with: the layout of `mergelaw.replica.shape` by plain closures."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import gcd
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
from mergelaw.replica.model import MAX_DOT, MAX_REPLICA
from mergelaw.replica.plain import MAX_NUMBER_BYTES, BadEncoding, Plain
from mergelaw.semantics.engine import NOTHING, Footprint
from mergelaw.semantics.values import EMPTY_MAP, NoZero, Raw, zero

_INT64 = 1 << 63

Encode = Callable[[Raw], Plain]
Decode = Callable[[Plain], Raw]
EncodeFootprint = Callable[[Footprint], Plain]
DecodeFootprint = Callable[[Plain], Footprint]


class Shape:
    """How values and footprints of one type are written. `decode` and `decode_footprint` raise BadEncoding."""

    __slots__ = ("decode", "decode_footprint", "encode", "encode_footprint")

    def __init__(
        self, encode: Encode, decode: Decode, encode_footprint: EncodeFootprint, decode_footprint: DecodeFootprint
    ) -> None:
        self.encode = encode
        self.decode = decode
        self.encode_footprint = encode_footprint
        self.decode_footprint = decode_footprint


class Shapes:
    """Makes the shapes of the types of one program, each once; types may be recursive."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[Type, Shape] = {}

    def of(self, t: Type) -> Shape:
        """The shape of a type without parameters."""
        found = self._known.get(t)
        if found is None:
            # Filled in below; until then a recursive type may refer to it.
            found = self._known[t] = Shape(_undefined, _undefined, _undefined, _undefined)
            made = self._make(t)
            found.encode, found.decode = made.encode, made.decode
            found.encode_footprint, found.decode_footprint = made.encode_footprint, made.decode_footprint
        return found

    def _make(self, t: Type) -> Shape:
        match t:
            case Named():
                return self.of(self._program.state_type(t))
            case Base(name):
                encode, decode = _BASES[name]
            case OptionType(item):
                encode, decode = _option(self.of(item))
            case TupleT(items):
                encode, decode = self._product(t, items)
            case RecordT(fields):
                encode, decode = self._product(t, tuple(f for _, f in fields))
                return Shape(encode, decode, *_record_footprint(t, [self.of(f) for _, f in fields]))
            case EnumT():
                encode, decode = self._enum(t)
            case SeqT(item):
                encode, decode = _sequence(self.of(item))
            case MapT(key, value):
                if value == BOOL:
                    encode, decode = _set(self.of(key))
                else:
                    encode, decode = _map(self.of(key), self.of(value), self._zero(value))
                return Shape(encode, decode, *_map_footprint(self.of(key), self.of(value)))
            case _:
                raise TypeError(f"{t} has no values")
        return Shape(encode, decode, _encode_leaf, _decode_leaf)

    def _zero(self, t: Type) -> Raw:
        """The zero of `t`; something that equals no value, if it has none."""
        try:
            return zero(self._program, t)
        except NoZero:
            return _NO_VALUE

    def _product(self, t: Type, items: tuple[Type, ...]) -> tuple[Encode, Decode]:
        """Of tuples and records."""
        shapes = [self.of(i) for i in items]
        count = len(items)
        nothing = self._zero(t)

        def encode(raw: Raw) -> Plain:
            if raw is nothing or raw == nothing:
                return None
            plain = [shape.encode(v) for shape, v in zip(shapes, raw, strict=True)]
            while plain and plain[-1] is None:
                plain.pop()
            return plain

        def decode(plain: Plain) -> Raw:
            if plain is None and nothing is not _NO_VALUE:
                return nothing
            if type(plain) is not list or len(plain) > count:
                raise BadEncoding(f"not a {t}")
            plain += [None] * (count - len(plain))
            return tuple([shape.decode(p) for shape, p in zip(shapes, plain, strict=True)])

        return encode, decode

    def _enum(self, t: EnumT) -> tuple[Encode, Decode]:
        variants = [[self.of(f) for _, f in fields] for _, fields in self._program.variants(t)]
        nothing = self._zero(t)

        def encode(raw: Raw) -> Plain:
            if raw == nothing:
                return None
            number = raw[0]
            return [number, *[shape.encode(v) for shape, v in zip(variants[number], raw[1:], strict=True)]]

        def decode(plain: Plain) -> Raw:
            if plain is None and nothing is not _NO_VALUE:
                return nothing
            if type(plain) is not list or not plain:
                raise BadEncoding(f"not a {t}")
            number = plain[0]
            if type(number) is not int or not 0 <= number < len(variants) or len(plain) != len(variants[number]) + 1:
                raise BadEncoding(f"no variant of {t}")
            return (number, *[shape.decode(p) for shape, p in zip(variants[number], plain[1:], strict=True)])

        return encode, decode


_NO_VALUE = object()


def _undefined(_: Any) -> Any:
    raise TypeError("a type contains itself without end")


# -- base types ------------------------------------------------------------------------------------


def _same(raw: Raw) -> Plain:
    return raw


def _encode_int(raw: int) -> Plain:
    if -_INT64 <= raw < _INT64:
        return raw
    data = raw.to_bytes(raw.bit_length() // 8 + 1, "big", signed=True)
    if len(data) > MAX_NUMBER_BYTES:
        raise ValueError("a number is too long to be sent")
    return data


def _decode_int(plain: Plain) -> int:
    if type(plain) is int:
        return plain
    if type(plain) is bytes and 8 < len(plain) <= MAX_NUMBER_BYTES:
        return int.from_bytes(plain, "big", signed=True)
    raise BadEncoding("not a number")


def _decode_nat(plain: Plain) -> int:
    n = plain if type(plain) is int else _decode_int(plain)
    if n < 0:
        raise BadEncoding("a negative number")
    return n


def _encode_real(raw: int | Fraction) -> Plain:
    if raw.denominator == 1:
        return _encode_int(raw.numerator)
    return [_encode_int(raw.numerator), _encode_int(raw.denominator)]


def _decode_real(plain: Plain) -> int | Fraction:
    if type(plain) is int:
        return plain
    if type(plain) is list and len(plain) == 2:
        numerator, denominator = _decode_int(plain[0]), _decode_int(plain[1])
        if denominator < 2 or gcd(numerator, denominator) != 1:
            raise BadEncoding("a fraction that is not in lowest terms")
        return Fraction(numerator, denominator)
    return _decode_int(plain)


def _encode_text(raw: str) -> Plain:
    try:
        return raw.encode("latin-1")
    except UnicodeEncodeError:
        return raw


def _decode_text(plain: Plain) -> str:
    if type(plain) is bytes:
        return plain.decode("latin-1")
    if type(plain) is str and any(ord(c) > 255 for c in plain):
        return plain
    raise BadEncoding("not a text")


def _decode_bool(plain: Plain) -> bool:
    # The zero of a record's last field is left out.
    if plain is None:
        return False
    if type(plain) is not bool:
        raise BadEncoding("not a Bool")
    return plain


def _decode_replica(plain: Plain) -> int:
    if type(plain) is not int or not 1 <= plain <= MAX_REPLICA:
        raise BadEncoding("not an instance")
    return plain


def _encode_dot(raw: tuple[int, int]) -> Plain:
    return raw


def _decode_dot(plain: Plain) -> tuple[int, int]:
    if type(plain) is not list or len(plain) != 2:
        raise BadEncoding("not a dot")
    replica, number = plain
    if type(number) is not int or not 1 <= number < MAX_DOT:
        raise BadEncoding("not a dot")
    return _decode_replica(replica), number


_BASES: dict[str, tuple[Encode, Decode]] = {
    "Bool": (_same, _decode_bool),
    "Nat": (_encode_int, _decode_nat),
    "Int": (_encode_int, _decode_int),
    "Time": (_encode_int, _decode_int),
    "Real": (_encode_real, _decode_real),
    "Text": (_encode_text, _decode_text),
    "Replica": (_same, _decode_replica),
    "Dot": (_encode_dot, _decode_dot),
}


# -- containers ------------------------------------------------------------------------------------


def _option(item: Shape) -> tuple[Encode, Decode]:
    def encode(raw: Raw) -> Plain:
        return None if raw is None else [item.encode(raw[0])]

    def decode(plain: Plain) -> Raw:
        if plain is None:
            return None
        if type(plain) is not list or len(plain) != 1:
            raise BadEncoding("not an Option")
        return (item.decode(plain[0]),)

    return encode, decode


def _sequence(item: Shape) -> tuple[Encode, Decode]:
    def encode(raw: Raw) -> Plain:
        return [item.encode(v) for v in raw] if raw else None

    def decode(plain: Plain) -> Raw:
        if plain is None:
            return ()
        if type(plain) is not list:
            raise BadEncoding("not a Seq")
        return tuple([item.decode(p) for p in plain])

    return encode, decode


def _set(key: Shape) -> tuple[Encode, Decode]:
    def encode(raw: Raw) -> Plain:
        return [key.encode(k) for k in raw] if raw else None

    def decode(plain: Plain) -> Raw:
        if plain is None:
            return EMPTY_MAP
        if type(plain) is not list:
            raise BadEncoding("not a Set")
        members = dict.fromkeys([key.decode(p) for p in plain], True)
        if len(members) != len(plain):
            raise BadEncoding("a Set names a member twice")
        return Map(members)

    return encode, decode


def _map(key: Shape, value: Shape, nothing: Raw) -> tuple[Encode, Decode]:
    def encode(raw: Raw) -> Plain:
        if not raw:
            return None
        plain: list[Plain] = []
        for k, v in raw.items():
            plain.append(key.encode(k))
            plain.append(value.encode(v))
        return plain

    def decode(plain: Plain) -> Raw:
        if plain is None:
            return EMPTY_MAP
        if type(plain) is not list or len(plain) % 2:
            raise BadEncoding("not a Map")
        items = {}
        for i in range(0, len(plain), 2):
            v = value.decode(plain[i + 1])
            if v == nothing:
                raise BadEncoding("a Map holds a zero")
            items[key.decode(plain[i])] = v
        if 2 * len(items) != len(plain):
            raise BadEncoding("a Map names a key twice")
        return Map(items)

    return encode, decode


# -- footprints ------------------------------------------------------------------------------------


def _encode_leaf(footprint: Footprint) -> Plain:
    return True if footprint is None else None


def _decode_leaf(plain: Plain) -> Footprint:
    if plain is True:
        return None
    if plain is None:
        return NOTHING
    raise BadEncoding("a footprint goes deeper than its type")


def _something(plain: Plain) -> Plain:
    if plain is None:
        raise BadEncoding("a footprint names a place and nothing there")
    return plain


def _record_footprint(t: RecordT, shapes: list[Shape]) -> tuple[EncodeFootprint, DecodeFootprint]:
    names = [n for n, _ in t.fields]
    places = {n: i for i, n in enumerate(names)}
    everything = [p for i in range(len(names)) for p in (i, True)]

    def encode(footprint: Footprint) -> Plain:
        if footprint is None:
            return True
        plain: list[Plain] = []
        for name, below in footprint.items():
            if below is not None and not below:
                continue
            place = places[name]
            inner = shapes[place].encode_footprint(below)
            if inner is not None:
                plain.append(place)
                plain.append(inner)
        if len(plain) == len(everything) and all(p is True for p in plain[1::2]):
            return True
        return plain or None

    def decode(plain: Plain) -> Footprint:
        if plain is True:
            return None
        if plain is None:
            return NOTHING
        if type(plain) is not list or len(plain) % 2:
            raise BadEncoding("not a footprint")
        below = {}
        for i in range(0, len(plain), 2):
            place = plain[i]
            if type(place) is not int or not 0 <= place < len(names):
                raise BadEncoding("a footprint names no field")
            below[names[place]] = shapes[place].decode_footprint(_something(plain[i + 1]))
        if 2 * len(below) != len(plain):
            raise BadEncoding("a footprint names a field twice")
        return below

    return encode, decode


def _map_footprint(key: Shape, value: Shape) -> tuple[EncodeFootprint, DecodeFootprint]:
    def encode(footprint: Footprint) -> Plain:
        if footprint is None:
            return True
        plain: list[Plain] = []
        for k, below in footprint.items():
            inner = True if below is None else value.encode_footprint(below)
            if inner is not None:
                plain.append(key.encode(k))
                plain.append(inner)
        return plain or None

    def decode(plain: Plain) -> Footprint:
        if plain is True:
            return None
        if plain is None:
            return NOTHING
        if type(plain) is not list or len(plain) % 2:
            raise BadEncoding("not a footprint")
        below = {}
        for i in range(0, len(plain), 2):
            inner = _something(plain[i + 1])
            below[key.decode(plain[i])] = None if inner is True else value.decode_footprint(inner)
        if 2 * len(below) != len(plain):
            raise BadEncoding("a footprint names a key twice")
        return below

    return encode, decode
