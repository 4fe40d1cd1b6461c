"""BITFIELD and BITFIELD_RO: integers of 1 to 64 bits at any place of a string.

All writes of one command are one write of the whole string, as by SETBIT: of concurrent commands the latest wins.

Source: redis 7.0, `src/bitops.c` (`bitfieldGeneric`, `checkSignedBitfieldOverflow`, `checkUnsignedBitfieldOverflow`);
Redis docs, Active-Active strings (redis_rules.md, 11 and 18).
"""

from __future__ import annotations

from dataclasses import dataclass

from mergelaw.commands.bits import bit_offset
from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.parse import Arguments, to_integer, to_value
from mergelaw.commands.reply import Reply
from mergelaw.commands.strings import bytes_of
from mergelaw.commands.table import Call, command

_BAD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."


@dataclass(frozen=True, slots=True)
class _Type:
    """`i8`, `u16`, ..."""

    signed: bool
    bits: int

    @property
    def greatest(self) -> int:
        return (1 << (self.bits - 1 if self.signed else self.bits)) - 1

    @property
    def least(self) -> int:
        return -self.greatest - 1 if self.signed else 0

    def wrapped(self, number: int) -> int:
        """The number of this type that has the same lowest bits."""
        kept = number & (1 << self.bits) - 1
        return kept - (1 << self.bits) if kept > self.greatest else kept


@dataclass(frozen=True, slots=True)
class _Step:
    """One of the operations."""

    word: bytes
    """GET, SET or INCRBY."""
    type: _Type
    offset: int
    number: int = 0
    """Of SET and INCRBY."""
    overflow: bytes = b"WRAP"


def _type(data: bytes) -> _Type:
    """Raises: CommandError."""
    # Redis reads the number up to a zero byte.
    bits = to_integer(data[1:].partition(b"\0")[0])
    signed = data[:1] == b"i"
    if not signed and data[:1] != b"u" or bits is None or not 1 <= bits <= (64 if signed else 63):
        raise CommandError(_BAD_TYPE)
    return _Type(signed, bits)


_OVERFLOWS = (b"WRAP", b"SAT", b"FAIL")


def _steps(args: list[bytes]) -> list[_Step]:
    """The operations that the arguments name. Raises: CommandError."""
    found: list[_Step] = []
    overflow = b"WRAP"
    options = Arguments(args, 2)
    while options:
        word = options.keyword()
        match word:
            case b"GET" if len(options) >= 2:
                of = _type(options.next())
                found.append(_Step(word, of, bit_offset(options.next(), of.bits)))
            case b"SET" | b"INCRBY" if len(options) >= 3:
                of = _type(options.next())
                offset = bit_offset(options.next(), of.bits)
                found.append(_Step(word, of, offset, options.integer(), overflow))
            case b"OVERFLOW" if options:
                overflow = options.keyword()
                if overflow not in _OVERFLOWS:
                    raise CommandError("ERR Invalid OVERFLOW type specified")
            case _:
                raise syntax_error()
    return found


class _Bits:
    """A string whose bits are read and written."""

    __slots__ = ("data",)

    def __init__(self, data: bytes, length: int) -> None:
        """`data`, filled with zero bytes to `length`."""
        self.data = bytearray(data.ljust(length, b"\0"))

    def read(self, of: _Type, offset: int) -> int:
        """The integer there; beyond the end all bits are 0."""
        first, after = offset >> 3, (offset + of.bits + 7) >> 3
        part = self.data[first:after].ljust(after - first, b"\0")
        return of.wrapped(int.from_bytes(part, "big") >> 8 * after - offset - of.bits)

    def write(self, of: _Type, offset: int, number: int) -> None:
        """Writes an integer; it lies within the string."""
        first, after = offset >> 3, (offset + of.bits + 7) >> 3
        shift = 8 * after - offset - of.bits
        mask = (1 << of.bits) - 1
        part = int.from_bytes(self.data[first:after], "big")
        part = part & ~(mask << shift) | (number & mask) << shift
        self.data[first:after] = part.to_bytes(after - first, "big")


def _run(bits: _Bits, step: _Step) -> int | None:
    """Does one operation; what it answers."""
    old = bits.read(step.type, step.offset)
    if step.word == b"GET":
        return old
    wanted = step.number if step.word == b"SET" else old + step.number
    new = _fitting(step, wanted)
    if new is None:
        return None
    bits.write(step.type, step.offset, new)
    return old if step.word == b"SET" else new


def _fitting(step: _Step, wanted: int) -> int | None:
    """What is written in place of `wanted`; None: nothing."""
    of = step.type
    if of.least <= wanted <= of.greatest:
        return wanted
    match step.overflow:
        case b"FAIL":
            return None
        case b"SAT":
            # Redis reads the number of a SET as unsigned where the type is: below zero it is too great.
            return of.least if wanted < of.least and (of.signed or step.word == b"INCRBY") else of.greatest
        case _:
            return of.wrapped(wanted)


@command(
    b"BITFIELD",
    arity=-2,
    flags="write denyoom",
    keys=(1, 1, 1),
    group="bitmap",
    since="3.2.0",
    summary="Perform arbitrary bitfield integer operations on strings",
    complexity="O(N) where N is the length of the whole string.",
)
def bitfield(c: Call) -> Reply:
    """For each operation the number read (GET), before (SET) or after it (INCRBY); null where it would overflow."""
    key, steps = c.args[1], _steps(c.args)
    writes = [step for step in steps if step.word != b"GET"]
    old = bytes_of(c, key)
    # Room is made also for what then overflows.
    length = max(((step.offset + step.type.bits + 7) >> 3 for step in writes), default=0)
    bits = _Bits(old or b"", length)
    found: list[Reply] = [_run(bits, step) for step in steps]
    done = any(step.word != b"GET" and reply is not None for step, reply in zip(steps, found, strict=True))
    if done or writes and len(bits.data) > len(old or b""):
        c.tx.update(key, "set_keeping", to_value(bytes(bits.data)))
    return found


@command(
    b"BITFIELD_RO",
    arity=-2,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="bitmap",
    since="6.0.0",
    summary="Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD",
    complexity="O(N) where N is the length of the whole string.",
)
def bitfield_read_only(c: Call) -> Reply:
    """As BITFIELD, with GET only."""
    steps = _steps(c.args)
    if any(step.word != b"GET" for step in steps):
        raise CommandError("ERR BITFIELD_RO only supports the GET subcommand")
    bits = _Bits(bytes_of(c, c.args[1]) or b"", 0)
    return [_run(bits, step) for step in steps]
