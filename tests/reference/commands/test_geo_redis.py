"""Geo commands against redis-server."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.commands import differential as d
from tests.reference.commands import zset_pairs as z
from tests.reference.commands.harness import Instance, RealRedis

degrees = st.one_of(
    st.integers(-180, 180).map(lambda n: b"%d" % n),
    st.floats(-180, 180).map(lambda x: b"%.6f" % x),
    st.floats(12, 16).map(lambda x: b"%.4f" % x),
)
longitude = d.wrapped(st.one_of(degrees, degrees, degrees, st.sampled_from([b"180.1", b"-181", b"nan", b"x", b"inf"])))
latitude = d.wrapped(
    st.one_of(
        st.floats(-85, 85).map(lambda x: b"%.6f" % x),
        st.floats(36, 39).map(lambda x: b"%.4f" % x),
        st.sampled_from([b"85.05112878", b"-85.05112878", b"0", b"66.5", b"-66.5", b"81", b"-83"]),
        st.sampled_from([b"85.06", b"-86", b"nan", b"", b"1e400"]),
    )
)
member = d.wrapped(st.sampled_from([b"p", b"q", b"r", b"s", b"t", b"", b"u\x00"]))
unit = d.one(b"m", b"km", b"ft", b"mi", b"yd")
sane_unit = d.one(b"m", b"km", b"ft", b"mi")
length = d.wrapped(
    st.one_of(
        st.sampled_from([b"0", b"1", b"10", b"200", b"5000", b"20000", b"100000", b"1000000", b"1e9"]),
        st.floats(0, 3000).map(lambda x: b"%.3f" % x),
        st.sampled_from([b"-1", b"x", b"inf", b"nan", b"30000000"]),
    )
)
shown = st.one_of(
    d.one(b"WITHDIST", b"WITHCOORD", b"WITHHASH", b"ASC", b"DESC"),
    d.one(b"WITHDIST", b"WITHCOORD", b"WITHHASH", b"ASC", b"DESC", b"ANY"),
    d.row(d.one(b"COUNT"), d.small),
)
stored = st.one_of(shown, d.row(d.one(b"STORE", b"STOREDIST"), d.key))
centre = st.one_of(
    d.row(d.one(b"FROMLONLAT"), longitude, latitude),
    d.row(d.one(b"FROMLONLAT"), longitude, latitude),
    d.row(d.one(b"FROMMEMBER"), member),
)
shape = st.one_of(
    d.row(d.one(b"BYRADIUS"), length, sane_unit),
    d.row(d.one(b"BYBOX"), length, length, sane_unit),
    d.row(d.one(b"BYRADIUS"), length, unit),
)
placed = d.some(d.row(longitude, latitude, member), 1, 3)

SEEDS = [
    d.command(b"GEOADD", d.key, placed),
    d.command(
        b"GEOADD",
        d.key,
        d.some(
            d.row(
                d.wrapped(st.floats(13, 16).map(lambda x: b"%.4f" % x)),
                d.wrapped(st.floats(36, 39).map(lambda x: b"%.4f" % x)),
                member,
            ),
            1,
            5,
        ),
    ),
    d.command(b"ZADD", d.key, z.sane_pairs),
]
COMMANDS = [
    d.command(b"GEOADD", d.key, d.some(d.one(b"NX", b"XX", b"CH"), 0, 2), placed),
    d.command(b"GEOPOS", d.key, d.some(member, 0, 3)),
    d.command(b"GEOHASH", d.key, d.some(member, 0, 3)),
    d.command(b"GEODIST", d.key, member, member, d.some(unit, 0, 1)),
    d.command(b"GEOSEARCH", d.key, centre, shape, d.some(shown, 0, 3)),
    d.command(b"GEOSEARCH", d.key, shape, centre, d.some(st.one_of(shown, centre, shape), 0, 2)),
    d.command(b"GEOSEARCHSTORE", d.key, d.key, centre, shape, d.some(st.one_of(shown, d.one(b"STOREDIST")), 0, 2)),
    d.command(b"GEORADIUS", d.key, longitude, latitude, length, unit, d.some(stored, 0, 3)),
    d.command(b"GEORADIUS_RO", d.key, longitude, latitude, length, sane_unit, d.some(stored, 0, 2)),
    d.command(b"GEORADIUSBYMEMBER", d.key, member, length, unit, d.some(stored, 0, 3)),
    d.command(b"GEORADIUSBYMEMBER_RO", d.key, member, length, sane_unit, d.some(stored, 0, 2)),
]
_fixtures = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=200, deadline=None, suppress_health_check=_fixtures)
@given(sequence=z.lines(COMMANDS, SEEDS))
def test_replies_and_contents_are_those_of_redis(real_redis: RealRedis, sequence: list[d.Line]) -> None:
    z.check(real_redis, sequence)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None, suppress_health_check=_fixtures)
@given(sequence=z.lines(COMMANDS, SEEDS))
def test_many_replies_are_those_of_redis(real_redis: RealRedis, sequence: list[d.Line]) -> None:
    z.check(real_redis, sequence)


@pytest.mark.parametrize("seed", range(4))
def test_searches_among_many_points(real_redis: RealRedis, seed: int) -> None:
    """Unsorted replies too come in Redis's order, so the same rectangles are looked at."""
    draw = random.Random(seed)
    ours = Instance()
    spread = draw.choice([1.0, 40.0, 170.0])
    for n in range(400):
        place = (f"{draw.uniform(-spread, spread):.6f}", f"{draw.uniform(-spread / 2, spread / 2):.6f}", f"m{n}")
        assert ours.wire("GEOADD", "k", *place) == real_redis.wire("GEOADD", "k", *place)
    for _ in range(120):
        centre = draw.choice(
            [
                ("FROMLONLAT", f"{draw.uniform(-spread, spread):.6f}", f"{draw.uniform(-80, 80):.6f}"),
                ("FROMMEMBER", f"m{draw.randrange(400)}"),
            ]
        )
        reach = [f"{10 ** draw.uniform(0, 4.3):.3f}" for _ in range(2)]
        shape = draw.choice([("BYRADIUS", reach[0], "km"), ("BYBOX", *reach, "km")])
        order = draw.choice([(), ("ASC",), ("DESC",), ("COUNT", "7"), ("COUNT", "5", "ANY")])
        line = ("GEOSEARCH", "k", *centre, *shape, *order, "WITHDIST", "WITHCOORD", "WITHHASH")
        assert ours.wire(*line) == real_redis.wire(*line), line
