"""String commands against redis-server."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.commands import differential as d
from tests.reference.commands.harness import RealRedis

COMMANDS = [
    d.command(b"SET", d.key, d.value, d.some(st.one_of(d.lifetime, d.one(b"NX", b"XX", b"GET")), 0, 2)),
    d.command(b"SET", d.key, d.value),
    d.command(b"GET", d.key),
    d.command(b"GETEX", d.key, d.some(d.lifetime, 0, 2)),
    d.command(b"GETDEL", d.key),
    d.command(b"GETSET", d.key, d.value),
    d.command(b"SETNX", d.key, d.value),
    d.command(b"SETEX", d.key, d.seconds, d.value),
    d.command(b"PSETEX", d.key, d.seconds, d.value),
    d.command(b"MSET", d.some(d.row(d.key, d.value), 1, 3)),
    d.command(b"MSETNX", d.some(d.row(d.key, d.value), 1, 3)),
    d.command(b"MGET", d.some(d.key, 1, 3)),
    d.command(b"APPEND", d.key, d.value),
    d.command(b"STRLEN", d.key),
    d.command(b"SETRANGE", d.key, d.small, d.value),
    d.command(b"GETRANGE", d.key, d.small, d.small),
    d.command(b"SUBSTR", d.key, d.small, d.small),
    d.command(b"INCR", d.key),
    d.command(b"DECR", d.key),
    d.command(b"INCRBY", d.key, d.integer),
    d.command(b"DECRBY", d.key, d.integer),
    d.command(b"INCRBYFLOAT", d.key, d.decimal),
    d.command(
        b"LCS",
        d.key,
        d.key,
        d.some(st.one_of(d.one(b"LEN", b"IDX", b"WITHMATCHLEN"), d.row(d.one(b"MINMATCHLEN"), d.small)), 0, 3),
    ),
]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=d.lines(COMMANDS))
def test_replies_and_contents_are_those_of_redis(real_redis: RealRedis, sequence: list[d.Line]) -> None:
    d.check(real_redis, sequence)
