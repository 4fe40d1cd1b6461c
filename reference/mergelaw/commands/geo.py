"""Positions on the earth: a sorted set whose scores are geohashes. Searching: `geo_search.py`.

GEOADD is a ZADD of a geohash: of concurrent ones of one member the latest wins.

Source: redis 7.0, `src/geo.c`; Redis docs, Active-Active sorted sets (redis_rules.md, 26).
"""

from __future__ import annotations

from fractions import Fraction

from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.geo_hash import LATITUDE, LONGITUDE, Point, decode, distance, encode, standard
from mergelaw.commands.parse import number_bytes, to_text
from mergelaw.commands.reply import NIL_ARRAY, Reply
from mergelaw.commands.table import Call, command
from mergelaw.commands.zset_scores import score
from mergelaw.commands.zset_state import Scores, scores_of
from mergelaw.commands.zsets import Conditions, add

_UNITS = {b"M": 1.0, b"KM": 1000.0, b"FT": 0.3048, b"MI": 1609.34}


# Arguments and replies ------------------------------------------------------------------------------------------------


def position(longitude: bytes, latitude: bytes) -> Point:
    """A position that a client names. Raises: CommandError."""
    x, y = score(longitude), score(latitude)
    if not (-LONGITUDE <= x <= LONGITUDE and -LATITUDE <= y <= LATITUDE):
        raise CommandError(b"ERR invalid longitude,latitude pair %f,%f" % (x, y))
    return x, y


def unit(name: bytes) -> float:
    """Metres of a unit of length. Raises: CommandError."""
    found = _UNITS.get(name.upper())
    if found is None:
        raise CommandError("ERR unsupported unit provided. please use M, KM, FT, MI")
    return found


def position_of(found: Scores | None, member: bytes) -> Point | None:
    """Where `member` is; None iff there is no such member."""
    number = None if found is None else found.score(to_text(member))
    return None if number is None else decode(number)


def position_reply(c: Call, point: Point) -> Reply:
    """Longitude and latitude: doubles in RESP3, texts in RESP2."""
    written = [number_bytes(Fraction(degrees)) for degrees in point]
    return [float(text) for text in written] if c.client.protocol >= 3 else written


def distance_reply(length: float) -> bytes:
    """A length with four decimals."""
    return b"%.4f" % length


# Commands -------------------------------------------------------------------------------------------------------------


@command(
    b"GEOADD",
    arity=-5,
    flags="write denyoom",
    keys=(1, 1, 1),
    group="geo",
    since="3.2.0",
    summary="Add one or more geospatial items in the geospatial index represented using a sorted set",
    complexity="O(log(N)) for each item added, where N is the number of elements in the sorted set.",
)
def geoadd(c: Call) -> Reply:
    """How many members are new; with CH how many have another position."""
    conditions = Conditions()
    at = 2
    while at < len(c.args) and c.args[at].upper() in (b"NX", b"XX", b"CH"):
        conditions.take(c.args[at])
        at += 1
    left = c.args[at:]
    if not left or len(left) % 3 or conditions.only_new and conditions.only_known:
        raise syntax_error()
    pairs = [(to_text(left[n + 2]), float(encode(position(left[n], left[n + 1])))) for n in range(0, len(left), 3)]
    added, updated = add(c, c.args[1], pairs, conditions)
    return added + updated if conditions.changed else added


@command(
    b"GEOPOS",
    arity=-2,
    flags="readonly",
    keys=(1, 1, 1),
    group="geo",
    since="3.2.0",
    summary="Returns longitude and latitude of members of a geospatial index",
    complexity="O(N) where N is the number of members requested.",
)
def geopos(c: Call) -> Reply:
    """For each member its position, or the absent array."""
    found = scores_of(c, c.args[1])
    points = (position_of(found, member) for member in c.args[2:])
    return [NIL_ARRAY if point is None else position_reply(c, point) for point in points]


@command(
    b"GEOHASH",
    arity=-2,
    flags="readonly",
    keys=(1, 1, 1),
    group="geo",
    since="3.2.0",
    summary="Returns members of a geospatial index as standard geohash strings",
    complexity="O(log(N)) for each member requested, where N is the number of elements in the sorted set.",
)
def geohash(c: Call) -> Reply:
    """For each member its geohash as it is common elsewhere, or null."""
    found = scores_of(c, c.args[1])
    points = (position_of(found, member) for member in c.args[2:])
    return [None if point is None else standard(point) for point in points]


@command(
    b"GEODIST",
    arity=-4,
    flags="readonly",
    keys=(1, 1, 1),
    group="geo",
    since="3.2.0",
    summary="Returns the distance between two members of a geospatial index",
    complexity="O(log(N))",
)
def geodist(c: Call) -> Reply:
    """How far two members are from each other; null if one is not there."""
    if len(c.args) > 5:
        raise syntax_error()
    metres = unit(c.args[4]) if len(c.args) == 5 else 1.0
    found = scores_of(c, c.args[1])
    start, end = (position_of(found, member) for member in c.args[2:4])
    return None if start is None or end is None else distance_reply(distance(start, end) / metres)
