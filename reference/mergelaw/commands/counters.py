"""Strings as counters: INCR and its kin. Concurrent ones add up; SET and DEL cancel those that they have seen.

A counter that INCR, DECR, INCRBY, DECRBY or HINCRBY leaves is a 59-bit integer: a result outside -2^58..2^58-1 is
refused, with the error that Redis has for 64 bits. So what instances add at the same time does not leave 64 bits
either. INCRBYFLOAT counts on exact decimals of 17 places, where Redis rounds to a `long double`; it has no such limit.

Source: redis 7.0, `src/t_string.c` (`incrDecrCommand`, `incrbyfloatCommand`); Redis docs, Active-Active strings,
"String counter support" (redis_rules.md, 14 to 16); spec/mergelaw/types/scalar.crdt, `increase`.
"""

from __future__ import annotations

from fractions import Fraction

from mergelaw.commands.errors import NOT_A_FLOAT, NOT_A_NUMBER_SUM, NOT_AN_INTEGER, OVERFLOW, CommandError
from mergelaw.commands.parse import INT64_MAX, INT64_MIN, Number, Value, integer, number_bytes, real, to_real
from mergelaw.commands.reply import Reply
from mergelaw.commands.strings import value_of
from mergelaw.commands.table import Call, command

LEAST = -(2**58)
GREATEST = 2**58 - 1

_PLACES = 10**17
_LARGEST = Fraction(2**64 - 1) * 2 ** (16383 - 63)
"""The greatest `long double`."""


def counted(value: Value | None, amount: int, error: str) -> int:
    """What `value` (None: absent, so 0) and `amount` come to.

    Raises: CommandError: `error`, where `value` is no 64-bit integer; else that of an overflow, where the sum has not
    59 bits.
    """
    base = 0
    if value is not None:
        number = value[1]
        if type(number) is int and LEAST <= number + amount <= GREATEST and INT64_MIN <= number <= INT64_MAX:
            return number + amount
        if isinstance(number, str) or number.denominator != 1 or not INT64_MIN <= number <= INT64_MAX:
            raise CommandError(error)
        base = number.numerator
    total = base + amount
    if not LEAST <= total <= GREATEST:
        raise CommandError(OVERFLOW)
    return total


def decimal(number: Number) -> Number:
    """`number` rounded to 17 places, so that its writing is exact: what is read is what was added."""
    return number if number.denominator == 1 else Fraction(round(number * _PLACES), _PLACES)


def summed(value: Value | None, amount: Number | float, error: str = NOT_A_FLOAT) -> tuple[Number, Number | None]:
    """What `value` (None: absent, so 0) and `amount` come to, and how much to count onto it.

    None in place of the latter: `value` is no number to the spec (as `1e3`), so the sum must be written as a whole.
    Raises: CommandError: `error`, where `value` is no number; that of an infinite sum.
    """
    base: Number | float = 0
    countable = True
    if value is not None:
        content = value[1]
        if isinstance(content, str):
            countable = False
            read = to_real(content.encode("latin-1"))
            if read is None:
                raise CommandError(error)
            base = read
        else:
            base = content
    if isinstance(base, float) or isinstance(amount, float):
        raise CommandError(NOT_A_NUMBER_SUM)
    change = decimal(amount)
    total = decimal(base) + change
    if abs(total) > _LARGEST:
        raise CommandError(NOT_A_NUMBER_SUM)
    return total, change if countable else None


def _increase(c: Call, amount: int) -> int:
    key, tx = c.args[1], c.tx
    total = tx.increased(key, amount, LEAST, GREATEST)
    if total is None:
        total = counted(value_of(c, key), amount, NOT_AN_INTEGER)
        tx.update(key, "increase", amount, tx.accumulator(key))
        tx.remember(key, "increase", (), total)
    return total


@command(
    b"INCR",
    arity=2,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="string",
    summary="Increment the integer value of a key by one",
)
def incr(c: Call) -> Reply:
    """The sum, as this instance sees it."""
    return _increase(c, 1)


@command(
    b"DECR",
    arity=2,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="string",
    summary="Decrement the integer value of a key by one",
)
def decr(c: Call) -> Reply:
    """The difference, as this instance sees it."""
    return _increase(c, -1)


@command(
    b"INCRBY",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="string",
    summary="Increment the integer value of a key by the given amount",
)
def incrby(c: Call) -> Reply:
    """The sum, as this instance sees it."""
    return _increase(c, integer(c.args[2]))


@command(
    b"DECRBY",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="string",
    summary="Decrement the integer value of a key by the given number",
)
def decrby(c: Call) -> Reply:
    """The difference, as this instance sees it."""
    amount = integer(c.args[2])
    if amount == INT64_MIN:
        raise CommandError("ERR decrement would overflow")
    return _increase(c, -amount)


@command(
    b"INCRBYFLOAT",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="string",
    since="2.6.0",
    summary="Increment the float value of a key by the given amount",
)
def incrbyfloat(c: Call) -> Reply:
    """The sum, as this instance sees it, in decimal without exponent."""
    key = c.args[1]
    value = value_of(c, key)
    if value is not None and isinstance(value[1], str) and to_real(value[1].encode("latin-1")) is None:
        raise CommandError(NOT_A_FLOAT)
    total, change = summed(value, real(c.args[2]))
    if change is None:
        c.tx.update(key, "set_keeping", (1, total))
    else:
        c.tx.update(key, "increase", change, c.tx.accumulator(key))
    return number_bytes(total)
