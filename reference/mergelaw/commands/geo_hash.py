"""Positions on the earth as 52-bit geohashes, distances, and the areas that cover a circle or a box.

A geohash interleaves the bits of latitude and longitude, each as a fraction of its range: those that begin alike lie in
one rectangle. So the members of a rectangle are a range of scores. A search looks at the rectangle around its centre
and the eight beside it, of the size that is enough, in an order that shows in unsorted replies.

Latitudes end at 85.05112878 degrees, as in the Web Mercator projection (EPSG:3857); the earth is a ball.

Source: redis 7.0, `src/geohash.c`, `src/geohash_helper.c`; Niemeyer, "geohash.org" (2008); the haversine formula.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

LONGITUDE = 180.0
LATITUDE = 85.05112878
STEPS = 26
"""Bits of each coordinate in a score."""
_EARTH_RADIUS_M = 6372797.560856
_MERCATOR_MAX_M = 20037726.37
_RADIAN = math.pi / 180
_ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
_POLE = 90.0
_WORD = 2**64 - 1
_EVEN = 0x5555555555555555
"""The bits of the latitude."""
_ODD = 0xAAAAAAAAAAAAAAAA
"""The bits of the longitude."""

Point = tuple[float, float]
"""Longitude and latitude in degrees."""


# Geohashes ------------------------------------------------------------------------------------------------------------


def _spread(number: int) -> int:
    """The 32 bits of `number` at the even places of 64."""
    number &= 0xFFFFFFFF
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, _EVEN),
    ):
        number = (number | number << shift) & mask
    return number


def _gathered(bits: int) -> int:
    """The inverse of `_spread`; the bits at the odd places count for nothing."""
    bits &= _EVEN
    for shift, mask in (
        (1, 0x3333333333333333),
        (2, 0x0F0F0F0F0F0F0F0F),
        (4, 0x00FF00FF00FF00FF),
        (8, 0x0000FFFF0000FFFF),
        (16, 0x00000000FFFFFFFF),
    ):
        bits = (bits | bits >> shift) & mask
    return bits


def encode(point: Point, steps: int = STEPS, latitude_range: float = LATITUDE) -> int:
    """The geohash of so many bits for each coordinate. `point` is in the ranges."""
    longitude, latitude = point
    cells = 1 << steps
    x = (longitude + LONGITUDE) / (2 * LONGITUDE) * cells
    y = (latitude + latitude_range) / (2 * latitude_range) * cells
    return _spread(int(y)) | _spread(int(x)) << 1


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle in degrees."""

    west: float
    south: float
    east: float
    north: float


def area(bits: int, steps: int) -> Area:
    """The rectangle of a geohash."""
    cells = 1 << steps
    x, y = _gathered(bits >> 1), _gathered(bits)
    # C counts the far edge in 32 bits.
    x_end, y_end = (x + 1) & 0xFFFFFFFF, (y + 1) & 0xFFFFFFFF
    width, height = 2 * LONGITUDE, 2 * LATITUDE
    return Area(
        -LONGITUDE + x / cells * width,
        -LATITUDE + y / cells * height,
        -LONGITUDE + x_end / cells * width,
        -LATITUDE + y_end / cells * height,
    )


def decode(score: float) -> Point:
    """The centre of the rectangle that a score names."""
    found = area(_bits(score), STEPS)
    longitude, latitude = (found.west + found.east) / 2, (found.south + found.north) / 2
    return max(-LONGITUDE, min(LONGITUDE, longitude)), max(-LATITUDE, min(LATITUDE, latitude))


def _bits(score: float) -> int:
    """`score` as an unsigned number of 64 bits; one that is none as processors convert it."""
    if score < 2.0**63:
        return int(score) & _WORD if score >= -(2.0**63) else 1 << 63
    return int(score) if score < 2.0**64 else 0


def standard(point: Point) -> bytes:
    """The geohash that is common elsewhere, in 11 letters; the last has no bits left and is `0`."""
    bits = encode(point, latitude_range=_POLE)
    letters = [_ALPHABET[bits >> (52 - 5 * n) & 31] for n in range(1, 11)]
    return ("".join(letters) + _ALPHABET[0]).encode()


# Distances ------------------------------------------------------------------------------------------------------------


def distance(start: Point, end: Point) -> float:
    """Metres along the great circle."""
    v = math.sin((end[0] * _RADIAN - start[0] * _RADIAN) / 2)
    if v == 0:
        return _along_meridian(start[1], end[1])
    first, second = start[1] * _RADIAN, end[1] * _RADIAN
    u = math.sin((second - first) / 2)
    a = u * u + math.cos(first) * math.cos(second) * v * v
    return 2 * _EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(a)))


def _along_meridian(start: float, end: float) -> float:
    return _EARTH_RADIUS_M * abs(end * _RADIAN - start * _RADIAN)


# Shapes ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shape:
    """A circle (`height` is None) or a box around a centre; lengths in metres."""

    centre: Point
    width: float
    """Of a circle the radius."""
    height: float | None = None

    @property
    def reach(self) -> float:
        """How far the farthest point is from the centre."""
        if self.height is None:
            return self.width
        return math.sqrt((self.width / 2) * (self.width / 2) + (self.height / 2) * (self.height / 2))

    def distance_of(self, point: Point) -> float | None:
        """How far `point` is from the centre; None iff it is outside."""
        if self.height is not None:
            if _along_meridian(point[1], self.centre[1]) > self.height / 2:
                return None
            if distance(point, (self.centre[0], point[1])) > self.width / 2:
                return None
            return distance(self.centre, point)
        found = distance(self.centre, point)
        return None if found > self.width else found

    def bounds(self) -> Area:
        """The rectangle around it; parts of it may be no number where the shape is larger than the earth."""
        longitude, latitude = self.centre
        height = self.width if self.height is None else self.height / 2
        width = self.width if self.height is None else self.width / 2
        up = height / _EARTH_RADIUS_M / _RADIAN
        # The meridians are closest at the edge that is nearer to the pole, as C has it for the hemisphere.
        edge = latitude - up if latitude < 0 else latitude + up
        aside = _divided(width / _EARTH_RADIUS_M, _cosine(edge * _RADIAN)) / _RADIAN
        return Area(longitude - aside, latitude - up, longitude + aside, latitude + up)


def _cosine(angle: float) -> float:
    return math.cos(angle) if math.isfinite(angle) else math.nan


def _divided(number: float, by: float) -> float:
    return number / by if by else math.copysign(math.inf, by)


def cover(shape: Shape) -> Iterator[tuple[int, int]]:
    """Ranges of scores, from the first to before the second, that together hold all points of `shape`.

    They are in the order in which Redis looks at them, and may hold points outside the shape.
    """
    bounds = shape.bounds()
    steps = _estimated_steps(shape.reach, shape.centre[1])
    bits = encode(shape.centre, steps)
    if steps > 1 and not _reaches(bounds, bits, steps):
        steps -= 1
        bits = encode(shape.centre, steps)
    here = area(bits, steps)
    last: int | None = None
    for n, (x, y) in enumerate(_DIRECTIONS):
        if steps >= 2 and (
            y < 0
            and here.south < bounds.south
            or y > 0
            and here.north > bounds.north
            or x < 0
            and here.west < bounds.west
            or x > 0
            and here.east > bounds.east
        ):
            continue
        beside = _moved(bits, steps, x, y)
        # Around a huge shape neighbours can be the same; Redis does not compare with the centre.
        if beside == last:
            continue
        last = beside if n else None
        unit = 1 << 52 - 2 * steps
        yield beside * unit, (beside + 1) * unit


_DIRECTIONS = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))
"""To the east and to the north."""


def _estimated_steps(reach: float, latitude: float) -> int:
    """Bits of each coordinate, so that a rectangle is about as large as a circle of radius `reach`."""
    if reach == 0:
        return STEPS
    steps = 1
    while reach < _MERCATOR_MAX_M:
        reach *= 2
        steps += 1
    # So that the neighbours are enough in most cases; near the poles they are narrower.
    steps -= 2 + (abs(latitude) > 66) + (abs(latitude) > 80)
    return max(1, min(STEPS, steps))


def _reaches(bounds: Area, bits: int, steps: int) -> bool:
    """Whether the neighbours of a rectangle reach to all `bounds`, as far as these are numbers."""
    north, south, east, west = (area(_moved(bits, steps, x, y), steps) for x, y in _DIRECTIONS[1:5])
    return not (
        north.north < bounds.north or south.south > bounds.south or east.east < bounds.east or west.west > bounds.west
    )


def _moved(bits: int, steps: int, x: int, y: int) -> int:
    """The geohash beside another one: `x` to the east, `y` to the north, each -1, 0 or 1. It goes around the earth."""
    mask = (1 << 2 * steps) - 1
    return _stepped(bits, _ODD, _EVEN, mask, x) | _stepped(bits, _EVEN, _ODD, mask, y)


def _stepped(bits: int, own: int, others: int, mask: int, by: int) -> int:
    """The bits at the places `own`, one more or less; those between, at `others`, are filled so that carries pass.

    What is not moved keeps bits beyond `mask`, as points at the upper edges of the ranges have.
    """
    held, filled = bits & own, others & mask
    if by > 0:
        return held + (filled + 1) & own & mask
    if by < 0:
        return (held | filled) - (filled + 1) & own & mask
    return held
