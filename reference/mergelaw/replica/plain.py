"""Values of the base types as plain trees, and back, believing nothing; what of it is not printed in place.

Generated code (see `encoding` and `decoding`) treats the usual case itself and asks here about all others.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd
from typing import Any

from mergelaw.replica.model import MAX_DOT, MAX_REPLICA

Plain = Any
"""None, bool, int, bytes, str, or a list or tuple of such."""

MAX_NUMBER_BYTES = 4096
"""No number is longer: arithmetic with it would take too long."""

INT64 = 1 << 63
"""Numbers from -INT64 to below INT64 are sent as such, others as their bytes."""


class BadEncoding(ValueError):
    """Bytes that no encoder wrote."""


def encode_int(raw: int) -> Plain:
    """A Nat, Int or Time. Raises: ValueError, if it is longer than 4096 bytes."""
    if -INT64 <= raw < INT64:
        return raw
    data = raw.to_bytes(raw.bit_length() // 8 + 1, "big", signed=True)
    if len(data) > MAX_NUMBER_BYTES:
        raise ValueError("a number is too long to be sent")
    return data


def encode_real(raw: int | Fraction) -> Plain:
    """A Real. Raises: ValueError, if a number in it is longer than 4096 bytes."""
    if raw.denominator == 1:
        return encode_int(raw.numerator)
    return [encode_int(raw.numerator), encode_int(raw.denominator)]


def encode_text(raw: str) -> Plain:
    """A Text."""
    try:
        return raw.encode("latin-1")
    except UnicodeEncodeError:
        return raw


def decode_int(plain: Plain) -> int:
    """An Int or Time. Raises: BadEncoding."""
    if type(plain) is int:
        return plain
    if type(plain) is bytes and 8 < len(plain) <= MAX_NUMBER_BYTES:
        return int.from_bytes(plain, "big", signed=True)
    raise BadEncoding("not a number")


def decode_nat(plain: Plain) -> int:
    """A Nat. Raises: BadEncoding."""
    n = decode_int(plain)
    if n < 0:
        raise BadEncoding("a negative number")
    return n


def decode_real(plain: Plain) -> int | Fraction:
    """A Real. Raises: BadEncoding."""
    if type(plain) is list and len(plain) == 2:
        numerator, denominator = decode_int(plain[0]), decode_int(plain[1])
        if denominator < 2 or gcd(numerator, denominator) != 1:
            raise BadEncoding("a fraction that is not in lowest terms")
        return Fraction(numerator, denominator)
    return decode_int(plain)


def decode_text(plain: Plain) -> str:
    """A Text. Raises: BadEncoding."""
    if type(plain) is bytes:
        return plain.decode("latin-1")
    if type(plain) is str and any(ord(c) > 255 for c in plain):
        return plain
    raise BadEncoding("not a text")


def decode_bool(plain: Plain) -> bool:
    """A Bool; the zero of a record's last field is left out. Raises: BadEncoding."""
    if plain is None:
        return False
    if type(plain) is not bool:
        raise BadEncoding("not a Bool")
    return plain


def decode_replica(plain: Plain) -> int:
    """A Replica. Raises: BadEncoding."""
    if type(plain) is not int or not 1 <= plain <= MAX_REPLICA:
        raise BadEncoding("not an instance")
    return plain


def decode_dot(plain: Plain) -> tuple[int, int]:
    """A Dot. Raises: BadEncoding."""
    if type(plain) is not list or len(plain) != 2:
        raise BadEncoding("not a dot")
    replica, number = plain
    if type(number) is not int or not 1 <= number < MAX_DOT:
        raise BadEncoding("not a dot")
    return decode_replica(replica), number
