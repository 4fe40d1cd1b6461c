"""Bit commands against redis-server."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.commands import differential as d
from tests.reference.commands.harness import Instance, RealRedis

offset = d.wrapped(
    st.one_of(
        st.integers(0, 70).map(lambda n: b"%d" % n),
        st.integers(0, 70).map(lambda n: b"%d" % n),
        st.integers(0, 9).map(lambda n: b"#%d" % n),
        st.sampled_from([b"-1", b"4294967296", b"9223372036854775807", b"#-1", b"#", b"##1", b"x", b"", b"01", b"1.0"]),
    )
)
bit = d.wrapped(st.sampled_from([b"0", b"1", b"0", b"1", b"2", b"-1", b"x", b"", b"01", b"9223372036854775808"]))
kind = d.wrapped(
    st.one_of(
        st.integers(1, 64).map(lambda n: b"i%d" % n),
        st.integers(1, 63).map(lambda n: b"u%d" % n),
        st.sampled_from([b"u1", b"u8", b"i8", b"i64", b"u63", b"u64", b"i65", b"i0", b"u", b"", b"I8", b"u08", b"x8"]),
        st.sampled_from([b"u8\x00x", b"i-1"]),
    )
)
number = st.one_of(d.integer, d.wrapped(st.integers(-300, 300).map(lambda n: b"%d" % n)))
overflow = d.row(d.one(b"OVERFLOW"), d.one(b"WRAP", b"SAT", b"FAIL", b"NONE"))
get = d.row(d.one(b"GET"), kind, offset)
write = d.row(d.one(b"SET", b"INCRBY"), kind, offset, number)
unit = d.one(b"BYTE", b"BIT", b"BITE")
zeros_and_ones = d.wrapped(
    st.lists(st.sampled_from([b"\x00", b"\xff", b"\x01", b"\x80", b"a"]), max_size=10).map(b"".join)
)
ranged = st.one_of(
    d.row(), d.row(d.small), d.row(d.small, d.small), d.row(d.small, d.small, unit), d.row(d.small, unit)
)

OWN = [
    d.command(b"SETBIT", d.key, offset, bit),
    d.command(b"GETBIT", d.key, offset),
    d.command(b"BITCOUNT", d.key, ranged),
    d.command(b"BITPOS", d.key, bit, ranged),
    d.command(b"BITOP", d.one(b"AND", b"OR", b"XOR", b"NOT", b"NAND"), d.key, d.some(d.key, 1, 3)),
    d.command(b"BITFIELD", d.key, d.some(st.one_of(get, write, write, overflow), 0, 4)),
    d.command(b"BITFIELD", d.key, overflow, d.some(write, 1, 3), get),
    d.command(b"BITFIELD_RO", d.key, d.some(st.one_of(get, get, get, write, overflow), 0, 3)),
    d.command(b"SET", d.key, zeros_and_ones),
]
OTHERS = [
    d.command(b"SET", d.key, d.value),
    d.command(b"APPEND", d.key, d.value),
    d.command(b"SETRANGE", d.key, d.small, d.value),
    d.command(b"INCR", d.key),
    d.command(b"STRLEN", d.key),
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
    BITPOS nokey 0 | BITPOS nokey 1 | BITPOS nokey 1 x | BITCOUNT nokey 1 | BITCOUNT nokey x y z w | SET e ''
    BITPOS e 0 | BITPOS e 1 | BITPOS e 0 0 | BITPOS e 0 0 -1 | BITCOUNT e | BITCOUNT e 0 -1 BIT | BITOP NOT d e
    EXISTS d | BITOP AND d nokey | BITOP OR d e nokey | BITFIELD e | BITFIELD nokey | EXISTS nokey
    BITFIELD nokey GET u8 100 | EXISTS nokey | BITFIELD f OVERFLOW FAIL SET u8 0 -5 | STRLEN f
    BITFIELD f OVERFLOW SAT SET u8 0 -5 INCRBY u8 0 -300
    BITFIELD f OVERFLOW SAT SET i8 0 -500 SET i8 0 500 GET i8 0 | BITFIELD f INCRBY i64 0 9223372036854775807
    BITFIELD f OVERFLOW FAIL INCRBY i64 0 9223372036854775807 | BITFIELD f SET i64 0 -9223372036854775808
    BITFIELD f OVERFLOW SAT INCRBY i64 0 -9223372036854775808 GET u63 0 GET u63 1
    BITFIELD f SET u63 #1 -1 GET u63 #1 | STRLEN f | EXPIRE f 100 | SETBIT f 3 1 | TTL f
    BITFIELD f INCRBY u2 100 3 | TTL f | BITOP NOT f f | TTL f | SETBIT n 0 0 | STRLEN n | SETBIT n 7 1
    SETBIT n 7 1 | SETBIT n 7 0 | GET n | SET n 48 | SETBIT n 7 1 | GET n | INCR n | SADD s x | SETBIT s 0 1
    GETBIT s 0 | BITCOUNT s | BITCOUNT s x y | BITPOS s 1 | BITOP OR d s | BITOP OR s n | TYPE s | RPUSH l x
    BITFIELD l | BITFIELD l GET u8 0 | BITFIELD l SET u8 0 1 | BITFIELD_RO l | BITFIELD_RO l SET u8 0 1
    SETBIT k 4294967296 1 | SETBIT k -1 1 | BITFIELD k SET u8 #536870912 1 | BITFIELD k SET u8 4294967296 1
    COMMAND GETKEYS BITOP AND d a b | COMMAND GETKEYS BITFIELD k GET u8 0
"""


def test_a_listed_session_reads_as_in_redis(instance: Instance, real_redis: RealRedis) -> None:
    for line in LISTED.split("\n"):
        for command in filter(None, map(str.strip, line.split(" | "))):
            assert (command, instance.wire(command)) == (command, real_redis.wire(command))
