"""A simulated disk: what an instance finds again after a crash, and what a crash takes.

It keeps what the server's store keeps: a snapshot of keys with its contexts, the effects since then, the high mark of
reserved dots, and facts. An appended effect waits until it is flushed; a crash takes what waits. The high mark and a
snapshot are durable when the call returns.

Source: `stores.md`, 15 and 17.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from mergelaw.replica.codec import decode_effect
from mergelaw.replica.database import Database
from mergelaw.replica.model import Effect
from mergelaw.replica.recovery import restore, start_run
from mergelaw.replica.table import Components
from mergelaw.semantics.context import EMPTY, CausalContext

Entries = tuple[tuple[bytes, tuple[tuple[str, Hashable], ...]], ...]
"""Keys, each with the values of its stores."""


@dataclass(slots=True)
class Disk:
    """The disk of one instance."""

    entries: Entries = ()
    """Of the last snapshot."""
    seen: CausalContext = EMPTY
    received: CausalContext = EMPTY
    """Its contexts."""
    log: tuple[bytes, ...] = ()
    """Effects since then, encoded, that outlive a crash."""
    waiting: tuple[bytes, ...] = ()
    """Appended after those, and not yet flushed."""
    high: int = 0
    """Own dots up to this number may have been used."""
    note: Hashable = None
    """What the explorer wants to find again with the snapshot."""
    facts: dict[str, bytes] = field(default_factory=dict)

    def fork(self) -> Disk:
        """A copy that changes by itself."""
        return Disk(
            self.entries,
            self.seen,
            self.received,
            self.log,
            self.waiting,
            self.high,
            self.note,
            dict(self.facts) if self.facts else {},
        )

    def key(self) -> Hashable:
        """Equal for equal contents."""
        facts = tuple(sorted(self.facts.items())) if self.facts else ()
        return self.entries, self.seen, self.received, self.log, self.waiting, self.high, self.note, facts

    def append(self, data: bytes) -> None:
        """One more effect for the log."""
        self.waiting = (*self.waiting, data)

    def flush(self) -> None:
        """All that waits is durable from now on."""
        self.log += self.waiting
        self.waiting = ()

    def crash(self) -> None:
        """What waits is gone."""
        self.waiting = ()

    def save(self, db: Database, note: Hashable = None) -> None:
        """A snapshot of the settled `db` takes the place of snapshot and log; what waits is still to be written."""
        assert db.settled, "a snapshot is saved before the ones taken over are merged"
        self.entries = contents(db)
        self.seen, self.received = db.seen, db.received
        self.log = ()
        self.note = note

    def reserve(self, high: int) -> None:
        """Makes the high mark durable."""
        self.high = high

    def load(self, db: Database, persist: Callable[[int], None]) -> list[tuple[Effect, bytes]]:
        """Fills the empty `db` and begins a run of it, as a starting process does; the effects replayed from the log.

        `persist` is to call `reserve`.
        """
        restored: list[tuple[bytes, Components]] = [(key, dict(held)) for key, held in self.entries]
        restore(db, restored, self.seen, self.received)
        replayed = []
        for data in self.log:
            effect = decode_effect(data, db.engines)
            # The order of the log is the one in which effects were applied; what came by a full sync may be missing.
            for done in db.receive(without_after(effect), 0):
                replayed.append((done, data))
        start_run(db, self.high, persist)
        return replayed


def without_after(effect: Effect) -> Effect:
    """`effect`, to be applied at once."""
    if effect.after is None:
        return effect
    return Effect(effect.origin, effect.first, effect.last, effect.context, effect.parts, None, effect.time_ms)


def contents(db: Database) -> Entries:
    """What the keys of a settled database hold, in a fixed order."""
    return tuple((key, tuple(sorted(entry.components().items()))) for key, entry in sorted(db.keys.items()))
