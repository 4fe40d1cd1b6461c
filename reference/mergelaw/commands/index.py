"""An index of the keys, for SCAN and RANDOMKEY; kept as the database changes.

SCAN goes through the keys in the order of a fixed hash, and its cursor is the hash to go on from. A key's hash never
changes, whatever else is added or deleted meanwhile; so a key that is there from the first call to the last is passed,
and once. Nothing is kept for a scan between its calls, so any number of them may run, or be given up. All keys of one
hash come in one call, since the cursor cannot tell them apart.

Keys of a full sync come in as they are merged. A scan that begins waits for that, by empty answers.

Keys are kept in buckets by the upper bits of the hash; a call sorts the buckets that it visits, no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergelaw.replica.database import Database

_BITS = 12
_BUCKETS = 1 << _BITS
_HASH_BITS = 48
"""Cursors stay below 2^53: some clients keep them as doubles."""
_SHIFT = _HASH_BITS - _BITS
_MASK = (1 << _HASH_BITS) - 1
BEGINNING = 1 << _HASH_BITS
"""A cursor of a scan that has not begun and, unlike 0, is not at its end."""
_FEW = 4 * _BUCKETS
"""Of so many keys the buckets may be filled too unevenly to draw a key through them."""


class KeyIndex:
    """The keys that have an entry, visible or not."""

    def __init__(self, db: Database, hashing: Callable[[bytes], int] = hash) -> None:
        """Indexes `db` as it is, and follows its changes by `db.on_presence`, which it wraps.

        Python's own hash is keyed anew by each process, so nobody can choose keys that collide; a simulation passes
        one that is the same in every run.
        """
        self._db = db
        self._hash = hashing
        self._buckets: list[dict[bytes, None]] = [{} for _ in range(_BUCKETS)]
        self._next = db.on_presence
        for key in db.keys:
            self._buckets[(hashing(key) & _MASK) >> _SHIFT][key] = None
        db.on_presence = self.changed

    def changed(self, key: bytes) -> None:
        """The entry of `key` has appeared or gone."""
        bucket = self._buckets[(self._hash(key) & _MASK) >> _SHIFT]
        if key in self._db.keys:
            if key not in bucket:
                bucket[key] = None
        else:
            bucket.pop(key, None)
        if self._next is not None:
            self._next(key)

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """The next keys, `count` or a few more, and the cursor to go on with; 0: that was all.

        A scan begins with cursor 0. A cursor that no call has given is as good as any.
        """
        position = cursor & _MASK
        found: list[bytes] = []
        hashing = self._hash
        for at in range(position >> _SHIFT, _BUCKETS):
            bucket = self._buckets[at]
            if not bucket:
                continue
            here = sorted((hashing(key) & _MASK, key) for key in bucket)
            for n, (place, key) in enumerate(here):
                if place < position:
                    continue
                if len(found) >= count and place != here[n - 1][0]:
                    # Never 0: the first key of all is found by every scan.
                    return place, found
                found.append(key)
            position = 0
            if len(found) >= count:
                return ((at + 1) << _SHIFT if at + 1 < _BUCKETS else 0), found
        return 0, found

    def draw(self, randomness: Callable[[int], int]) -> Iterator[bytes]:
        """Keys at random, each time any of them; `randomness(n)` draws of 0..n-1. Ends when there are no keys."""
        while self._db.keys:
            if len(self._db.keys) <= _FEW:
                keys = list(self._db.keys)
            else:
                keys = []
                while not keys:
                    keys = list(self._buckets[randomness(_BUCKETS)])
            yield keys[randomness(len(keys))]
