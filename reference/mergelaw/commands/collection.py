"""Large collections (sets, hashes): how many there are, any of them, and the next of them, without looking at all each
time.

The state of a set or hash is an immutable map. It cannot be entered in the middle, and a hash's holds fields that
nobody sees. So for a large collection that is asked such questions a `View` is kept: a dense list of what is in it,
which follows the changes by their footprints. It holds nothing that the state does not say, and is made anew whenever
in doubt.

Cursors of SSCAN and HSCAN are places in the order of the map itself, which a member's hash gives, whatever else is in
it. A scan that begins looks at the first members only; one that goes on uses a list of all members, made after every
scan under way has begun. So a member that is there from the first call to the last is passed, and once, and what a
whole scan costs is proportional to the collection.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from weakref import WeakKeyDictionary, ref

from immutables import Map

from mergelaw.commands.state import KEY

if TYPE_CHECKING:
    from mergelaw.replica.database import Database
    from mergelaw.semantics.engine import Footprint

Item = TypeVar("Item", covariant=True)

Present = Callable[[Any], bool]
"""Whether what a map holds under a name counts."""

SMALL = 128
"""A collection of at most so many names is looked through each time, and scanned in one call."""

_VIEWS = 64
_ORDERS = 16
"""So many of each are kept; the one used longest ago goes first."""


def _always(_: Any) -> bool:
    return True


# Members in a row -----------------------------------------------------------------------------------------------------


class View:
    """The names of a map that count, in a row without holes; the order means nothing."""

    __slots__ = ("_places", "_present", "held", "names")

    def __init__(self, held: Mapping[str, Any], present: Present) -> None:
        """All of `held` that is `present`."""
        self._present = present
        self.held = held
        """The map that it shows."""
        self.names = list(held) if present is _always else [name for name, value in held.items() if present(value)]
        self._places: dict[str, int] | None = None

    def follow(self, held: Mapping[str, Any], touched: Iterable[str]) -> None:
        """The map is now `held`, which may differ from the last one at the names `touched` only."""
        self.held = held
        places = self._places
        if places is None:
            places = self._places = {name: n for n, name in enumerate(self.names)}
        names = self.names
        for name in touched:
            is_in = name in held and self._present(held[name])
            at = places.get(name)
            if is_in and at is None:
                places[name] = len(names)
                names.append(name)
            elif at is not None and not is_in:
                del places[name]
                last = names.pop()
                if at < len(names):
                    names[at] = last
                    places[last] = at


class Views:
    """The views of one database."""

    def __init__(self, db: Database) -> None:
        """Follows the changes of `db` by `db.on_touched`, which it wraps."""
        self._db = ref(db)
        self._views: OrderedDict[tuple[bytes, str], View] = OrderedDict()
        self._orders: OrderedDict[tuple[bytes, str], tuple[Mapping[str, Any], list[str]]] = OrderedDict()
        self._next = db.on_touched
        db.on_touched = self._touched

    def names(self, key: bytes, store: str, held: Mapping[str, Any], present: Present) -> list[str]:
        """The names of `held`, which `store` ("members" or "hash") holds at `key`, that are `present`."""
        if len(held) <= SMALL:
            return [name for name, value in held.items() if present(value)]
        known = self._views.get((key, store))
        if known is None or known.held is not held:
            known = self._views[key, store] = View(held, present)
            if len(self._views) > _VIEWS:
                self._views.popitem(last=False)
        self._views.move_to_end((key, store))
        return known.names

    def scan(self, key: bytes, store: str, held: Mapping[str, Any], cursor: int, count: int) -> tuple[int, list[str]]:
        """The next names of `held`, `count` or a few more, and the cursor to go on with; 0: that was all."""
        if len(held) <= max(SMALL, count):
            return 0, [name for name in held if cursor == 0 or place(name) >= cursor]
        if cursor == 0:
            known = self._orders.get((key, store))
            if known is not None and known[0] is not held:
                # It may lack what was added before this scan began.
                del self._orders[key, store]
            return _page(ordered(held), count)
        order = self._order(key, store, held)
        return _page((n for n in islice(order, bisect_left(order, cursor, key=place), None) if n in held), count)

    def _order(self, key: bytes, store: str, held: Mapping[str, Any]) -> list[str]:
        known = self._orders.get((key, store))
        if known is None:
            known = self._orders[key, store] = held, list(ordered(held))
            if len(self._orders) > _ORDERS:
                self._orders.popitem(last=False)
        self._orders.move_to_end((key, store))
        return known[1]

    def _touched(self, key: bytes, footprint: Footprint) -> None:
        if self._views:
            for store, table in (("members", "adds"), ("hash", "fields")):
                view = self._views.get((key, store))
                if view is not None:
                    self._follow(view, key, store, _at(_at(footprint, store), table))
        if self._next is not None:
            self._next(key, footprint)

    def _follow(self, view: View, key: bytes, store: str, touched: Footprint) -> None:
        db = self._db()
        entry = None if db is None else db.keys.get(key)
        if touched is None or db is None or entry is None or entry.store != KEY:
            del self._views[key, store]
        elif touched:
            view.follow(table_of(db, entry.value, store), touched)


def _at(footprint: Footprint, step: str) -> Footprint:
    return None if footprint is None else footprint.get(step, Map())


def table_of(db: Database, value: Any, store: str) -> Mapping[str, Any]:
    """The map of names that `store` ("members" or "hash") holds in a raw `Key`."""
    held: Mapping[str, Any] = db.layout.fields(value) if store == "hash" else db.layout.elements(value)
    return held


_views: WeakKeyDictionary[Database, Views] = WeakKeyDictionary()


def views(db: Database) -> Views:
    """The views of `db`, made when they are first asked for."""
    known = _views.get(db)
    if known is None:
        known = _views[db] = Views(db)
    return known


# Scanning -------------------------------------------------------------------------------------------------------------


def place(name: str) -> int:
    """Where `name` stands in the order of any `immutables.Map`: the 5-bit digits of its hash, the lowest first."""
    full = hash(name) & 0xFFFF_FFFF_FFFF_FFFF
    folded = (full ^ full >> 32) & 0xFFFF_FFFF
    found = 0
    for shift in range(0, 35, 5):
        found = found << 5 | folded >> shift & 31
    return found


def _is_ordered(names: list[str]) -> bool:
    places = [place(name) for name in names]
    return places == sorted(places)


_IN_ORDER = _is_ordered(list(Map((str(n), True) for n in range(3000))))
"""Whether maps are in the order of `place`, as they are in the C implementation on 64 bits."""


def ordered(held: Mapping[str, Any]) -> Iterator[str]:
    """The names of `held` in the order of `place`."""
    return iter(held) if _IN_ORDER else iter(sorted(held, key=place))


def _page(names: Iterator[str], count: int) -> tuple[int, list[str]]:
    """`count` of `names`, and all that stand at the place of the last; and the place of the one after, or 0."""
    found = list(islice(names, count))
    if not found:
        return 0, found
    last = place(found[-1])
    for name in names:
        following = place(name)
        if following != last:
            return following, found
        found.append(name)
    return 0, found


# Choosing -------------------------------------------------------------------------------------------------------------


class Row(Protocol[Item]):
    """What can be drawn from."""

    def __len__(self) -> int: ...

    def __getitem__(self, at: int, /) -> Item: ...


def chosen(names: Row[Item], count: int, randomness: Callable[[int], int]) -> list[Item]:
    """`count` different ones of `names`, at most as many as there are; `randomness(n)` draws of 0..n-1."""
    moved: dict[int, int] = {}
    size = len(names)
    found: list[Item] = []
    for n in range(min(count, size)):
        at = n + randomness(size - n)
        found.append(names[moved.get(at, at)])
        moved[at] = moved.get(n, n)
    return found


def drawn(names: Row[Item], count: int, randomness: Callable[[int], int]) -> list[Item]:
    """`count` of `names`, any of them each time. `names` is not empty."""
    return [names[randomness(len(names))] for _ in range(count)]


always = _always
"""As `Present`: all names count, as those of a set do."""
