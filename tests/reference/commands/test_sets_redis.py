"""Set commands against redis-server."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from tests.reference.commands import differential as d
from tests.reference.commands.harness import RealRedis

COMMANDS = [
    d.command(b"SADD", d.key, d.some(d.name, 1, 4)),
    d.command(b"SREM", d.key, d.some(d.name, 1, 3)),
    d.command(b"SCARD", d.key),
    d.command(b"SISMEMBER", d.key, d.name),
    d.command(b"SMISMEMBER", d.key, d.some(d.name, 1, 3)),
    d.command(b"SMEMBERS", d.key),
    d.command(b"SPOP", d.key, d.some(d.few, 0, 1)),
    d.command(b"SRANDMEMBER", d.key, d.some(d.few, 0, 1)),
    d.command(b"SMOVE", d.key, d.key, d.name),
    d.command(b"SINTER", d.some(d.key, 1, 3)),
    d.command(b"SINTERSTORE", d.key, d.some(d.key, 1, 3)),
    d.command(b"SINTERCARD", d.numbered_keys, d.some(d.row(d.one(b"LIMIT"), d.small), 0, 1)),
    d.command(b"SUNION", d.some(d.key, 1, 3)),
    d.command(b"SUNIONSTORE", d.key, d.some(d.key, 1, 3)),
    d.command(b"SDIFF", d.some(d.key, 1, 3)),
    d.command(b"SDIFFSTORE", d.key, d.some(d.key, 1, 3)),
    d.command(b"SSCAN", d.key, d.cursor, d.scan_options),
]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=d.lines(COMMANDS))
def test_replies_and_contents_are_those_of_redis(real_redis: RealRedis, sequence: list[d.Line]) -> None:
    d.check(real_redis, sequence)
