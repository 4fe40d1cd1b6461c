"""Bits of strings: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. Integers of any width: `bitfields.py`.

A bit is set by a write of the whole string: of concurrent ones the latest wins, and nothing of the others is left. The
time to live stays, but for the result of BITOP, which is a new string. Bit 0 is the highest of the first byte.

Source: redis 7.0, `src/bitops.c`; Redis docs, Active-Active strings (redis_rules.md, 11).
"""

from __future__ import annotations

from collections.abc import Callable

from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.parse import integer, to_integer, to_value
from mergelaw.commands.reply import Reply
from mergelaw.commands.strings import LONGEST, bytes_of
from mergelaw.commands.table import Call, command

_NOT_A_BIT = "ERR bit is not an integer or out of range"


def bit_offset(data: bytes, width: int = 0) -> int:
    """The place of a bit, within 512 MB; `#n` counts in integers of `width` bits, where that is given.

    Raises: CommandError.
    """
    counted = width > 0 and data.startswith(b"#")
    number = to_integer(data[1:] if counted else data)
    offset = -1 if number is None else number * width if counted else number
    if not 0 <= offset < 8 * LONGEST:
        raise CommandError("ERR bit offset is not an integer or out of range")
    return offset


@command(
    b"SETBIT",
    arity=4,
    flags="write denyoom",
    keys=(1, 1, 1),
    group="bitmap",
    since="2.2.0",
    summary="Sets or clears the bit at offset in the string value stored at key",
    complexity="O(N) where N is the length of the whole string.",
)
def setbit(c: Call) -> Reply:
    """What the bit was. What is missing before it is filled with zeros; also a bit that stays as it is is written."""
    key = c.args[1]
    offset = bit_offset(c.args[2])
    bit = integer(c.args[3], _NOT_A_BIT, 0, 1)
    at, mask = offset >> 3, 0x80 >> (offset & 7)
    new = bytearray(bytes_of(c, key) or b"")
    if len(new) <= at:
        new.extend(bytes(at + 1 - len(new)))
    old = new[at]
    new[at] = old | mask if bit else old & ~mask
    c.tx.update(key, "set_keeping", to_value(bytes(new)))
    return int(old & mask != 0)


@command(
    b"GETBIT",
    arity=3,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="bitmap",
    since="2.2.0",
    summary="Returns the bit value at offset in the string value stored at key",
)
def getbit(c: Call) -> Reply:
    """The bit; 0 beyond the end."""
    offset = bit_offset(c.args[2])
    whole = bytes_of(c, c.args[1]) or b""
    return whole[offset >> 3] >> (7 - (offset & 7)) & 1 if offset >> 3 < len(whole) else 0


# Counting and looking -------------------------------------------------------------------------------------------------


def _in_bits(arg: bytes) -> bool:
    """Whether a range is meant in bits rather than bytes. Raises: CommandError."""
    word = arg.upper()
    if word not in (b"BIT", b"BYTE"):
        raise syntax_error()
    return word == b"BIT"


def _clipped(start: int, end: int, length: int) -> tuple[int, int]:
    """Both counted from the start, `end` before `length`, neither below 0."""
    start = max(0, start + length if start < 0 else start)
    end = max(0, end + length if end < 0 else end)
    return start, min(end, length - 1)


@command(
    b"BITCOUNT",
    arity=-2,
    flags="readonly",
    keys=(1, 1, 1),
    group="bitmap",
    since="2.6.0",
    summary="Count set bits in a string",
    complexity="O(N)",
)
def bitcount(c: Call) -> Reply:
    """How many bits are set, in all or from start to end, both included."""
    args = c.args
    whole = bytes_of(c, args[1])
    if whole is None:
        return 0
    if len(args) == 2:
        return int.from_bytes(whole, "big").bit_count()
    if len(args) not in (4, 5):
        raise syntax_error()
    start, end = integer(args[2]), integer(args[3])
    if start < 0 and end < 0 and start > end:
        return 0
    in_bits = len(args) == 5 and _in_bits(args[4])
    start, end = _clipped(start, end, 8 * len(whole) if in_bits else len(whole))
    if start > end:
        return 0
    first, last = (start, end) if in_bits else (8 * start, 8 * end + 7)
    part = int.from_bytes(whole[first >> 3 : (last >> 3) + 1], "big") >> (7 - (last & 7))
    return (part & (1 << (last - first + 1)) - 1).bit_count()


@command(
    b"BITPOS",
    arity=-3,
    flags="readonly",
    keys=(1, 1, 1),
    group="bitmap",
    since="2.8.7",
    summary="Find first bit set or clear in a string",
    complexity="O(N)",
)
def bitpos(c: Call) -> Reply:
    """Where the first such bit stands, in all or from start to end; -1 if there is none.

    A clear bit is found right after the string, unless the end is given.
    """
    args = c.args
    bit = integer(args[2])
    if bit not in (0, 1):
        raise CommandError("ERR The bit argument must be 1 or 0.")
    whole = bytes_of(c, args[1])
    if whole is None:
        return -1 if bit else 0
    if len(args) > 6:
        raise syntax_error()
    start = integer(args[3]) if len(args) > 3 else 0
    in_bits = len(args) == 6 and _in_bits(args[5])
    end = integer(args[4]) if len(args) > 4 else -1
    start, end = _clipped(start, end, 8 * len(whole) if in_bits else len(whole))
    if start > end:
        return -1
    first, last = (start, end) if in_bits else (8 * start, 8 * end + 7)
    found = _first(whole, bit, first, last)
    if found is not None:
        return found
    return 8 * len(whole) if not bit and len(args) < 5 else -1


def _first(whole: bytes, bit: int, first: int, last: int) -> int | None:
    """Where the first `bit` from `first` to `last` stands; None: nowhere."""
    part = bytearray(whole[first >> 3 : (last >> 3) + 1])
    # What is outside of the range is made what is not looked for.
    before, after = 0xFF >> (first & 7), 0xFF << (7 - (last & 7)) & 0xFF
    if bit:
        part[0] &= before
        part[-1] &= after
    else:
        part[0] |= before ^ 0xFF
        part[-1] |= after ^ 0xFF
    left = part.lstrip(b"\0" if bit else b"\xff")
    if not left:
        return None
    inside = left[0] if bit else left[0] ^ 0xFF
    return (first >> 3) * 8 + 8 * (len(part) - len(left)) + 8 - inside.bit_length()


# Combining ------------------------------------------------------------------------------------------------------------

_OPERATIONS: dict[bytes, Callable[[int, int], int]] = {
    b"AND": lambda a, b: a & b,
    b"OR": lambda a, b: a | b,
    b"XOR": lambda a, b: a ^ b,
}


@command(
    b"BITOP",
    arity=-4,
    flags="write denyoom",
    keys=(2, -1, 1),
    group="bitmap",
    since="2.6.0",
    summary="Perform bitwise operations between strings",
    complexity="O(N)",
)
def bitop(c: Call) -> Reply:
    """The length of the result, which replaces what the target holds; an empty one deletes it.

    Shorter strings are filled with zeros at the end.
    """
    word, target, sources = c.args[1].upper(), c.args[2], c.args[3:]
    if word != b"NOT" and word not in _OPERATIONS:
        raise syntax_error()
    if word == b"NOT" and len(sources) != 1:
        raise CommandError("ERR BITOP NOT must be called with a single source key.")
    strings = [bytes_of(c, key) or b"" for key in sources]
    length = max(map(len, strings))
    if not length:
        c.tx.delete(target)
        return 0
    numbers = (int.from_bytes(string.ljust(length, b"\0"), "big") for string in strings)
    result = next(numbers)
    if word == b"NOT":
        result ^= (1 << 8 * length) - 1
    else:
        combine = _OPERATIONS[word]
        for number in numbers:
            result = combine(result, number)
    c.tx.update(target, "set", to_value(result.to_bytes(length, "big")))
    return length
