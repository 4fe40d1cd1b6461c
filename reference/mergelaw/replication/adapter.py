"""A host over a database: what `Host` asks for, with a hook wherever an instance has to do more (a disk, a log)."""

from __future__ import annotations

from collections.abc import Iterator

from mergelaw.clock.clock import Clock
from mergelaw.replica import snapshot
from mergelaw.replica.codec import decode_effect
from mergelaw.replica.database import Database
from mergelaw.replica.model import Effect
from mergelaw.replication.membership import Configuration
from mergelaw.semantics.context import EMPTY, CausalContext

_SETTLED_AT_ONCE = 100
"""Keys merged in one slice of work."""


class Outgoing:
    """See `host.Outgoing`."""

    def __init__(self, db: Database, cut: CausalContext) -> None:
        self._snapshot = snapshot.Snapshot(db, cut)
        self.seen = self._snapshot.seen
        self.received = self._snapshot.received
        self.cut = cut
        self.size = db.size

    def chunks(self, max_bytes: int) -> Iterator[bytes]:
        """The encoded chunks."""
        return self._snapshot.chunks(max_bytes)


class Incoming:
    """See `host.Incoming`."""

    def __init__(self, host: DatabaseHost, heads: tuple[CausalContext, CausalContext, CausalContext]) -> None:
        self._host = host
        self._heads = heads
        self._incoming = snapshot.Incoming(host.db)

    def feed(self, data: bytes) -> None:
        """The next chunk. Raises: ValueError."""
        self._incoming.feed(data)
        if self._incoming.received != self._heads[1]:
            raise ValueError("a chunk of another snapshot")

    def finish(self) -> list[Effect]:
        """Takes the snapshot over. Raises: ValueError."""
        released = self._incoming.finish(self._host.clock.now_ms())
        self._host.merged(self._heads[1], released)
        return released

    def abort(self) -> None:
        """Nothing has changed, so nothing is to be done."""


class DatabaseHost:
    """Replication of a database that is kept in memory. An instance with more to do overrides what it needs."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self.clock = clock
        self.cut = EMPTY
        """Held for good by every instance, as told last."""
        self.everywhere = EMPTY
        """What every instance knows to be so."""
        self.configuration = Configuration()

    # -- hooks -------------------------------------------------------------------------------------

    def applied(self, effect: Effect, data: bytes | None) -> None:
        """An effect was applied; `data` is it, encoded, None where that has to be made again."""

    def merged(self, received: CausalContext, released: list[Effect]) -> None:
        """A snapshot of what had been received so was taken over, and the effects that waited for it applied."""
        for effect in released:
            self.applied(effect, None)

    # -- Host --------------------------------------------------------------------------------------

    @property
    def received(self) -> CausalContext:
        """Dots of the effects applied here."""
        return self.db.received

    def durable(self) -> CausalContext:
        """Nothing outlives the process, so all that it has counts."""
        return self.db.received

    def durable_cut(self) -> CausalContext:
        """The cut."""
        return self.cut

    def decode(self, data: bytes) -> Effect:
        """The effect that a peer encoded. Raises: ValueError."""
        return decode_effect(data, self.db.engines)

    def incoming_effect(self, effect: Effect, data: bytes) -> list[Effect]:
        """Applies it; returns those applied. Raises: ValueError."""
        done = self.db.receive(effect, self.clock.now_ms())
        for each in done:
            self.applied(each, data if each is effect else None)
        return done

    def snapshot(self) -> Outgoing:
        """A snapshot of this moment."""
        return Outgoing(self.db, self.cut)

    def incoming(self, seen: CausalContext, received: CausalContext, cut: CausalContext) -> Incoming:
        """A peer's snapshot begins. Raises: ValueError, if it is behind what may have been collected here."""
        if not self.cut <= received:
            raise ValueError("it is older than what was collected here")
        return Incoming(self, (seen, received, cut))

    def stable(self, cut: CausalContext, everywhere: CausalContext) -> None:
        """The cuts have grown."""
        self.cut = cut
        self.everywhere = everywhere

    def configured(self, configuration: Configuration) -> None:
        """The members have changed."""
        self.configuration = configuration
        if configuration.members:
            self.db.set_members(configuration.members)

    def settle(self) -> bool:
        """Merges some keys of snapshots taken over; True if there are more."""
        return self.db.settle(_SETTLED_AT_ONCE)

    def synced(self, peer: int, received: CausalContext) -> None:
        """All that `peer` had is here."""
