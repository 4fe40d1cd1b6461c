"""Sorted sets in their order: the members by score, equal ones by their bytes.

The state is a map from members to their scores, in no order, with members that nobody sees. So for a collection that is
asked for its order an `Order` is kept, which follows the changes by their footprints. It holds nothing that the state
does not say, and is made anew whenever in doubt. Small collections are sorted each time.

An update costs an order the logarithm of its size, and so does finding a rank, a score or a member in it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from sortedcontainers import SortedList

from mergelaw.commands.collection import SMALL
from mergelaw.commands.state import KEY
from mergelaw.commands.zset_scores import LexRange, ScoreRange

if TYPE_CHECKING:
    from mergelaw.replica.database import Database
    from mergelaw.semantics.engine import Footprint

Score = Callable[[Any], float | None]
"""What clients read of what the state holds of a member; None: it is not there."""

_ORDERS = 1024
"""So many are kept; the one used longest ago goes first."""

_AFTER = "\u0100"
"""Comes after all members, which are texts of bytes."""


class Order:
    """The members of a sorted set that are there, with their scores, in order."""

    __slots__ = ("_row", "_score", "held", "scores")

    def __init__(self, held: Mapping[str, Any], score: Score) -> None:
        """All of `held` that has a `score`."""
        self._score = score
        self.held = held
        """The map that it shows."""
        self.scores: dict[str, float] = {}
        """Member -> score; not to be changed."""
        scores = self.scores
        for member, raw in held.items():
            number = score(raw)
            if number is not None:
                scores[member] = number
        self._row = SortedList((number, member) for member, number in scores.items())

    def follow(self, held: Mapping[str, Any], touched: Iterable[str]) -> None:
        """The map is now `held`, which may differ from the last one at the members `touched` only."""
        self.held = held
        scores, row = self.scores, self._row
        for member in touched:
            raw = held.get(member)
            now = None if raw is None else self._score(raw)
            before = scores.get(member)
            if now == before:
                continue
            if before is not None:
                row.remove((before, member))
            if now is None:
                del scores[member]
            else:
                row.add((now, member))
                scores[member] = now

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[tuple[float, str]]:
        return iter(self._row)

    def __getitem__(self, rank: int) -> tuple[float, str]:
        """Score and member at `rank`, from 0; negative: from the end. Raises: IndexError."""
        found: tuple[float, str] = self._row[rank]
        return found

    def rank(self, member: str) -> int | None:
        """How many come before `member`; None iff it is not there."""
        number = self.scores.get(member)
        return None if number is None else self._row.bisect_left((number, member))

    def between(self, start: int, stop: int, reverse: bool = False) -> Iterator[tuple[float, str]]:
        """Those of the ranks start..stop-1, both within 0..len; the last first iff `reverse`.

        Its cost is that of what is taken from it.
        """
        found: Iterator[tuple[float, str]] = self._row.islice(start, stop, reverse)
        return found

    def ranks(self, rule: ScoreRange | LexRange, reverse: bool = False) -> tuple[int, int]:
        """The first rank in a range, and the one after the last.

        Where scores differ, a range of members means nothing. It is then what Redis makes of it in a small set: from
        the first that is not below it to the next that is above it; from the other end, iff `reverse`.
        """
        if rule.empty or not self.scores:
            return 0, 0
        if isinstance(rule, ScoreRange):
            start, stop = self._by_score(rule)
        elif self._row[0][0] == self._row[-1][0]:
            start, stop = self._by_member(rule)
        else:
            start, stop = self._in_turn(rule, reverse)
        return start, max(start, stop)

    def _by_score(self, rule: ScoreRange) -> tuple[int, int]:
        row = self._row
        start = row.bisect_left((rule.low, _AFTER) if rule.low_open else (rule.low,))
        stop = row.bisect_left((rule.high,) if rule.high_open else (rule.high, _AFTER))
        return start, stop

    def _by_member(self, rule: LexRange) -> tuple[int, int]:
        number = self._row[0][0]
        # The text right after `x` is `x` with a zero byte.
        start = self._edge(rule.low, number, "\0" if rule.low_open else "")
        stop = self._edge(rule.high, number, "" if rule.high_open else "\0")
        return start, stop

    def _edge(self, edge: tuple[int, str], number: float, after: str) -> int:
        side, member = edge
        if side:
            return 0 if side < 0 else len(self)
        found: int = self._row.bisect_left((number, member + after))
        return found

    def _in_turn(self, rule: LexRange, reverse: bool) -> tuple[int, int]:
        members = [member for _, member in self._row]
        if not rule.above_low(members[-1]) or not rule.below_high(members[0]):
            return 0, 0
        begins, goes_on = rule.above_low, rule.below_high
        if reverse:
            members.reverse()
            begins, goes_on = goes_on, begins
        start = next((n for n, member in enumerate(members) if begins(member)), len(members))
        stop = next((n for n, member in enumerate(members) if n >= start and not goes_on(member)), len(members))
        return (len(members) - stop, len(members) - start) if reverse else (start, stop)


class Orders:
    """The orders of one database."""

    def __init__(self, db: Database) -> None:
        """Follows the changes of `db` by `db.on_touched`, which it wraps."""
        self._db = ref(db)
        self._orders: OrderedDict[bytes, Order] = OrderedDict()
        self._next = db.on_touched
        db.on_touched = self._touched

    def of(self, key: bytes, held: Mapping[str, Any], score: Score) -> Order:
        """The order of `held`, which is at `key`; it follows changes only until it is asked for again."""
        if len(held) <= SMALL:
            return Order(held, score)
        known = self._orders.get(key)
        if known is None or known.held is not held:
            known = self._orders[key] = Order(held, score)
            if len(self._orders) > _ORDERS:
                self._orders.popitem(last=False)
        self._orders.move_to_end(key)
        return known

    def _touched(self, key: bytes, footprint: Footprint) -> None:
        order = self._orders.get(key)
        if order is not None:
            self._follow(order, key, _at(_at(footprint, "scores"), "scores"))
        if self._next is not None:
            self._next(key, footprint)

    def _follow(self, order: Order, key: bytes, touched: Footprint) -> None:
        db = self._db()
        entry = None if db is None else db.keys.get(key)
        if touched is None or db is None or entry is None or entry.store != KEY:
            del self._orders[key]
        else:
            order.follow(db.layout.members(entry.value), touched)


def _at(footprint: Footprint, step: str) -> Footprint:
    return None if footprint is None else footprint.get(step, {})


_orders: WeakKeyDictionary[Database, Orders] = WeakKeyDictionary()


def orders(db: Database) -> Orders:
    """The orders of `db`, made when they are first asked for."""
    known = _orders.get(db)
    if known is None:
        known = _orders[db] = Orders(db)
    return known
