"""Hash commands against redis-server."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from tests.reference.commands import differential as d
from tests.reference.commands.harness import RealRedis

COMMANDS = [
    d.command(b"HSET", d.key, d.some(d.row(d.name, d.value), 1, 3)),
    d.command(b"HMSET", d.key, d.some(d.row(d.name, d.value), 1, 3)),
    d.command(b"HSETNX", d.key, d.name, d.value),
    d.command(b"HGET", d.key, d.name),
    d.command(b"HMGET", d.key, d.some(d.name, 1, 3)),
    d.command(b"HGETALL", d.key),
    d.command(b"HKEYS", d.key),
    d.command(b"HVALS", d.key),
    d.command(b"HLEN", d.key),
    d.command(b"HSTRLEN", d.key, d.name),
    d.command(b"HEXISTS", d.key, d.name),
    d.command(b"HDEL", d.key, d.some(d.name, 1, 3)),
    d.command(b"HINCRBY", d.key, d.name, d.integer),
    d.command(b"HINCRBYFLOAT", d.key, d.name, d.decimal),
    d.command(b"HRANDFIELD", d.key, d.some(d.row(d.few, d.some(d.one(b"WITHVALUES"), 0, 1)), 0, 1)),
    d.command(b"HSCAN", d.key, d.cursor, d.scan_options),
]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=d.lines(COMMANDS))
def test_replies_and_contents_are_those_of_redis(real_redis: RealRedis, sequence: list[d.Line]) -> None:
    d.check(real_redis, sequence)
