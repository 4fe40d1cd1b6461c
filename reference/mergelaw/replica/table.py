"""The table of keys, and views of it as it was at one moment.

A view costs nothing to make: it goes through the keys in the order in which they came, a few at a time, and is told the
old entry of each key that changes meanwhile. So nobody waits for a copy of the table, however large it is.
"""

from __future__ import annotations

from weakref import ref

import msgspec

from mergelaw.semantics.values import Raw

Components = dict[str, Raw]
"""The values of the stores of one key, by the store's name."""

_SLACK = 1000


class Entry(msgspec.Struct, eq=False, gc=False):
    """What a key holds; nothing of it changes but `epoch` and `used_ms`.

    Its store and value are those that readers see.
    """

    store: str
    value: Raw
    content: str
    """As `Database.content` tells it."""
    deadline: int | None
    """When the key dies; None: never."""
    others: tuple[tuple[str, Raw], ...] | None
    """Stores of other names that instances gave the key at the same time, and their values."""
    version: int
    epoch: int = 0
    """The last of the snapshots taken over that is merged into it."""
    used_ms: int = 0
    """When a client last read or wrote it; 0: not since it was loaded, or came from a peer."""

    def component(self, store: str) -> Raw | None:
        """Its value of the store of that name; None where it has none."""
        if store == self.store:
            return self.value
        return None if self.others is None else dict(self.others).get(store)

    def components(self) -> Components:
        """The values of all its stores, none of them zero."""
        return {self.store: self.value, **dict(self.others or ())}

    def __repr__(self) -> str:
        return f"Entry({self.store}, {self.content}, version {self.version})"


class Table:
    """Entries by key. Write only through `set`."""

    __slots__ = ("_order", "_stale", "entries", "held", "watched")

    def __init__(self) -> None:
        self.entries: dict[bytes, Entry] = {}
        self.held = 0
        """How many, beside views, rely on places in the order; the order is not tidied up meanwhile."""
        self._order: list[bytes] = []
        self._stale: set[bytes] = set()
        """The keys that stand in the order and are gone."""
        self.watched: list[ref[View]] = []
        """The views, which have to be told of changes."""

    def set(self, key: bytes, old: Entry | None, entry: Entry | None, settling: int = 0) -> None:
        """`key` had `old` and has `entry` from now on; None: nothing.

        `settling`: the change merges the snapshot of that number, which younger views count as merged already.
        """
        if self.watched:
            for found in self.watched:
                view = found()
                if view is not None and (not settling or settling > view.epoch):
                    view.kept.setdefault(key, old)
        if entry is not None:
            if old is None:
                if key in self._stale:
                    self._stale.discard(key)
                else:
                    self._order.append(key)
            self.entries[key] = entry
        elif old is not None:
            del self.entries[key]
            self._stale.add(key)
            if len(self._stale) > len(self.entries) + _SLACK and not self.watched and not self.held:
                self._order = list(self.entries)
                self._stale.clear()

    def places(self) -> int:
        """How many places the order has; later ones are appended."""
        return len(self._order)

    def at(self, place: int) -> bytes:
        """The key at a place of the order; it may be gone."""
        return self._order[place]

    def view(self, epoch: int) -> View:
        """The table as it is now, with the snapshots up to number `epoch` merged into every key."""
        view = View(epoch)
        self.watched.append(ref(view, self.watched.remove))
        return view


class View:
    """One moment of a table."""

    __slots__ = ("__weakref__", "epoch", "kept")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.kept: dict[bytes, Entry | None] = {}
        """The entries that keys had then, where they have changed since."""
