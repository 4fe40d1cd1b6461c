"""Members of a geo set near a position or a member: GEOSEARCH, GEORADIUS and their kin.

What STORE writes is a fresh sorted set: it takes away what is known of the target, of whatever type.

Source: redis 7.0, `src/geo.c` (`georadiusGeneric`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.geo import distance_reply, position, position_of, position_reply, unit
from mergelaw.commands.geo_hash import Point, Shape, cover, decode
from mergelaw.commands.parse import Arguments, from_text, integer
from mergelaw.commands.reply import Reply
from mergelaw.commands.table import Call, KeyFinder, command
from mergelaw.commands.zset_scores import ScoreRange, score
from mergelaw.commands.zset_state import Scores, scores_of, store

_CENTRES = (b"FROMMEMBER", b"FROMLONLAT")
_SHAPES = (b"BYRADIUS", b"BYBOX")


@dataclass(slots=True)
class _Query:
    """What a command asks for. Lengths are in units of `metres`."""

    centre: Point | None = None
    centre_named: bytes | None = None
    """By which option."""
    shape_named: bytes | None = None
    width: float = 0.0
    """Of a circle the radius."""
    height: float | None = None
    metres: float = 1.0
    with_distance: bool = False
    with_hash: bool = False
    with_position: bool = False
    descending: bool | None = None
    count: int = 0
    """0: all."""
    any: bool = False
    target: bytes | None = None
    store_distance: bool = False

    @property
    def shape(self) -> Shape:
        """Of a complete query."""
        assert self.centre is not None
        height = None if self.height is None else self.height * self.metres
        return Shape(self.centre, self.width * self.metres, height)


@dataclass(frozen=True, slots=True)
class _Hit:
    """A member inside the shape."""

    member: str
    score: float
    point: Point
    metres: float


# Arguments ------------------------------------------------------------------------------------------------------------


def _radius(query: _Query, length: bytes, name: bytes) -> None:
    query.width = score(length, "ERR need numeric radius")
    query.height = None
    if query.width < 0:
        raise CommandError("ERR radius cannot be negative")
    query.metres = unit(name)


def _box(query: _Query, width: bytes, height: bytes, name: bytes) -> None:
    query.width = score(width, "ERR need numeric width")
    query.height = score(height, "ERR need numeric height")
    if query.width < 0 or query.height < 0:
        raise CommandError("ERR height or width cannot be negative")
    query.metres = unit(name)


def _member(found: Scores, member: bytes) -> Point:
    point = position_of(found, member)
    if point is None:
        raise CommandError("ERR could not decode requested zset member")
    return point


def _common(query: _Query, options: Arguments, word: bytes) -> bool:
    """Takes an option that all searches have; False iff `word` is none."""
    match word:
        case b"WITHDIST":
            query.with_distance = True
        case b"WITHHASH":
            query.with_hash = True
        case b"WITHCOORD":
            query.with_position = True
        case b"ANY":
            query.any = True
        case b"ASC":
            query.descending = False
        case b"DESC":
            query.descending = True
        case b"COUNT" if options:
            query.count = integer(options.next())
            if query.count <= 0:
                raise CommandError("ERR COUNT must be > 0")
        case _:
            return False
    return True


def _check(query: _Query, storing: str) -> None:
    if query.target is not None and (query.with_distance or query.with_hash or query.with_position):
        raise CommandError(f"ERR {storing} is not compatible with WITHDIST, WITHHASH and WITHCOORD options")


def _check_any(query: _Query) -> None:
    if query.any and not query.count:
        raise CommandError("ERR the ANY argument requires COUNT argument")


# Searching ------------------------------------------------------------------------------------------------------------


def _hits(found: Scores, query: _Query) -> list[_Hit]:
    """What is inside the shape, as the query orders and limits it."""
    limit = query.count if query.any else 0
    hits: list[_Hit] = []
    for hit in _inside(found, query.shape):
        hits.append(hit)
        if limit and len(hits) >= limit:
            break
    if query.descending is not None or query.count and not query.any:
        hits.sort(key=attrgetter("metres"), reverse=bool(query.descending))
    return hits[: query.count] if query.count else hits


def _inside(found: Scores, shape: Shape) -> Iterator[_Hit]:
    order = found.order()
    for low, high in cover(shape):
        start, stop = order.ranks(ScoreRange(low, high, False, True))
        for number, member in order.between(start, stop):
            point = decode(number)
            metres = shape.distance_of(point)
            if metres is not None:
                yield _Hit(member, number, point, metres)


def _answer(c: Call, found: Scores | None, query: _Query) -> Reply:
    hits = [] if found is None else _hits(found, query)
    if query.target is not None:
        return store(
            c,
            query.target,
            ((hit.member, hit.metres / query.metres if query.store_distance else hit.score) for hit in hits),
        )
    return [_shown(c, query, hit) for hit in hits]


def _shown(c: Call, query: _Query, hit: _Hit) -> Reply:
    name = from_text(hit.member)
    told: list[Reply] = [name]
    if query.with_distance:
        told.append(distance_reply(hit.metres / query.metres))
    if query.with_hash:
        told.append(int(hit.score))
    if query.with_position:
        told.append(position_reply(c, hit.point))
    return told if len(told) > 1 else name


# GEOSEARCH ------------------------------------------------------------------------------------------------------------


def _search(c: Call, at: int, target: bytes | None) -> Reply:
    """Searches the key at position `at`."""
    found = scores_of(c, c.args[at])
    query = _Query(target=target)
    options = Arguments(c.args, at + 1)
    while options:
        word = options.keyword()
        if _common(query, options, word):
            continue
        left = len(options)
        if word in _CENTRES and query.centre_named in (None, word) and left >= (1 if word == b"FROMMEMBER" else 2):
            query.centre_named = word
            if word == b"FROMLONLAT":
                query.centre = position(options.next(), options.next())
            else:
                member = options.next()
                query.centre = None if found is None else _member(found, member)
        elif word in _SHAPES and query.shape_named in (None, word) and left >= (2 if word == b"BYRADIUS" else 3):
            query.shape_named = word
            if word == b"BYRADIUS":
                _radius(query, options.next(), options.next())
            else:
                _box(query, options.next(), options.next(), options.next())
        elif word == b"STOREDIST" and target is not None:
            query.store_distance = True
        else:
            raise syntax_error()
    _check(query, "GEOSEARCHSTORE")
    for named, choices in (
        (query.centre_named, b"FROMMEMBER or FROMLONLAT"),
        (query.shape_named, b"BYRADIUS and BYBOX"),
    ):
        if named is None:
            raise CommandError(b"ERR exactly one of " + choices + b" can be specified for " + c.args[0])
    _check_any(query)
    return _answer(c, found, query)


_SEARCH_COMPLEXITY = (
    "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as "
    "the filter and M is the number of items inside the shape"
)


@command(
    b"GEOSEARCH",
    arity=-7,
    flags="readonly",
    keys=(1, 1, 1),
    group="geo",
    since="6.2.0",
    summary="Query a sorted set representing a geospatial index to fetch members inside an area of a box or a circle.",
    complexity=_SEARCH_COMPLEXITY,
)
def geosearch(c: Call) -> Reply:
    """The members inside the shape, with what the options ask for."""
    return _search(c, 1, None)


@command(
    b"GEOSEARCHSTORE",
    arity=-8,
    flags="write denyoom",
    keys=(1, 2, 1),
    group="geo",
    since="6.2.0",
    summary="Query a sorted set representing a geospatial index to fetch members inside an area of a box or a circle, "
    "and store the result in another key.",
    complexity=_SEARCH_COMPLEXITY,
)
def geosearchstore(c: Call) -> Reply:
    """How many members were stored, with their geohashes or their distances; without any the target is deleted."""
    return _search(c, 2, c.args[1])


# GEORADIUS ------------------------------------------------------------------------------------------------------------


def _around(c: Call, by_member: bool, storing: bool) -> Reply:
    found = scores_of(c, c.args[1])
    query = _Query()
    if not by_member:
        query.centre = position(c.args[2], c.args[3])
        _radius(query, c.args[4], c.args[5])
    elif found is not None:
        query.centre = _member(found, c.args[2])
        _radius(query, c.args[3], c.args[4])
    options = Arguments(c.args, 5 if by_member else 6)
    while options:
        word = options.keyword()
        if _common(query, options, word):
            continue
        if word not in (b"STORE", b"STOREDIST") or not storing or not options:
            raise syntax_error()
        query.target = options.next()
        query.store_distance = word == b"STOREDIST"
    _check(query, "STORE option in GEORADIUS")
    _check_any(query)
    return _answer(c, found, query)


def _radius_keys(start: int) -> KeyFinder:
    """Finds the key, and those after the first STORE and the first STOREDIST from position `start` on."""

    def find(args: Sequence[bytes]) -> list[int]:
        words = [arg.upper() for arg in args[start:-1]]
        return [1, *(start + words.index(word) + 1 for word in (b"STORE", b"STOREDIST") if word in words)]

    return find


_RADIUS_COMPLEXITY = (
    "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center "
    "and radius and M is the number of items inside the index."
)


def _register(name: bytes, arity: int, what: str, by_member: bool) -> None:
    for suffix, flags, finder, since, summary in (
        (
            b"",
            "write denyoom",
            _radius_keys(5 if by_member else 6),
            "3.2.0",
            "Query a sorted set representing a geospatial index to fetch members matching a given maximum distance "
            f"from a {what}",
        ),
        (b"_RO", "readonly", None, "3.2.10", f"A read-only variant for {name.decode()}"),
    ):
        _register_one(name + suffix, arity, flags, finder, since, summary, by_member)


def _register_one(
    name: bytes, arity: int, flags: str, finder: KeyFinder | None, since: str, summary: str, by_member: bool
) -> None:
    command(
        name,
        arity=arity,
        flags=flags,
        keys=(1, 1, 1),
        finder=finder,
        group="geo",
        since=since,
        summary=summary,
        complexity=_RADIUS_COMPLEXITY,
    )(lambda c: _around(c, by_member, storing=finder is not None))


_register(b"GEORADIUS", -6, "point", by_member=False)
_register(b"GEORADIUSBYMEMBER", -5, "member", by_member=True)
