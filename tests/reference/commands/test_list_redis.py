"""List commands against redis-server."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.reference.commands import differential as d
from tests.reference.commands.harness import Instance, RealRedis

element = d.wrapped(st.sampled_from([b"f", b"g", b"h", b"1", b"", b"\x00\xff\r\n"]))
side = d.one(b"LEFT", b"RIGHT")
pop_options = d.some(d.row(d.one(b"COUNT"), d.small), 0, 2)
# Nothing waits for long: what is no error is a moment.
timeout = d.wrapped(
    st.sampled_from(
        [b"0.001", b"0.001", b"1e-3", b"-1", b"x", b"", b"nan", b"-5e3", b"0x", b"inf", b"99999999999999999999"]
    )
)


def pop(word: bytes) -> SearchStrategy[d.Line]:
    """Never spoiled: any number at the end would be a time to wait."""
    return d.row(d.some(d.key, 1, 3), timeout).map(lambda found: (word, *found))


OWN = [
    d.command(b"LPUSH", d.key, d.some(element, 1, 4)),
    d.command(b"RPUSH", d.key, d.some(element, 1, 4)),
    d.command(b"LPUSHX", d.key, d.some(element, 1, 2)),
    d.command(b"RPUSHX", d.key, d.some(element, 1, 2)),
    d.command(b"LPOP", d.key, d.some(d.small, 0, 1)),
    d.command(b"RPOP", d.key, d.some(d.small, 0, 1)),
    d.command(b"LLEN", d.key),
    d.command(b"LINDEX", d.key, d.small),
    d.command(b"LRANGE", d.key, d.small, d.small),
    d.command(b"LSET", d.key, d.small, element),
    d.command(b"LINSERT", d.key, d.one(b"BEFORE", b"AFTER", b"BESIDE"), element, element),
    d.command(b"LREM", d.key, d.small, element),
    d.command(b"LTRIM", d.key, d.small, d.small),
    d.command(
        b"LPOS",
        d.key,
        element,
        d.some(st.one_of(d.row(d.one(b"RANK", b"COUNT", b"MAXLEN"), d.small), d.one(b"RANK")), 0, 3),
    ),
    d.command(b"LMOVE", d.key, d.key, side, side),
    d.command(b"LMOVE", d.key, d.key, side, d.one(b"LEFT", b"MIDDLE")),
    d.command(b"RPOPLPUSH", d.key, d.key),
    d.command(b"LMPOP", d.numbered_keys, side, pop_options),
    pop(b"BLPOP"),
    pop(b"BRPOP"),
    d.command(b"BLMOVE", d.key, d.key, side, side, timeout),
    d.command(b"BRPOPLPUSH", d.key, d.key, timeout),
    d.command(b"BLMPOP", timeout, d.numbered_keys, side, pop_options),
]
OTHERS = [
    d.command(b"RENAME", d.key, d.key),
    d.command(b"COPY", d.key, d.key, d.some(d.one(b"REPLACE"), 0, 1)),
    d.command(b"SORT", d.key, d.one(b"ALPHA"), d.some(d.row(d.one(b"LIMIT"), d.small, d.small), 0, 1)),
    d.command(b"SORT", d.key, d.one(b"ALPHA"), d.one(b"STORE"), d.key),
    d.command(b"SORT", d.key, d.some(d.one(b"DESC", b"ALPHA"), 0, 2)),
    d.command(b"DEL", d.key),
]
COMMANDS = [*OWN, *OWN, *OTHERS]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=d.lines(COMMANDS))
def test_replies_and_contents_are_those_of_redis(real_redis: RealRedis, sequence: list[d.Line]) -> None:
    d.check(real_redis, sequence)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=d.lines(COMMANDS))
def test_many_replies_and_contents_are_those_of_redis(real_redis: RealRedis, sequence: list[d.Line]) -> None:
    d.check(real_redis, sequence)


LISTED = r"""
    RPUSH a f g h f g | LPOS a f RANK -9223372036854775808 | LPOS a f RANK -9223372036854775808 COUNT 1
    LPOS a f RANK -9223372036854775808 COUNT 0 MAXLEN 3 | LPOS a f RANK 9223372036854775807 COUNT 0
    LPOS a f RANK 1 RANK 2 | LPOS a f COUNT 1 COUNT 0 | LREM a -9223372036854775808 f | LRANGE a 0 -1
    LMPOP 9223372036854775807 a LEFT | LMPOP 1 a LEFT COUNT 9223372036854775807 | EXISTS a
    RPUSH a 1 | EXPIRE a 100 | LMOVE a a LEFT RIGHT | TTL a | LPUSH a 0 | LMOVE a a RIGHT LEFT | TTL a | LRANGE a 0 -1
    LMOVE a a LEFT LEFT | LRANGE a 0 -1 | LSET a 0 x | TTL a | LINSERT a AFTER x y | TTL a | LTRIM a 5 9 | TTL a
    RPUSH a 1 | TTL a | LMOVE a b LEFT LEFT | EXISTS a | TTL b | SET s v | LMOVE b s LEFT LEFT | LLEN b
    LMOVE s b LEFT LEFT | LMOVE nokey s LEFT LEFT | BLMOVE b s LEFT LEFT 0 | BLPOP s 0 | BLPOP nokey s 0
    BLPOP b s 0 | LMPOP 2 nokey s LEFT | MULTI | BLPOP nokey 0 | BRPOP nokey 0 | BLMOVE nokey b LEFT LEFT 0
    BRPOPLPUSH nokey b 0 | BLMPOP 0 1 nokey LEFT | EXEC | RPUSH a 1 2 3 | MULTI | BLPOP a 0 | BRPOP a 0 | LRANGE a 0 -1
    BLMOVE a b LEFT RIGHT 0 | EXISTS a | LPUSH a x | EXEC | LRANGE a 0 -1 | LRANGE b 0 -1 | BLMPOP 0 2 a b RIGHT COUNT 2
    RPUSH w '' '   ' | SORT w | LPOP w | SORT w | SORT w ALPHA
    COMMAND GETKEYS LMPOP 2 a b LEFT | COMMAND GETKEYS LMPOP 0 a LEFT | COMMAND GETKEYS BLMPOP 0 2 a b LEFT
    COMMAND GETKEYS BLPOP a b 0 | COMMAND GETKEYS BLMOVE a b LEFT LEFT 0
"""


def test_a_listed_session_reads_as_in_redis(instance: Instance, real_redis: RealRedis) -> None:
    for line in LISTED.split("\n"):
        for command in filter(None, map(str.strip, line.split(" | "))):
            assert (command, instance.wire(command)) == (command, real_redis.wire(command))


def test_numbers_are_sorted_up_to_a_zero_byte(instance: Instance, real_redis: RealRedis) -> None:
    for args in ([b"RPUSH", b"v", b"2", b" 1", b"\x00x", b"3\x004"], [b"SORT", b"v"], [b"SORT", b"v", b"DESC"]):
        assert instance.wire(*args) == real_redis.wire(*args)
