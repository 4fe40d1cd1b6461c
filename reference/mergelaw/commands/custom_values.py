"""Values of any type of the spec language as arguments and replies of commands.

Arguments:

    Bool                true or false, also 1 or 0
    Nat, Int, Time      a whole number; a Time in ms since 1970
    Real                a decimal, taken exactly, or a fraction such as 1/3
    Text                the bytes as they are
    Replica             the id of an instance
    Dot                 1.2: number 2 of instance 1
    Option              `none`, or the value; `some(...)`, as the language writes it, where that leaves a doubt
    enum                the name of a variant without contents
    all others          a literal of the language: {"a", "b"}, {"a": 1}, (1, "x"), [1, 2], { name = "x" }, text("x")

Replies:

    Bool                boolean
    Nat, Int, Time      integer; beyond 64 bits a bulk string
    Real                bulk string: the exact decimal, or `n/d` where there is none
    Text                bulk string
    Replica, Dot        integer; bulk string `1.2`
    Option              null, or the value; that of an Option of Options in an array
    enum                the variant's name; an array of name and contents, where there are any
    tuple, Seq          array
    record              map by the names of its fields
    Set, Map            set, map, in ascending order; a key that is no single value is written as a literal
    a declared type     as its state

A Text holds one character for each byte. In a literal `\\u00e9` is therefore the byte e9; there is nothing above ff.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from mergelaw.commands.parse import INT64_MAX, INT64_MIN, to_text
from mergelaw.commands.reply import Reply, SetReply
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
from mergelaw.replica.codec import BadEncoding, pack, unpack
from mergelaw.replica.model import MAX_DOT, MAX_REPLICA
from mergelaw.replica.shape import Shapes
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.literals import LiteralError, read, show, show_real
from mergelaw.semantics.values import EMPTY_MAP, NoZero, Raw, in_order, zero

Read = Callable[[bytes], Raw]
"""Raises: BadArgument."""
Write = Callable[[Raw], Reply]

MAX_DIGITS = 1000
"""A number that a command names has no more."""
MAX_LITERAL_BYTES = 1 << 20
"""A literal is no longer; a Text by itself may be."""

_SHOWN = 64
"""So much of a wrong argument is quoted."""
_DEPTH = 4
"""Examples are no deeper."""
_WHOLE = re.compile(rb"-?[0-9]{1,%d}" % MAX_DIGITS)
_REAL = re.compile(rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?|[+-]?[0-9]+/0*[1-9][0-9]*")
_DOT = re.compile(rb"([0-9]{1,4})\.([0-9]{1,19})")
_TRUE, _FALSE = (b"true", b"1"), (b"false", b"0")


class BadArgument(ValueError):
    """An argument is no value of its type; the message says why, maybe with nothing."""


# Arguments ------------------------------------------------------------------------------------------------------------


def reader(program: Program, t: Type) -> Read:
    """Reads arguments of type `t`, which has no parameters."""
    match t:
        case Base(name):
            return _BASES[name]
        case OptionType(item):
            return _option(program, t, reader(program, item))
        case EnumT():
            return _enum(program, t)
        case _:
            return _literal(program, t)


def example(program: Program, t: Type) -> str:
    """An argument of type `t` as one might type it."""
    match t:
        case Base("Text"):
            return "apples"
        case OptionType(item):
            return f"none, or {example(program, item)}"
        case _:
            return show(program, t, _sample(program, t, _DEPTH))


def quoted(data: bytes) -> str:
    """The beginning of an argument, fit for an error reply."""
    text = "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in to_text(data[:_SHOWN]))
    return f"`{text}`" if len(data) <= _SHOWN else f"`{text}...`"


def _bool(data: bytes) -> bool:
    word = data.lower()
    if word not in _TRUE + _FALSE:
        raise BadArgument("")
    return word in _TRUE


def _int(data: bytes) -> int:
    if _WHOLE.fullmatch(data) is None:
        raise BadArgument(f"it has more than {MAX_DIGITS} digits" if data.lstrip(b"-").isdigit() else "")
    return int(data)


def _nat(data: bytes) -> int:
    value = _int(data)
    if value < 0:
        raise BadArgument("a Nat is not negative")
    return value


def _time(data: bytes) -> int:
    value = _int(data)
    if not 0 <= value <= INT64_MAX:
        raise BadArgument("a Time is in ms since 1970, and not before")
    return value


def _real(data: bytes) -> Fraction:
    if len(data) > MAX_DIGITS:
        raise BadArgument(f"it has more than {MAX_DIGITS} digits")
    if _REAL.fullmatch(data) is None:
        raise BadArgument("")
    return Fraction(data.decode("ascii"))


def _replica(data: bytes) -> int:
    value = _int(data)
    if not 1 <= value <= MAX_REPLICA:
        raise BadArgument(f"instances have ids of 1..{MAX_REPLICA}")
    return value


def _dot(data: bytes) -> tuple[int, int]:
    found = _DOT.fullmatch(data)
    if found is None:
        raise BadArgument("")
    dot = int(found[1]), int(found[2])
    if not (1 <= dot[0] <= MAX_REPLICA and 1 <= dot[1] < MAX_DOT):
        raise BadArgument(f"instances have ids of 1..{MAX_REPLICA}, and count their dots from 1")
    return dot


_BASES: dict[str, Read] = {
    "Bool": _bool,
    "Nat": _nat,
    "Int": _int,
    "Real": _real,
    "Text": to_text,
    "Time": _time,
    "Replica": _replica,
    "Dot": _dot,
}


def _option(program: Program, t: OptionType, item: Read) -> Read:
    literal = _literal(program, t)

    def read_option(data: bytes) -> Raw:
        if data == b"none":
            return None
        if data.startswith(b"some("):
            try:
                return literal(data)
            except BadArgument:
                # A Text may begin so too.
                pass
        return (item(data),)

    return read_option


def _enum(program: Program, t: EnumT) -> Read:
    literal = _literal(program, t)
    variants = program.variants(t)
    bare: dict[bytes, Raw] = {n.encode(): (i,) for i, (n, payload) in enumerate(variants) if not payload}
    names = ", ".join(f"{n}({', '.join(str(f) for _, f in payload)})" if payload else n for n, payload in variants)

    def read_enum(data: bytes) -> Raw:
        found = bare.get(data)
        if found is not None:
            return found
        try:
            return literal(data)
        except BadArgument as problem:
            raise BadArgument(f"{problem}; it is one of {names}") from None

    return read_enum


def _literal(program: Program, t: Type) -> Read:
    shape = Shapes(program).of(t)

    def read_literal(data: bytes) -> Raw:
        if len(data) > MAX_LITERAL_BYTES:
            raise BadArgument(f"it is longer than {MAX_LITERAL_BYTES} bytes")
        text = to_text(data)
        try:
            value = read(program, t, text)
            # The wire knows what ids, dots and numbers there can be.
            shape.decode(unpack(pack(shape.encode(value))))
        except LiteralError as problem:
            raise BadArgument(str(problem).replace(f" of `{text}`", "", 1)) from None
        except RecursionError:
            raise BadArgument("it is too deep") from None
        except BadEncoding as problem:
            raise BadArgument(str(problem)) from None
        except (OverflowError, ValueError):
            raise BadArgument("a number in it is too long") from None
        _check(program, t, value)
        return value

    return read_literal


def _check(program: Program, t: Type, value: Raw) -> None:
    """Raises: BadArgument, for a character that is no byte, and for a state with live dots, which nobody has made."""
    match t:
        case Base("Text"):
            if not value.isascii() and max(value) > "\xff":
                raise BadArgument("a Text holds bytes, so an escape in it is at most \\u00ff")
        case OptionType(item) if value is not None:
            _check(program, item, value[0])
        case TupleT(items):
            for i, v in zip(items, value, strict=True):
                _check(program, i, v)
        case RecordT(fields):
            for (_, f), v in zip(fields, value, strict=True):
                _check(program, f, v)
        case EnumT():
            for (_, f), v in zip(program.variants(t)[value[0]][1], value[1:], strict=True):
                _check(program, f, v)
        case SeqT(item):
            for v in value:
                _check(program, item, v)
        case MapT(key, item):
            for k, v in value.items():
                _check(program, key, k)
                _check(program, item, v)
        case Named():
            if program.types[t.name].kind == "store" and Compiled(program, t).dots(value):
                raise BadArgument(f"a {t} that is an argument holds no dots: updates give them")
            _check(program, program.state_type(t), value)


_SAMPLES: dict[str, Raw] = {
    "Bool": True,
    "Nat": 3,
    "Int": -3,
    "Real": Fraction(5, 2),
    "Text": "apples",
    "Time": 1_700_000_000_000,
    "Replica": 1,
    "Dot": (1, 2),
}


def _sample(program: Program, t: Type, depth: int) -> Raw:
    """A value of `t`, not zero where there is room."""
    below = depth - 1
    match t:
        case Base(name):
            return _SAMPLES[name]
        case OptionType(item):
            return (_sample(program, item, below),) if depth > 0 else None
        case TupleT(items):
            return tuple(_sample(program, i, below) for i in items)
        case RecordT(fields):
            return tuple(_sample(program, f, below) for _, f in fields)
        case EnumT():
            variants = program.variants(t)
            # A variant may hold its own enum; some other does not.
            chosen = 0 if depth > 0 else min(range(len(variants)), key=lambda i: len(variants[i][1]))
            return (chosen, *(_sample(program, f, below) for _, f in variants[chosen][1]))
        case SeqT(item):
            return (_sample(program, item, below),) if depth > 0 else ()
        case MapT(key, item):
            if depth <= 0:
                return EMPTY_MAP
            return EMPTY_MAP.set(_sample(program, key, below), True if item == BOOL else _sample(program, item, below))
        case Named():
            if program.types[t.name].kind == "store" or depth <= 0:
                try:
                    return zero(program, t)
                except NoZero:
                    pass
            return _sample(program, program.state_type(t), below)
        case _:
            raise TypeError(f"{t} has no values")


# Replies --------------------------------------------------------------------------------------------------------------


class Writers:
    """Makes replies of the values of one program's types; each writer is made once, as types may be recursive."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[Type, Write] = {}

    def of(self, t: Type) -> Write:
        """The writer of a type without parameters."""
        found = self._known.get(t)
        if found is None:
            # Until it is made, a type inside that is the same one finds it later.
            self._known[t] = lambda value: self._known[t](value)
            found = self._known[t] = self._make(t)
        return found

    def _make(self, t: Type) -> Write:
        program = self._program
        match t:
            case Base(name):
                return _WRITERS[name]
            case Named():
                return self.of(program.state_type(t))
            case OptionType(item):
                write = self.of(item)
                if isinstance(item, OptionType):
                    return lambda value: None if value is None else [write(value[0])]
                return lambda value: None if value is None else write(value[0])
            case TupleT(items):
                writes = [self.of(i) for i in items]
                return lambda value: [w(v) for w, v in zip(writes, value, strict=True)]
            case SeqT(item):
                write = self.of(item)
                return lambda value: [write(v) for v in value]
            case RecordT(fields):
                named = [(n.encode(), self.of(f)) for n, f in fields]
                return lambda value: {n: w(v) for (n, w), v in zip(named, value, strict=True)}
            case EnumT():
                variants = [(n.encode(), [self.of(f) for _, f in payload]) for n, payload in program.variants(t)]
                return lambda value: _write_variant(variants[value[0]], value[1:])
            case MapT(key, item):
                if item == BOOL:
                    write = self.of(key)
                    return lambda value: SetReply([write(k) for k in in_order(program, key, value)])
                return _write_map(program, key, self._key(key), self.of(item))
            case _:
                raise TypeError(f"{t} has no values")

    def _key(self, t: Type) -> Write:
        """The writer of keys of maps, which have to be single values."""
        program = self._program
        match t:
            case Base():
                return self.of(t)
            case EnumT() if not any(payload for _, payload in program.variants(t)):
                return self.of(t)
            case _:
                return lambda value: _write_text(show(program, t, value))


def _write_map(program: Program, key: Type, write_key: Write, write: Write) -> Write:
    return lambda value: {write_key(k): write(value[k]) for k in in_order(program, key, value)}


def _write_variant(variant: tuple[bytes, list[Write]], values: tuple[Raw, ...]) -> Reply:
    name, payload = variant
    return [name, *(w(v) for w, v in zip(payload, values, strict=True))] if payload else name


def _write_text(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        # Only the text of a spec can say so; the file is UTF-8.
        return value.encode("utf-8", "surrogatepass")


def _write_int(value: int) -> Reply:
    if INT64_MIN <= value <= INT64_MAX:
        return value
    return _digits(value).encode()


def _write_real(value: Raw) -> bytes:
    exact = Fraction(value)
    try:
        return show_real(exact).encode()
    except ValueError:
        # Python writes no integer of more than 4300 digits by itself.
        return f"{_digits(exact.numerator)}/{_digits(exact.denominator)}".encode().removesuffix(b"/1")


def _digits(value: int) -> str:
    return str(value) if value.bit_length() < 4 * MAX_DIGITS else str(Decimal(value))


def _write_dot(value: Any) -> bytes:
    return b"%d.%d" % value


_WRITERS: dict[str, Write] = {
    "Bool": bool,
    "Nat": _write_int,
    "Int": _write_int,
    "Real": _write_real,
    "Text": _write_text,
    "Time": _write_int,
    "Replica": _write_int,
    "Dot": _write_dot,
}
