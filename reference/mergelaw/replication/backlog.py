"""The effects of the recent past, for peers that lack them.

A link reads it at its own position, so a slow peer costs no memory of its own: if the backlog is cut off above that
position, the peer gets a snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from mergelaw.semantics.context import EMPTY, CausalContext, Run

_OVERHEAD_BYTES = 200
"""What an entry costs beside its bytes."""


@dataclass(frozen=True, slots=True)
class Item:
    """An effect, encoded."""

    origin: int
    first: int
    last: int
    time_ms: int
    """Wall clock of its origin."""
    data: bytes


class Backlog:
    """Effects in the order in which they came here, each with a position that never changes."""

    def __init__(self, limit_bytes: int, gone: CausalContext = EMPTY) -> None:
        """Empty. `gone` are the dots received by now: effects that are not here to be sent."""
        self.limit_bytes = limit_bytes
        self.gone = gone
        """Dots received whose effects are not here: they were cut off, or came by a snapshot."""
        self.bytes = 0
        """Size of what is held; over the limit only with a single effect."""
        self.start = 0
        """Position of the oldest effect."""
        self._items: list[Item] = []

    @property
    def end(self) -> int:
        """The position that the next effect takes."""
        return self.start + len(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def append(self, item: Item) -> None:
        """The newest effect; the oldest go where the limit is passed, never the newest."""
        self._items.append(item)
        self.bytes += len(item.data) + _OVERHEAD_BYTES
        if self.bytes > self.limit_bytes:
            self._cut()

    def forget(self, context: CausalContext) -> None:
        """The effects of these dots were received otherwise, and cannot be sent from here."""
        self.gone = self.gone | context

    def covers(self, missing: CausalContext) -> bool:
        """Whether all of `missing`, dots received here, can be sent from here."""
        return not missing or not self.gone or not missing & self.gone

    def read(self, position: int, limit: int) -> Sequence[Item]:
        """Up to `limit` effects from `position` on. Raises: LookupError, if it has been cut off."""
        at = position - self.start
        if at < 0:
            raise LookupError("the backlog does not reach back so far")
        return self._items[at : at + limit]

    def get(self, position: int) -> Item | None:
        """The effect there; None at the end. Raises: LookupError, if it has been cut off."""
        at = position - self.start
        if at < 0:
            raise LookupError("the backlog does not reach back so far")
        return self._items[at] if at < len(self._items) else None

    def after(self, received: CausalContext, context: CausalContext) -> list[Item] | None:
        """What an instance lacks that received `received`, where here `context` is; None: too long ago."""
        missing = context - received
        if not self.covers(missing):
            return None
        return [item for item in self._items if (item.origin, item.last) in missing]

    def _cut(self) -> None:
        """Frees a part of the room at once, so that a full backlog does not cut with every effect."""
        target = self.limit_bytes - self.limit_bytes // 32
        cut: list[Run] = []
        for item in islice(self._items, len(self._items) - 1):
            if self.bytes <= target:
                break
            cut.append((item.origin, item.first, item.last))
            self.bytes -= len(item.data) + _OVERHEAD_BYTES
        if cut:
            del self._items[: len(cut)]
            self.start += len(cut)
            self.gone = self.gone | CausalContext.from_runs(cut)
