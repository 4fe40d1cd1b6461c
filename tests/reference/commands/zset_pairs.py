"""What commands on sorted sets and geo sets are compared by, beside redis-server."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

import hiredis
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mergelaw.commands.reply import Failure
from tests.reference.commands import differential as d
from tests.reference.commands.harness import RealRedis

_INCREASES = {b"ZINCRBY", b"ZADD"}
_RANDOM = b"ZRANDMEMBER"
_SCAN = b"ZSCAN"


# What may differ ------------------------------------------------------------------------------------------------------


def _without_sign(reply: Any) -> Any:
    if isinstance(reply, list):
        return [_without_sign(item) for item in reply]
    return b"0" if reply == b"-0" else reply


def _negative_zero(line: d.Line, ours: Any, real: Any) -> bool:
    return bool(_without_sign(ours) == _without_sign(real))


def _rounded_once(line: d.Line, ours: Any, real: Any) -> bool:
    if line[0] not in _INCREASES or not isinstance(ours, bytes) or not isinstance(real, bytes):
        return False
    if b"inf" in ours + real:
        return False
    exact, rounded = Fraction(ours.decode()), Fraction(real.decode())
    amount = float(line[2] if line[0] == b"ZINCRBY" else line[-2])
    return abs(exact - rounded) <= max(abs(exact), abs(rounded), abs(Fraction(amount))) / 2**50


DIFFERENCES = [
    d.Difference("no score is a negative zero", _negative_zero, diverges=False),
    d.Difference("sums of scores are exact and rounded when read, where Redis rounds each sum", _rounded_once),
]
"""The whole list, for sorted sets and geo sets."""


# Running --------------------------------------------------------------------------------------------------------------


class Pair(d.Pair):
    """A real server and an instance of ours that hold sorted sets."""

    def both(self, line: d.Line) -> tuple[Any, Any]:
        """Our reply and the real one; errors compare by their texts, also those in the reply of EXEC."""
        ours, real = super().both(line)
        return _comparable(ours), _comparable(real)

    def agree(self, line: d.Line) -> bool:
        """Whether both go on in step; False after a known difference. Raises: AssertionError on any other one."""
        name = line[0].upper()
        self.ours.now_ms = time.time_ns() // 1_000_000
        if name == _SCAN and len(line) >= 3:
            return self._whole_scans(line)
        if _is_lexical(name, line) and self._scores_differ():
            # Such a range means nothing; what it gives with a LIMIT depends on how Redis walks through it.
            return True
        if name != _RANDOM:
            return super().agree(line)
        ours, real = self.both(line)
        if isinstance(ours, Failure) or isinstance(real, Failure):
            return self._compare(line, ours, real)
        self._drawn(line, ours, real)
        return True

    def _compare(self, line: d.Line, ours: Any, real: Any) -> bool:
        if ours == real and type(ours) is type(real):
            return True
        for difference in DIFFERENCES:
            if difference.applies(line, ours, real):
                return not difference.diverges
        return super()._compare(line, ours, real)

    def _scores_differ(self) -> bool:
        for key in d.KEYS:
            flat = self.mine(b"ZRANGE", key, b"0", b"-1", b"WITHSCORES")
            if isinstance(flat, list) and len(set(flat[1::2])) > 1:
                return True
        return False

    def _whole_scans(self, line: d.Line) -> bool:
        if line[2] not in (b"0", b"00", b"+0"):
            ours, real = self.both(line)
            return not isinstance(ours, Failure) and not isinstance(real, Failure) or self._compare(line, ours, real)
        found: list[Any] = []
        for wire in (self.ours.wire, self.real.wire):
            cursor, items = b"0", []
            while True:
                reply = d.parsed(wire(*line[:2], cursor, *line[3:]))
                if isinstance(reply, Failure):
                    found.append(reply)
                    break
                cursor = reply[0]
                items += reply[1]
                if cursor == b"0":
                    found.append(sorted(set(zip(items[::2], items[1::2], strict=True))))
                    break
        return self._compare(line, *found)

    def _drawn(self, line: d.Line, ours: Any, real: Any) -> None:
        """Choices are free, but as many, different where they must be, and of what is there."""
        assert type(ours) is type(real), (line, ours, real)
        if ours is None:
            return
        mine, theirs = (r if isinstance(r, list) else [r] for r in (ours, real))
        assert len(mine) == len(theirs), (line, ours, real)
        flat = self.mine(b"ZRANGE", line[1], b"0", b"-1", b"WITHSCORES")
        if len(line) == 4:
            mine = list(zip(mine[::2], mine[1::2], strict=True))
            theirs = list(zip(theirs[::2], theirs[1::2], strict=True))
            assert set(mine) <= set(zip(flat[::2], flat[1::2], strict=True)), (line, ours)
        else:
            assert set(mine) <= set(flat[::2]), (line, ours)
        assert len(set(mine)) == len(set(theirs)) or len(line) > 2 and line[2].startswith(b"-"), (line, ours, real)

    def same_contents(self, keys: list[bytes]) -> None:
        """All that the two hold under `keys` is equal. Raises: AssertionError."""
        others: list[bytes] = []
        for key in keys:
            if self.mine(b"TYPE", key) == b"zset":
                assert self.agree((b"TYPE", key))
                assert self.agree((b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"))
                assert self.agree((b"ZCARD", key))
                assert self.agree((b"TTL", key))
            else:
                others.append(key)
        super().same_contents(others)


def _is_lexical(name: bytes, line: d.Line) -> bool:
    words = {word.upper() for word in line}
    return b"LIMIT" in words and (b"LEX" in name or b"BYLEX" in words)


def _comparable(reply: Any) -> Any:
    if isinstance(reply, list):
        return [_comparable(item) for item in reply]
    return Failure(str(reply).encode("latin-1")) if isinstance(reply, hiredis.ReplyError) else reply


def check(real: RealRedis, sequence: list[d.Line]) -> None:
    """Both answer alike, all the way or up to a known difference. Raises: AssertionError."""
    pair = Pair(real)
    for line in sequence:
        if not pair.agree(line):
            return
    pair.same_contents(d.KEYS)


# Drawing commands -----------------------------------------------------------------------------------------------------

ODD_SCORES = [
    b"nan", b"-nan", b"inf", b"+inf", b"-inf", b"Infinity", b"-INFINITY", b"infinit", b"1e400", b"-1e400", b"1e-400",
    b"1e308", b"-1e308", b"5e-324", b"-0", b"-0.0", b"0x10", b"0x1p-3", b"0x", b" 1", b"1 ", b"", b"1e", b"1_0", b"+5",
    b".5", b"5.", b".", b"1e22", b"123456789012345678", b"9007199254740993", b"\x00", b"1\x00", b"abc", b"0e-999999",
]  # fmt: skip
score = d.wrapped(
    st.one_of(
        st.integers(-3, 5).map(lambda n: b"%d" % n),
        st.sampled_from(d.DECIMALS),
        st.integers(-3, 5).map(lambda n: b"%d" % n),
        st.floats(allow_nan=False).map(lambda x: repr(x).encode()),
        st.sampled_from(ODD_SCORES),
    )
)
member = d.wrapped(
    st.one_of(
        st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"ab", b"B"]),
        st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"", b"\xff", b"a\x00"]),
        st.binary(max_size=2),
    )
)
pairs = d.some(d.row(score, member), 1, 4)
sane_pairs = d.some(d.row(d.wrapped(st.integers(-3, 5).map(lambda n: b"%d" % n)), member), 1, 6)
level_pairs = d.some(d.row(d.wrapped(st.just(b"0")), member), 1, 6)
bound = d.wrapped(
    st.one_of(
        st.integers(-4, 6).map(lambda n: b"%d" % n),
        st.integers(-4, 6).map(lambda n: b"(%d" % n),
        st.sampled_from([b"-inf", b"+inf", b"inf", b"(inf", b"(-inf", b"0.5", b"(1.5", b"1e400"]),
        st.sampled_from([b"", b"(", b"((1", b"abc", b"nan", b" 1", b"1 ", b"5\x00x", b"( 2", b"[1", b"-", b"+"]),
    )
)
edge = d.wrapped(
    st.one_of(
        st.sampled_from([b"-", b"+", b"[a", b"(a", b"[b", b"(c", b"[", b"(", b"[ab", b"[\xff", b"(a\x00"]),
        st.sampled_from([b"-", b"+", b"[a", b"(d", b"", b"a", b"--", b"+a", b"-inf"]),
    )
)
rank = d.small
limit = d.row(d.one(b"LIMIT"), d.small, d.small)
numbered = d.numbered_keys


def algebra_options(showing: bool) -> d.Args:
    """Options of ZUNION and its kin."""
    choices = [
        d.row(d.one(b"WEIGHTS"), d.some(score, 1, 3)),
        d.row(d.one(b"AGGREGATE"), d.one(b"SUM", b"MIN", b"MAX", b"AVG")),
    ]
    if showing:
        choices.append(d.one(b"WITHSCORES"))
    return d.some(st.one_of(*choices), 0, 2)


def lines(own: list[SearchStrategy[d.Line]], seeds: list[SearchStrategy[d.Line]]) -> SearchStrategy[list[d.Line]]:
    """Sequences of commands, most of them of `own`; `seeds` put something there first."""
    both = st.one_of(*own, *own, *own, *seeds, *seeds, *d.seeds(), *d.general())
    return st.tuples(st.lists(st.one_of(*seeds), max_size=4), st.lists(both, min_size=1, max_size=20)).map(
        lambda found: found[0] + found[1]
    )
