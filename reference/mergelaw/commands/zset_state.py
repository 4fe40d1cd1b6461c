"""A sorted set as commands see it, and the updates that commands make of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mergelaw.commands.collection import SMALL
from mergelaw.commands.copying import Copy, place
from mergelaw.commands.parse import Value
from mergelaw.commands.state import KEY
from mergelaw.commands.table import Call
from mergelaw.commands.zset_order import Order, orders
from mergelaw.commands.zset_scores import double, exact, shown
from mergelaw.language.core import Named
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import EMPTY

if TYPE_CHECKING:
    from mergelaw.replica.database import Database, Entry


class Scores:
    """The sorted set at one key, at one time. It does not follow changes: read it anew after an update."""

    __slots__ = ("_db", "_key", "_scalar", "held")

    def __init__(self, db: Database, key: bytes, entry: Entry) -> None:
        """`entry` is what readers see at `key`, a sorted set."""
        self._db = db
        self._key = key
        self._scalar = _scalar(db)
        self.held: Mapping[str, Any] = db.layout.members(entry.value)
        """All that there is to remember: member -> raw score, also of members that nobody sees."""

    def value(self, member: str) -> Value | None:
        """The exact score: a number, or the text `inf` or `-inf`; None iff there is no such member."""
        raw = self.held.get(member)
        if raw is None:
            return None
        found = self._scalar.query("value", raw, EMPTY, ())
        return None if found is None else found[0]

    def score(self, member: str) -> float | None:
        """The score that clients read; None iff there is no such member."""
        value = self.value(member)
        return None if value is None else shown(value)

    def __contains__(self, member: str) -> bool:
        raw = self.held.get(member)
        return raw is not None and self._present(raw)

    def __len__(self) -> int:
        if len(self.held) <= SMALL:
            return sum(map(self._present, self.held.values()))
        return len(self.order())

    def items(self) -> Iterator[tuple[str, float]]:
        """Members and scores, in the order of the map."""
        for member, raw in self.held.items():
            score = self._score(raw)
            if score is not None:
                yield member, score

    def order(self) -> Order:
        """The members in order, not to be changed; as they are now, and no longer after the next update."""
        return orders(self._db).of(self._key, self.held, self._score)

    def _present(self, raw: Any) -> bool:
        return bool(self._scalar.query("present", raw, EMPTY, ()))

    def _score(self, raw: Any) -> float | None:
        found = self._scalar.query("value", raw, EMPTY, ())
        return None if found is None else shown(found[0])


_scalars: WeakKeyDictionary[Database, Compiled] = WeakKeyDictionary()


def _scalar(db: Database) -> Compiled:
    """What runs the value of a score."""
    known = _scalars.get(db)
    if known is None:
        known = _scalars[db] = Compiled(db.engines[KEY].program, Named("Scalar"))
    return known


def scores_of(c: Call, key: bytes) -> Scores | None:
    """The sorted set at `key`; None iff the key is absent. Raises: CommandError (WRONGTYPE)."""
    entry = c.typed(key, "zset")
    return None if entry is None else Scores(c.db, key, entry)


def scores_now(c: Call, key: bytes) -> Scores | None:
    """The sorted set at `key` after updates of this call; None iff nothing is there. It counts as no use of the key."""
    entry = c.db.visible(key, c.now_ms)
    return None if entry is None or entry.store != KEY or entry.content != "zset" else Scores(c.db, key, entry)


# Updates --------------------------------------------------------------------------------------------------------------


def set_score(c: Call, key: bytes, member: str, score: float) -> None:
    """ZADD: `member` has this score, whatever it had."""
    if math.isinf(score):
        c.tx.update(key, "score_infinite", member, score > 0)
    else:
        c.tx.update(key, "score", member, exact(score))


def total(value: Value | None, amount: float) -> float:
    """The score that clients would read after ZINCRBY of `amount` where it is `value` now (None: absent); maybe NaN."""
    base = 0 if value is None else value[1]
    if isinstance(base, str) or math.isinf(amount):
        return (0.0 if value is None else shown(value)) + amount
    return double(base + exact(amount))


def add_score(c: Call, key: bytes, member: str, amount: float, result: float) -> None:
    """ZINCRBY: counts `amount` onto the score of `member`, which comes to `result` here; concurrent ones add up.

    Infinity is no number to count on, nor is what no double can hold: there the sum is written as ZADD would.
    """
    if math.isinf(result):
        set_score(c, key, member, result)
    else:
        onto = c.tx.accumulator(key, member, scores=True)
        c.tx.update(key, "score_increase", member, exact(amount), onto)


def remove(c: Call, key: bytes, found: Scores, members: list[str]) -> None:
    """Takes `members`, different ones that are all in `found`, out of the sorted set at `key`."""
    if len(found.held) <= max(SMALL, 2 * len(members)) and len(members) == len(found):
        c.tx.delete(key)
        return
    for member in members:
        c.tx.update(key, "unscore", member)


def store(c: Call, key: bytes, pairs: Iterable[tuple[str, float]]) -> int:
    """`key` holds these members and scores and nothing else that is known here; how many there are.

    Without any, it is deleted.
    """
    values: dict[str, Value] = {
        member: (0, "inf" if score > 0 else "-inf") if math.isinf(score) else (1, Fraction(score))
        for member, score in pairs
    }
    return store_values(c, key, values)


def store_values(c: Call, key: bytes, values: dict[str, Value]) -> int:
    """As `store`, of exact scores."""
    if values:
        place(c.tx, key, Copy("scores", values, None))
    else:
        c.tx.delete(key)
    return len(values)
