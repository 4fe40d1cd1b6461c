"""The same commands on redis-server and on an instance of ours: replies, error texts and what is stored must be equal.

`DIFFERENCES` is the whole list of what may differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import hiredis
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mergelaw.commands.reply import Failure
from tests.reference.commands.harness import Instance, RealRedis

Line = tuple[bytes, ...]
Args = SearchStrategy[list[bytes]]


# What may differ ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """A known difference from redis-server 7.0."""

    why: str
    applies: Callable[[Line, Any, Any], bool]
    """Of the command, our reply and the real one."""
    diverges: bool = True
    """What is stored differs from then on: the rest of the sequence says nothing."""


_COUNTERS = {b"INCR", b"DECR", b"INCRBY", b"DECRBY", b"HINCRBY"}
_FLOATS = {b"INCRBYFLOAT", b"HINCRBYFLOAT"}
_OVERFLOW = Failure(b"ERR increment or decrement would overflow")


def _beyond_59_bits(line: Line, ours: Any, real: Any) -> bool:
    return line[0] in _COUNTERS and ours == _OVERFLOW and isinstance(real, int) and not -(2**58) <= real < 2**58


def _rounded(line: Line, ours: Any, real: Any) -> bool:
    """A `long double` has 64 bits: the real sum is off by 2^-63 of the greatest number in it."""
    if line[0] not in _FLOATS or not isinstance(ours, bytes) or not isinstance(real, bytes):
        return False
    exact, rounded = Fraction(ours.decode()), Fraction(real.decode())
    return abs(exact - rounded) <= max(abs(exact), abs(rounded), abs(Fraction(line[-1].decode()))) / 10**18


def _late_deadline(line: Line, ours: Any, real: Any) -> bool:
    return isinstance(ours, Failure) and ours.text.startswith(b"ERR invalid expire time in '") and ours != real


def _clock(line: Line, ours: Any, real: Any) -> bool:
    allowed = {b"TTL": 1, b"PTTL": 5000, b"PEXPIRETIME": 5000}.get(line[0])
    return allowed is not None and isinstance(real, int) and real >= 0 and abs(ours - real) <= allowed


def _zero_bytes(line: Line, ours: Any, real: Any) -> bool:
    if line[0] != b"SORT" or not isinstance(ours, list) or not isinstance(real, list) or len(ours) != len(real):
        return False
    return any(b"\0" in text for text in [*ours, *real])


DIFFERENCES = [
    Difference("counters have 59 bits, so that concurrent ones do not overflow", _beyond_59_bits),
    Difference("sums of decimals are exact, where Redis rounds to a long double", _rounded),
    Difference("deadlines end at 2^49 ms", _late_deadline),
    Difference("SORT ALPHA compares whole texts, Redis up to a zero byte", _zero_bytes, diverges=False),
    Difference("the two servers are asked one after the other", _clock, diverges=False),
]


# Running --------------------------------------------------------------------------------------------------------------

_UNORDERED = {b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"HKEYS", b"HVALS"}
_PAIRS = {b"HGETALL"}
_SCANS = {b"SSCAN": 1, b"HSCAN": 2}
_RANDOM = {b"SPOP", b"SRANDMEMBER", b"HRANDFIELD"}
_READS: dict[bytes, Line] = {
    b"string": (b"GET",),
    b"hash": (b"HGETALL",),
    b"set": (b"SMEMBERS",),
    b"list": (b"LRANGE", b"0", b"-1"),
}
"""What reads all of a key, by its type; the key comes after the name."""


class Pair:
    """A real server and an instance of ours, both empty."""

    def __init__(self, real: RealRedis) -> None:
        self.real = real
        self.ours = Instance()
        real.wire(b"FLUSHALL")

    def both(self, line: Line) -> tuple[Any, Any]:
        """Our reply and the real one."""
        return self.mine(*line), parsed(self.real.wire(*line))

    def mine(self, *line: bytes) -> Any:
        """Our reply."""
        return parsed(self.ours.wire(*line))

    def agree(self, line: Line) -> bool:
        """Whether both go on in step; False after a known difference. Raises: AssertionError on any other one."""
        name = line[0].upper()
        self.ours.now_ms = time.time_ns() // 1_000_000
        if name in _SCANS and len(line) >= 3:
            return self._scans(name, line)
        ours, real = self.both(line)
        if name in _RANDOM and not isinstance(ours, Failure) and not isinstance(real, Failure):
            self._random(name, line, ours, real)
            return True
        return self._compare((name, *line[1:]), _sorted(name, ours), _sorted(name, real))

    def _compare(self, line: Line, ours: Any, real: Any) -> bool:
        if ours == real and type(ours) is type(real):
            return True
        for difference in DIFFERENCES:
            if difference.applies(line, ours, real):
                return not difference.diverges
        raise AssertionError(f"{line}: ours {ours!r}, redis-server {real!r}")

    def _scans(self, name: bytes, line: Line) -> bool:
        """A whole scan gives the same, in any order, from whatever cursor it begins."""
        if line[2] not in (b"0", b"00", b"+0"):
            # A cursor that nobody has given: only whether it is refused can be compared.
            ours, real = self.both(line)
            return not isinstance(ours, Failure) and not isinstance(real, Failure) or self._compare(line, ours, real)
        found: list[Any] = []
        for wire in (self.ours.wire, self.real.wire):
            cursor = b"0"
            items: Any = []
            for _ in range(10_000):
                reply = parsed(wire(*line[:2], cursor, *line[3:]))
                if isinstance(reply, Failure):
                    items = reply
                    break
                cursor = reply[0]
                items += reply[1]
                if cursor == b"0":
                    break
            else:
                raise AssertionError(f"{line}: the scan does not end")
            if isinstance(items, list):
                width = _SCANS[name]
                items = sorted(set(zip(*(items[n::width] for n in range(width)), strict=True)))
            found.append(items)
        return self._compare(line, *found)

    def _random(self, name: bytes, line: Line, ours: Any, real: Any) -> None:
        """Choices are free, but as many, different where they must be, and of what is there."""
        assert type(ours) is type(real), (line, ours, real)
        if ours is None:
            return
        mine, theirs = (r if isinstance(r, list) else [r] for r in (ours, real))
        assert len(mine) == len(theirs), (line, ours, real)
        if name == b"SPOP":
            for item in mine:
                self.mine(b"SADD", line[1], item)
            there = self.mine(b"SMEMBERS", line[1])
            assert set(mine) | set(theirs) <= set(there) and len(set(mine)) == len(mine), (line, ours, real)
            if theirs:
                self.mine(b"SREM", line[1], *theirs)
        elif name == b"SRANDMEMBER":
            there = self.mine(b"SMEMBERS", line[1])
            assert set(mine) <= set(there), (line, ours, there)
            assert len(set(mine)) == len(set(theirs)) or len(line) > 2 and line[2].startswith(b"-"), (line, ours, real)
        elif len(line) == 4:
            flat = self.mine(b"HGETALL", line[1])
            there = set(zip(flat[::2], flat[1::2], strict=True))
            assert set(zip(mine[::2], mine[1::2], strict=True)) <= there, (line, ours, there)
        else:
            assert set(mine) <= set(self.mine(b"HKEYS", line[1])), (line, ours)

    def same_contents(self, keys: list[bytes]) -> None:
        """All that the two hold under `keys` is equal. Raises: AssertionError."""
        for key in keys:
            assert self.agree((b"TYPE", key))
            kind = self.mine(b"TYPE", key)
            if kind != b"none":
                word, *rest = _READS[kind]
                assert self.agree((word, key, *rest))
                assert self.agree((b"TTL", key))


def parsed(wire: bytes) -> Any:
    """A reply from the wire; an error as a `Failure`."""
    if wire.startswith(b"-"):
        return Failure(wire[1:-2])
    reader = hiredis.Reader()
    reader.feed(wire)
    return reader.gets()


def _sorted(name: bytes, reply: Any) -> Any:
    if not isinstance(reply, list):
        return reply
    if name in _UNORDERED:
        return sorted(reply)
    if name in _PAIRS:
        return sorted(zip(reply[::2], reply[1::2], strict=True))
    return reply


# Drawing commands -----------------------------------------------------------------------------------------------------

KEYS = [b"a", b"b", b"c", b"", b"\x00\xff\r\n"]

INTEGERS = [
    b"0", b"1", b"-1", b"2", b"5", b"-7", b"100", b"9223372036854775807", b"-9223372036854775808",
    b"9223372036854775808", b"288230376151711743", b"288230376151711744", b"-288230376151711744",
    b"-288230376151711745", b"4611686018427387904", b"-9223372036854775807", b"99999999999999999999",
]  # fmt: skip
ODD = [
    b"", b"abc", b"+1", b"01", b"-0", b" 1", b"1 ", b"1.0", b"nan", b"NaN", b"inf", b"-inf", b"1e3", b"0x10", b"-",
    b"1e400", b"\x00", b"x" * 200, b"\xff\xfe", b"1_000", "１".encode(),
]  # fmt: skip
DECIMALS = [
    b"0.5",
    b"-0.25",
    b"3.0",
    b"1.5",
    b"10.125",
    b"-2.5",
    b"0.1",
    b"5e-1",
    b".5",
    b"5.",
    b"1e2",
    b"100",
    b"3.14",
]


def one(*choices: bytes) -> Args:
    """One of `choices`, in any letters."""
    return st.sampled_from([[c] for c in choices] + [[c.lower()] for c in choices])


def some(args: Args, least: int = 0, most: int = 3) -> Args:
    """`args`, several times."""
    return st.lists(args, min_size=least, max_size=most).map(lambda found: [item for items in found for item in items])


def row(*parts: Args) -> Args:
    """One part after another."""
    return st.tuples(*parts).map(lambda found: [item for items in found for item in items])


def wrapped(choices: SearchStrategy[bytes]) -> Args:
    """As one argument."""
    return choices.map(lambda c: [c])


integer_text = st.one_of(st.sampled_from(INTEGERS), st.integers(-20, 20).map(lambda n: b"%d" % n))
key = wrapped(st.one_of(st.sampled_from(KEYS[:3]), st.sampled_from(KEYS)))
value = wrapped(st.one_of(integer_text, st.sampled_from(DECIMALS), st.sampled_from(ODD), st.binary(max_size=6)))
integer = wrapped(st.one_of(integer_text, integer_text, integer_text, st.sampled_from(ODD)))
small = wrapped(
    st.one_of(st.integers(-6, 12).map(lambda n: b"%d" % n), st.integers(-6, 12).map(lambda n: b"%d" % n), integer_text)
)
decimal = wrapped(st.one_of(st.sampled_from(DECIMALS), st.sampled_from(DECIMALS), integer_text, st.sampled_from(ODD)))
name = wrapped(st.one_of(st.sampled_from([b"f", b"g", b"h", b"1", b""]), st.binary(max_size=2)))
seconds = wrapped(
    st.one_of(st.sampled_from([b"100", b"1000", b"0", b"-1", b"9223372036854775807", b"9223372036854775", b"x", b""]))
)
moment_s = wrapped(st.sampled_from([b"1", b"0", b"-5", b"9999999999", b"9999999998", b"9223372036854775807", b"abc"]))
moment_ms = wrapped(st.sampled_from([b"1", b"0", b"-5", b"9999999999000", b"9999999998001", b"9223372036854775807"]))
lifetime = st.one_of(
    row(one(b"EX", b"PX"), seconds),
    row(one(b"EXAT"), moment_s),
    row(one(b"PXAT"), moment_ms),
    one(b"KEEPTTL", b"PERSIST"),
)


few = wrapped(
    st.one_of(
        st.integers(-6, 12).map(lambda n: b"%d" % n),
        st.sampled_from([b"9223372036854775807", b"99999999999999999999", b"4611686018427387904", b"x", b"", b"1.0"]),
    )
)
"""Counts of random choices; not far below zero, where redis-server would answer without end."""
cursor = wrapped(st.sampled_from([b"0", b"0", b"0", b"0", b"00", b"7", b"x", b"-1", b" 0", b"18446744073709551616"]))
scan_options = some(
    st.one_of(
        row(one(b"COUNT"), small),
        row(one(b"MATCH"), wrapped(st.sampled_from([b"*", b"f", b"?", b"[fg]", b"[^f]*", b"", b"\\f", b"[a-z]"]))),
        one(b"TYPE", b"COUNT"),
    ),
    0,
    2,
)
numbered_keys = st.one_of(
    some(key, 1, 3).map(lambda keys: [b"%d" % len(keys), *keys]),
    row(small, some(key, 1, 3)),
)


def command(word: bytes, *parts: Args) -> SearchStrategy[Line]:
    """A command with its arguments; now and then one is missing or one too many, or a word that means nothing."""
    args = row(*parts)
    spoiled = st.one_of(
        args.map(lambda found: found[:-1]),
        st.tuples(args, value).map(lambda both: both[0] + both[1]),
        st.tuples(args, one(b"NX", b"GET", b"BOGUS")).map(lambda both: both[0] + both[1]),
    )
    weighed = st.integers(0, 11).flatmap(lambda n: spoiled if n == 0 else args)
    return weighed.map(lambda found: (word, *found))


def general() -> list[SearchStrategy[Line]]:
    """Commands on keys of all types."""
    return [
        command(b"DEL", some(key, 1, 2)),
        command(b"EXISTS", key),
        command(b"TYPE", key),
        command(b"TTL", key),
        command(b"PEXPIRETIME", key),
        command(b"EXPIREAT", key, wrapped(st.sampled_from([b"9999999999", b"1"]))),
        command(b"PERSIST", key),
    ]


def seeds() -> list[SearchStrategy[Line]]:
    """A key of each type, so that commands meet the wrong one."""
    return [
        command(b"SET", key, value),
        command(b"HSET", key, row(name, value)),
        command(b"SADD", key, some(name, 1, 2)),
        command(b"RPUSH", key, some(name, 1, 2)),
    ]


def lines(own: list[SearchStrategy[Line]]) -> SearchStrategy[list[Line]]:
    """Sequences of commands, most of them of `own`."""
    return st.lists(st.one_of(*own, *own, *own, *seeds(), *general()), min_size=1, max_size=25)


def check(real: RealRedis, sequence: list[Line]) -> None:
    """Both answer alike, all the way or up to a known difference. Raises: AssertionError."""
    pair = Pair(real)
    for line in sequence:
        if not pair.agree(line):
            return
    pair.same_contents(KEYS)
