"""Arguments read exactly as Redis reads them, and string values between bytes and the spec's `Value`.

Source: redis 7.0, `src/util.c` (`string2ll`, `string2ld`), `src/object.c` (`getLongLongFromObject`,
`getDoubleFromObject`), `src/timeout.c`; spec/mergelaw/types/scalar.crdt, `Value`.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

from mergelaw.commands.errors import NOT_A_FLOAT, NOT_AN_INTEGER, NOT_POSITIVE, CommandError, syntax_error

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1

_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_DECIMAL = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]+))?")
_HEXADECIMAL = re.compile(rb"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP]([+-]?[0-9]+))?")
_INFINITE = re.compile(rb"([+-]?)inf(?:inity)?", re.IGNORECASE)
_LONGEST_REAL = 5 * 1024
"""Redis reads no longer text as a long double."""
_GREATEST_EXPONENT = 4932
"""Of ten, in a long double."""
_SHORT = 4000
_LARGE = 10**_SHORT
"""Python writes and reads integers of so many digits."""
_SMALL = 1 << 64
_PLACES = 17
"""INCRBYFLOAT writes so many decimals at most."""
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]{0,18})\.[0-9]{0,%d}[1-9]" % (_PLACES - 1))


# Integers -------------------------------------------------------------------------------------------------------------


def to_integer(data: bytes) -> int | None:
    """The 64-bit integer that `data` is the shortest writing of; None iff it is none.

    So no plus sign, no leading zeros, no spaces, no `-0`.
    """
    if _INTEGER.fullmatch(data) is None:
        return None
    value = int(data)
    return value if INT64_MIN <= value <= INT64_MAX else None


def integer(data: bytes, error: str = NOT_AN_INTEGER, low: int = INT64_MIN, high: int = INT64_MAX) -> int:
    """The integer that `data` writes, within low..high. Raises: CommandError(error)."""
    value = to_integer(data)
    if value is None or not low <= value <= high:
        raise CommandError(error)
    return value


def positive(data: bytes, error: str = NOT_POSITIVE) -> int:
    """An integer of 0..2^63-1, as counts are (SPOP, SRANDMEMBER). Raises: CommandError(error).

    Redis gives the same error for what is no integer at all.
    """
    return integer(data, error, low=0)


# Floats ---------------------------------------------------------------------------------------------------------------


def to_real(data: bytes) -> Fraction | float | None:
    """The exact number that `data` writes in decimal or hexadecimal; a float iff it is infinite; None iff it is none.

    As C reads a `long double`: no spaces, no trailing garbage, no NaN, and the exponent in range. Redis rounds to 64
    bits; here nothing is rounded.
    """
    if not data or len(data) >= _LONGEST_REAL:
        return None
    found = _DECIMAL.fullmatch(data)
    if found is not None:
        if found[1] is not None and (len(found[1]) > 6 or abs(int(found[1])) > _GREATEST_EXPONENT + len(data)):
            # Out of range, unless it is zero all the same.
            mantissa = data[: found.start(1) - 1]
            return None if any(c in b"123456789" for c in mantissa) else Fraction(0)
        # By way of Decimal, since Python reads no integer of more than 4300 digits.
        value = Fraction(Decimal(data.decode("ascii")) if len(data) > _SHORT else data.decode("ascii"))
        return value if abs(value) < 10 ** (_GREATEST_EXPONENT + 1) else None
    found = _HEXADECIMAL.fullmatch(data)
    if found is not None:
        try:
            return Fraction(float.fromhex(data.decode("ascii")))
        except (OverflowError, ValueError):
            return None
    found = _INFINITE.fullmatch(data)
    if found is not None:
        return -math.inf if found[1] == b"-" else math.inf
    return None


def real(data: bytes, error: str = NOT_A_FLOAT) -> Fraction | float:
    """The exact number that `data` writes; a float iff it is infinite. Raises: CommandError(error)."""
    value = to_real(data)
    if value is None:
        raise CommandError(error)
    return value


def to_double(data: bytes) -> float | None:
    """The double that `data` writes, maybe infinite; None iff it writes none, or one out of range."""
    value = to_real(data)
    if value is None or isinstance(value, float):
        return value
    try:
        return float(value)
    except OverflowError:
        return None


def double(data: bytes, error: str = NOT_A_FLOAT) -> float:
    """The double that `data` writes, maybe infinite. Raises: CommandError(error)."""
    value = to_double(data)
    if value is None:
        raise CommandError(error)
    return value


# Timeouts, options ----------------------------------------------------------------------------------------------------


def timeout_ms(data: bytes) -> int:
    """A timeout in seconds, maybe with a fraction, as milliseconds; 0 waits for ever. Raises: CommandError.

    What does not fit into 64 bits is negative, as redis-server 7.0 has it.
    """
    seconds = to_real(data)
    if seconds is None:
        raise CommandError("ERR timeout is not a float or out of range")
    if isinstance(seconds, float) or not 0 <= (waiting := math.ceil(seconds * 1000)) <= INT64_MAX:
        raise CommandError("ERR timeout is negative")
    return waiting


def timeout_in_ms(data: bytes) -> int:
    """A timeout in whole milliseconds, as WAIT has it; 0 waits for ever. Raises: CommandError."""
    waiting = integer(data, "ERR timeout is not an integer or out of range")
    if waiting < 0:
        raise CommandError("ERR timeout is negative")
    return waiting


class Arguments:
    """The options of a command, read from left to right.

    options = Arguments(c.args, 3)
    while options:
        match options.keyword():
            case b"EX": seconds = options.integer()
            case b"NX": ...
            case _: raise syntax_error()
    """

    __slots__ = ("args", "at")

    def __init__(self, args: list[bytes], at: int = 1) -> None:
        """Reads `args` from position `at` on."""
        self.args = args
        self.at = at

    def __bool__(self) -> bool:
        return self.at < len(self.args)

    def __len__(self) -> int:
        """How many are left."""
        return max(0, len(self.args) - self.at)

    def next(self) -> bytes:
        """The next argument as it is. Raises: CommandError (a syntax error), if there is none."""
        if self.at >= len(self.args):
            raise syntax_error()
        self.at += 1
        return self.args[self.at - 1]

    def keyword(self) -> bytes:
        """The next argument in capital letters. Raises: CommandError (a syntax error), if there is none."""
        return self.next().upper()

    def integer(self, error: str = NOT_AN_INTEGER) -> int:
        """The next argument as an integer. Raises: CommandError."""
        return integer(self.next(), error)

    def rest(self) -> list[bytes]:
        """All that is left."""
        left, self.at = self.args[self.at :], len(self.args)
        return left


# String values --------------------------------------------------------------------------------------------------------

Number = Fraction | int

Value = tuple[int, str | Number]
"""Raw `Value` of the spec: (0, text) or (1, number)."""


def to_text(data: bytes) -> str:
    """The spec's Text of `data`: one character a byte, so orders agree and nothing is lost."""
    return data.decode("latin-1")


def from_text(text: str) -> bytes:
    """The bytes of a Text; inverse of `to_text`."""
    return text.encode("latin-1")


def to_value(stored: bytes) -> Value:
    """How the spec holds the string `stored`: as a number iff it is the one writing of one that `number_bytes` gives.

    These are 64-bit integers, and decimals of at most 17 places whose whole part has at most 19 digits; so INCR and
    INCRBYFLOAT count on them, and GET gives back the very bytes.
    """
    if stored and len(stored) <= 40 and stored[0] in b"-0123456789":
        whole = to_integer(stored)
        if whole is not None:
            return 1, whole
        if _NUMBER.fullmatch(stored) is not None:
            return 1, Fraction(stored.decode("ascii"))
    return 0, stored.decode("latin-1")


def from_value(value: Value) -> bytes:
    """The bytes of a string that the spec holds as `value`."""
    kind, content = value
    if kind == 0:
        assert isinstance(content, str)
        return content.encode("latin-1")
    assert not isinstance(content, str)
    return number_bytes(content)


def number_bytes(number: Number) -> bytes:
    """The shortest decimal writing of `number`, rounded to 17 places: no exponent, no trailing zeros.

    Source: redis 7.0, `src/util.c`, `ld2string` in the mode LD_STR_HUMAN.
    """
    if type(number) is int and -_SMALL < number < _SMALL:
        return b"%d" % number
    if number.denominator == 1 and -_LARGE < number < _LARGE:
        return b"%d" % number.numerator
    scaled = round(abs(number) * 10**_PLACES)
    whole, rest = divmod(scaled, 10**_PLACES)
    sign = b"-" if number < 0 and scaled else b""
    decimals = (b"%0*d" % (_PLACES, rest)).rstrip(b"0")
    # By way of Decimal, since Python writes no integer of more than 4300 digits.
    digits = b"%d" % whole if whole < _LARGE else str(Decimal(whole)).encode()
    return sign + digits + (b"." + decimals if decimals else b"")
