"""Scores between bytes, doubles and the spec, and the bounds of ranges.

The state holds exact numbers; Redis knows doubles. What clients write is read as a double, and what they read is the
double nearest to the exact score: so a sum of many increments is rounded once, where Redis rounds each time. Members
are ordered by what clients read. There is no negative zero.

Source: redis 7.0, `src/object.c` (`getDoubleFromObject`), `src/t_zset.c` (`zslParseRange`, `zslParseLexRange`),
`src/networking.c` (`addReplyDouble`); spec/mergelaw/types/scalar.crdt, `Value`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from mergelaw.commands.errors import NOT_A_FLOAT, CommandError
from mergelaw.commands.parse import Value, from_text, to_text
from mergelaw.commands.reply import Reply
from mergelaw.commands.table import Call

_DECIMAL = re.compile(rb"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE][+-]?[0-9]+)?")
_HEXADECIMAL = re.compile(rb"([+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+))(?:[pP][+-]?[0-9]+)?")
_INFINITE = re.compile(rb"[+-]?inf(?:inity)?", re.IGNORECASE)
_WHOLE = 2.0**62
_SPACES = b" \t\n\v\f\r"
_RANGE_ERROR = "ERR min or max is not a float"
_LEX_ERROR = "ERR min or max not valid string range item"


# Reading --------------------------------------------------------------------------------------------------------------


def _strtod(data: bytes) -> tuple[float, bool] | None:
    """The double that `data` writes, and whether it is in range; None iff it writes none, or no number.

    As C reads it, but that all of `data` counts, and no space. Out of range it is an infinity or zero.
    """
    found = _DECIMAL.fullmatch(data)
    if found is not None:
        value = float(data)
        in_range = not math.isinf(value) and (value != 0 or found[1].strip(b"+-0.") == b"")
        return value, in_range
    found = _HEXADECIMAL.fullmatch(data)
    if found is not None:
        try:
            value = float.fromhex(data.decode("ascii"))
        except OverflowError:
            return (-math.inf if data[:1] == b"-" else math.inf), False
        return value, value != 0 or found[1].lstrip(b"+-").strip(b"xX0.") == b""
    if _INFINITE.fullmatch(data) is not None:
        return (-math.inf if data[:1] == b"-" else math.inf), True
    return None


def score(data: bytes, error: str = NOT_A_FLOAT) -> float:
    """The score that `data` writes, maybe infinite. Raises: CommandError(error): no number, NaN, or out of range."""
    found = _strtod(data)
    if found is None or not found[1]:
        raise CommandError(error)
    return found[0]


def _bound(data: bytes) -> float:
    """A bound of a range: as C reads it up to a NUL, nothing at all is 0. Raises: CommandError."""
    text = data.partition(b"\0")[0]
    if not text:
        return 0.0
    found = _strtod(text.lstrip(_SPACES))
    if found is None:
        raise CommandError(_RANGE_ERROR)
    return found[0]


@dataclass(frozen=True, slots=True)
class ScoreRange:
    """Scores from `low` to `high`, each maybe not itself."""

    low: float
    high: float
    low_open: bool
    high_open: bool

    @property
    def empty(self) -> bool:
        """Whether no score is in it."""
        return self.low > self.high or self.low == self.high and (self.low_open or self.high_open)


def score_range(low: bytes, high: bytes) -> ScoreRange:
    """The range that ZRANGEBYSCORE and its kin name. Raises: CommandError."""
    low_open, high_open = low[:1] == b"(", high[:1] == b"("
    try:
        return ScoreRange(_bound(low[low_open:]), _bound(high[high_open:]), low_open, high_open)
    except CommandError:
        raise CommandError(_RANGE_ERROR) from None


_LEAST = -1
_GREATEST = 1
_Edge = tuple[int, str]
"""-1: before all members; 1: after all; 0: the member itself."""


@dataclass(frozen=True, slots=True)
class LexRange:
    """Members from `low` to `high` by their bytes, each maybe not itself."""

    low: _Edge
    high: _Edge
    low_open: bool
    high_open: bool

    def above_low(self, member: str) -> bool:
        """Whether `member` is not below the range."""
        edge = (0, member)
        return self.low < edge if self.low_open else self.low <= edge

    def below_high(self, member: str) -> bool:
        """Whether `member` is not above the range."""
        edge = (0, member)
        return edge < self.high if self.high_open else edge <= self.high

    @property
    def empty(self) -> bool:
        """Whether no member is in it."""
        return self.low > self.high or self.low == self.high and (self.low_open or self.high_open)


def lex_range(low: bytes, high: bytes) -> LexRange:
    """The range that ZRANGEBYLEX and its kin name. Raises: CommandError."""
    (first, low_open), (last, high_open) = _edge(low), _edge(high)
    return LexRange(first, last, low_open, high_open)


def _edge(data: bytes) -> tuple[_Edge, bool]:
    match data[:1]:
        case b"-" if len(data) == 1:
            return (_LEAST, ""), True
        case b"+" if len(data) == 1:
            return (_GREATEST, ""), True
        case b"(":
            return (0, to_text(data[1:])), True
        case b"[":
            return (0, to_text(data[1:])), False
        case _:
            raise CommandError(_LEX_ERROR)


# The spec's values ----------------------------------------------------------------------------------------------------


def exact(number: float) -> Fraction | int:
    """The spec's number for a finite double; whole ones are integers, with which it counts faster."""
    return int(number) if number.is_integer() else Fraction(number)


def double(number: Fraction | int) -> float:
    """The double nearest to `number`; infinite where there is none so large."""
    try:
        return float(number)
    except OverflowError:
        return -math.inf if number < 0 else math.inf


def shown(value: Value) -> float:
    """The double that clients read of a score; the text of an infinite one is `inf` or `-inf`."""
    number = value[1]
    return float(number) if isinstance(number, str) else double(number)


# Replies --------------------------------------------------------------------------------------------------------------


def score_bytes(number: float) -> bytes:
    """A score in 17 digits, as Redis 7.0 writes it."""
    return b"%.17g" % number


def scanned_bytes(number: float) -> bytes:
    """A score as ZSCAN writes it for a small sorted set: without exponent, where it is a whole number below 2^62."""
    return b"%d" % int(number) if abs(number) < _WHOLE and number == int(number) else score_bytes(number)


def score_reply(c: Call, number: float) -> Reply:
    """A score as a reply: a double in RESP3, a text in RESP2."""
    return number if c.client.protocol >= 3 else score_bytes(number)


def pairs_reply(c: Call, pairs: list[tuple[str, float]]) -> Reply:
    """Members with their scores: an array of pairs in RESP3, a flat one in RESP2."""
    if c.client.protocol >= 3:
        return [[from_text(member), number] for member, number in pairs]
    flat: list[Reply] = []
    for member, number in pairs:
        flat += (from_text(member), b"%.17g" % number)
    return flat
