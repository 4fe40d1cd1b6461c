"""Sorted set commands against redis-server."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.commands import differential as d
from tests.reference.commands import zset_pairs as z
from tests.reference.commands.harness import RealRedis

CONDITIONS = d.some(d.one(b"NX", b"XX", b"GT", b"LT", b"CH"), 0, 2)
RANGE_OPTIONS = d.some(st.one_of(z.limit, d.one(b"WITHSCORES", b"REV", b"BYSCORE", b"BYLEX")), 0, 2)
SHOWN = d.some(st.one_of(z.limit, d.one(b"WITHSCORES")), 0, 2)
POPPED = d.row(d.one(b"MIN", b"MAX", b"MID"), d.some(d.row(d.one(b"COUNT"), d.small), 0, 1))

SEEDS = [
    d.command(b"ZADD", d.key, z.sane_pairs),
    d.command(b"ZADD", d.key, z.level_pairs),
    d.command(b"ZADD", d.key, z.pairs),
]
WRITES = [
    d.command(b"ZADD", d.key, CONDITIONS, z.pairs),
    d.command(b"ZADD", d.key, CONDITIONS, z.sane_pairs),
    d.command(b"ZADD", d.key, CONDITIONS, d.one(b"INCR"), d.row(z.score, z.member)),
    d.command(b"ZINCRBY", d.key, z.score, z.member),
    d.command(b"ZREM", d.key, d.some(z.member, 1, 3)),
    d.command(b"ZSCORE", d.key, z.member),
    d.command(b"ZMSCORE", d.key, d.some(z.member, 1, 3)),
    d.command(b"ZCARD", d.key),
    d.command(b"ZPOPMIN", d.key, d.some(d.small, 0, 1)),
    d.command(b"ZPOPMAX", d.key, d.some(d.small, 0, 1)),
    d.command(b"ZMPOP", z.numbered, POPPED),
    d.command(b"ZRANDMEMBER", d.key, d.some(d.few, 0, 1)),
    d.command(b"ZRANDMEMBER", d.key, d.few, d.one(b"WITHSCORES")),
    d.command(b"ZSCAN", d.key, d.cursor, d.scan_options),
    d.command(b"ZREMRANGEBYRANK", d.key, z.rank, z.rank),
    d.command(b"ZREMRANGEBYSCORE", d.key, z.bound, z.bound),
    d.command(b"ZREMRANGEBYLEX", d.key, z.edge, z.edge),
]
RANGES = [
    d.command(b"ZRANGE", d.key, z.rank, z.rank, RANGE_OPTIONS),
    d.command(b"ZRANGE", d.key, z.bound, z.bound, d.one(b"BYSCORE"), RANGE_OPTIONS),
    d.command(b"ZRANGE", d.key, z.edge, z.edge, d.one(b"BYLEX"), RANGE_OPTIONS),
    d.command(b"ZREVRANGE", d.key, z.rank, z.rank, SHOWN),
    d.command(b"ZRANGEBYSCORE", d.key, z.bound, z.bound, SHOWN),
    d.command(b"ZREVRANGEBYSCORE", d.key, z.bound, z.bound, SHOWN),
    d.command(b"ZRANGEBYLEX", d.key, z.edge, z.edge, SHOWN),
    d.command(b"ZREVRANGEBYLEX", d.key, z.edge, z.edge, SHOWN),
    d.command(b"ZRANGESTORE", d.key, d.key, z.rank, z.rank, RANGE_OPTIONS),
    d.command(b"ZRANGESTORE", d.key, d.key, z.bound, z.bound, d.one(b"BYSCORE"), RANGE_OPTIONS),
    d.command(b"ZCOUNT", d.key, z.bound, z.bound),
    d.command(b"ZLEXCOUNT", d.key, z.edge, z.edge),
    d.command(b"ZRANK", d.key, z.member),
    d.command(b"ZREVRANK", d.key, z.member),
    d.command(b"COPY", d.key, d.key, d.some(d.one(b"REPLACE"), 0, 1)),
    d.command(b"RENAME", d.key, d.key),
    d.command(
        b"SORT", d.key, d.row(d.one(b"BY"), d.wrapped(st.just(b"nosort"))), d.some(d.one(b"DESC", b"ALPHA"), 0, 1)
    ),
]
ALGEBRA = [
    d.command(name, *target, z.numbered, options)
    for names, options in (
        ((b"ZUNION", b"ZINTER", b"ZDIFF"), z.algebra_options(showing=True)),
        ((b"ZUNIONSTORE", b"ZINTERSTORE", b"ZDIFFSTORE"), z.algebra_options(showing=False)),
        ((b"ZINTERCARD",), d.some(d.row(d.one(b"LIMIT"), d.small), 0, 1)),
    )
    for name in names
    for target in ([d.key] if name.endswith(b"STORE") else [],)
] + [d.command(b"SADD", d.key, d.some(z.member, 1, 3))]
GROUPS = {"writes": WRITES, "ranges": RANGES, "algebra": ALGEBRA}

_fixtures = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.parametrize("group", GROUPS)
@settings(max_examples=120, deadline=None, suppress_health_check=_fixtures)
@given(data=st.data())
def test_replies_and_contents_are_those_of_redis(real_redis: RealRedis, group: str, data: st.DataObject) -> None:
    z.check(real_redis, data.draw(z.lines(GROUPS[group], SEEDS)))


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
@settings(max_examples=3000, deadline=None, suppress_health_check=_fixtures)
@given(data=st.data())
def test_many_replies_are_those_of_redis(real_redis: RealRedis, group: str, data: st.DataObject) -> None:
    z.check(real_redis, data.draw(z.lines(GROUPS[group], SEEDS)))
