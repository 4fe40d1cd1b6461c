"""When keys and fields are due: a heap, with entries that are put right when they come up.

Each key (or field of a hash) with a deadline has an entry in the heap, at its deadline or before. A deadline that
moves away leaves its entry where it is: when that comes up, the key is asked again. So a key whose deadline is
prolonged again and again stays one entry.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

Item = tuple[bytes, str | None]
"""A key and None, or a hash and the name of one of its fields."""

_Entry = tuple[int, bytes, str]
"""When, the key, and the field behind a dot; nothing for the key itself."""


class Schedule:
    """Keys and fields by the time when they should be looked at. It knows nothing of owners or values."""

    __slots__ = ("_heap", "_next", "hashes")

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._next: dict[Item, int] = {}
        self.hashes: set[bytes] = set()
        """The keys that have fields with a deadline, or had."""

    def __len__(self) -> int:
        return len(self._next)

    def add(self, key: bytes, field: str | None, deadline: int) -> None:
        """`key`, or that field of it, dies at `deadline`."""
        if field is not None:
            self.hashes.add(key)
        item = key, field
        known = self._next.get(item)
        if known is not None and known <= deadline:
            return
        self._next[item] = deadline
        heappush(self._heap, (deadline, key, "" if field is None else "." + field))
        if len(self._heap) > 64 + 4 * len(self._next):
            self._compact()

    def pop(self, now_ms: int) -> Item | None:
        """The next one to look at, now forgotten here; None if none is due by `now_ms`."""
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            when, key, name = heappop(heap)
            item = key, name[1:] if name else None
            if self._next.get(item) == when:
                del self._next[item]
                return item
        return None

    def next_ms(self) -> int | None:
        """When to look next; it may turn out that nothing is due then. None: never."""
        return self._heap[0][0] if self._heap else None

    def _compact(self) -> None:
        """Drops entries that were replaced by earlier ones."""
        self._heap = [(when, key, "" if field is None else "." + field) for (key, field), when in self._next.items()]
        heapify(self._heap)
