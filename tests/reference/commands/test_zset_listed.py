"""COMMAND tells of the commands on sorted sets and positions what redis-server tells."""

from __future__ import annotations

import pytest

from mergelaw.commands.table import TABLE
from tests.reference.commands.differential import parsed
from tests.reference.commands.harness import Instance, RealRedis

GROUPS = ("sorted-set", "geo")
OURS = sorted(c.name for c in TABLE.values() if c.group in GROUPS)


@pytest.mark.parametrize("name", OURS)
def test_a_command_is_described_as_redis_describes_it(real_redis: RealRedis, name: str) -> None:
    ours = TABLE[name.upper().encode()]
    (info,) = parsed(real_redis.wire("COMMAND", "INFO", name))
    said = parsed(real_redis.wire("COMMAND", "DOCS", name))[1]
    docs = dict(zip(said[::2], said[1::2], strict=True))
    assert ours.arity == info[1]
    assert {flag.encode() for flag in ours.flags} == set(info[2])
    assert list(ours.keys) == info[3:6]
    assert (ours.group, ours.since, ours.summary) == (
        docs[b"group"].decode(),
        docs[b"since"].decode(),
        docs[b"summary"].decode(),
    )
    assert ours.complexity.replace(" ", "") == docs[b"complexity"].decode().replace("M log(M)", "M*log(M)").replace(
        " ", ""
    )


def test_all_commands_of_the_groups_are_there(real_redis: RealRedis) -> None:
    theirs: set[str] = set()
    for name in parsed(real_redis.wire("COMMAND", "LIST")):
        said = parsed(real_redis.wire("COMMAND", "DOCS", name))
        if said and dict(zip(said[1][::2], said[1][1::2], strict=True))[b"group"].decode() in GROUPS:
            theirs.add(name.decode())
    assert theirs == set(OURS)


@pytest.mark.parametrize(
    "line",
    [
        "ZUNION 2 a b WITHSCORES", "ZUNIONSTORE t 2 a b WEIGHTS 1 2", "ZMPOP 1 a MIN", "BZMPOP 0 2 a b MAX COUNT 3",
        "BZPOPMIN a b 0", "ZRANGESTORE t s 0 -1", "GEORADIUS k 1 2 3 m STORE t", "GEORADIUS k 1 2 3 m STOREDIST",
        "GEORADIUSBYMEMBER k m 3 m STORE t STOREDIST u", "GEOSEARCHSTORE t s FROMMEMBER m BYRADIUS 1 m", "ZDIFF 1 a",
        "ZINTERCARD 2 a b LIMIT 1", "GEORADIUS_RO k 1 2 3 m",
    ],
)  # fmt: skip
def test_the_keys_of_a_command(real_redis: RealRedis, line: str) -> None:
    assert Instance().wire(f"COMMAND GETKEYS {line}") == real_redis.wire(f"COMMAND GETKEYS {line}")


LINES = """
    ZADD z 1 a 2.5 b 3 c -inf d | ZADD z INCR 2 a | ZADD z XX INCR 2 nope | ZINCRBY z inf c | ZSCORE z a | ZSCORE z nope
    ZMSCORE z a nope | ZRANGE z 0 -1 | ZRANGE z 0 -1 WITHSCORES | ZREVRANGE z 0 1 WITHSCORES | ZRANK z nope | ZRANK no a
    ZRANGEBYSCORE z -inf +inf WITHSCORES LIMIT 1 2 | ZUNION 2 z z | ZUNION 2 z z WITHSCORES | ZINTER 2 z z WITHSCORES
    ZDIFF 2 z no WITHSCORES | ZRANDMEMBER no | ZRANDMEMBER no 5 | ZRANDMEMBER no 5 WITHSCORES | ZRANDMEMBER z 0
    ZPOPMIN z | ZPOPMAX z 1 | ZPOPMIN z 0 | ZPOPMIN no | ZPOPMIN no 3 | ZMPOP 1 z MIN | ZMPOP 1 no MIN | ZADD z 1 a 2 b
    ZMPOP 1 z MAX COUNT 5 | ZSCAN no 0 | ZADD z 1 a | ZSCAN z 0 | ZRANDMEMBER z | ZRANDMEMBER z 1 WITHSCORES
    ZRANDMEMBER z -2 WITHSCORES | GEOADD g 0.5 0.5 p 10 20 q | GEOPOS g p no | GEOPOS no p | GEOPOS g | GEODIST g p q
    GEODIST g p no | GEODIST no p q | GEOHASH g p no | GEOHASH no p | GEOSEARCH g FROMLONLAT 0 0 BYRADIUS 99 km
    GEORADIUS g 0 0 5000 km WITHDIST WITHHASH WITHCOORD ASC | GEORADIUS no 0 0 1 m | GEORADIUS g 0 0 1 m STORE t
    GEORADIUSBYMEMBER no x 1 m STORE t | GEOSEARCH no FROMMEMBER x BYBOX 1 1 km
"""


@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_have_the_same_shape(real_redis: RealRedis, protocol: int) -> None:
    """Byte for byte; but in RESP3 a position as short as it can be, where Redis writes 17 decimals."""
    ours = Instance()
    ours.client.protocol = protocol
    real_redis.wire("HELLO", protocol)
    try:
        for line in filter(None, (part.strip() for text in LINES.splitlines() for part in text.split(" | "))):
            mine, theirs = ours.wire(line, protocol=protocol), real_redis.wire(line)
            assert _read(mine) == _read(theirs), line
    finally:
        real_redis.wire("HELLO", 2)


def _read(wire: bytes) -> list[bytes | float]:
    return [float(line[1:]) if line.startswith(b",") else line for line in wire.split(b"\r\n")]
