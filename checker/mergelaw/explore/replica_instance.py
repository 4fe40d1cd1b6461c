"""One instance of the explored system: a real database, a simulated disk and a clock of its own.

It does what the server's shell does around the same core, step by step, so that a schedule can put anything between two
steps: a write and its flush, a crash and the sync that follows it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from mergelaw.explore.durable import Disk
from mergelaw.explore.replica_fork import fork, key
from mergelaw.explore.replica_menu import EXPLORED, Call
from mergelaw.replica import recovery
from mergelaw.replica.codec import decode_effect, encode_effect
from mergelaw.replica.collect import collect
from mergelaw.replica.database import Database
from mergelaw.replica.model import Effect
from mergelaw.replica.snapshot import Incoming, Snapshot
from mergelaw.semantics.context import CausalContext
from mergelaw.semantics.engine import Engine

START_MS = 1_000
"""What all clocks show at first."""

_CHUNK_BYTES = 256
"""Small, so that a snapshot takes several chunks."""


@dataclass(frozen=True, slots=True)
class Image:
    """A snapshot on its way."""

    chunks: tuple[bytes, ...]
    received: CausalContext


class _Acting:
    """The disk of the copy that acts: copies of an instance share what its process was started with."""

    __slots__ = ("disk",)

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def reserve(self, high: int) -> None:
        """Makes the high mark durable."""
        self.disk.reserve(high)


class Instance:
    """A database that runs somewhere."""

    __slots__ = ("_acting", "db", "disk", "now_ms")

    def __init__(self, replica: int, engines: Mapping[str, Engine], *, causal: bool) -> None:
        """New, with an empty disk."""
        self.disk = Disk()
        self._acting = _Acting(self.disk)
        self.now_ms = START_MS
        self.db = Database(replica, engines, causal=causal)
        self._start()

    def _start(self) -> None:
        self._acting.disk = self.disk
        self.disk.load(self.db, self._acting.reserve)

    def fork(self) -> Instance:
        """A copy that goes on by itself."""
        made = Instance.__new__(Instance)
        made.disk = self.disk.fork()
        made.now_ms = self.now_ms
        made.db = fork(self.db)
        made._acting = self._acting
        return made

    def key(self) -> Hashable:
        """Equal for instances that nothing can tell apart from now on."""
        return key(self.db), self.disk.key(), self.now_ms

    # -- what clients and time do ------------------------------------------------------------------

    def write(self, calls: Iterable[Call], store: str) -> Effect | None:
        """A transaction of `calls`. Raises: UpdateRefused; what was done before stays, uncommitted."""
        self._acting.disk = self.disk
        tx = self.db.begin(self.now_ms)
        for call in calls:
            tx.update(EXPLORED, call.update, *call.args, store=store)
        return self._published(tx.commit())

    def reap(self) -> Effect | None:
        """Deletes what has expired and is ours to delete."""
        self._acting.disk = self.disk
        tx = self.db.begin(self.now_ms)
        for name in self.db.due(self.now_ms, 100):
            tx.reap(name)
        return self._published(tx.commit())

    def collect(self) -> Effect | None:
        """Drops what the owner of counter parts may drop."""
        self._acting.disk = self.disk
        return self._published(collect(self.db, self.now_ms, 100))

    def _published(self, effect: Effect | None) -> Effect | None:
        if effect is not None:
            self.disk.append(encode_effect(effect, self.db.engines))
        return effect

    # -- what peers send ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Effect]:
        """An effect arrives; those applied by it. Raises: BadEffect, BadEncoding."""
        applied = self.db.receive(decode_effect(data, self.db.engines), self.now_ms)
        for effect in applied:
            self.disk.append(encode_effect(effect, self.db.engines))
        return applied

    def image(self) -> Image:
        """A snapshot of this moment, as it is sent."""
        taken = Snapshot(self.db)
        return Image(tuple(taken.chunks(_CHUNK_BYTES)), taken.received)

    def take_over(self, image: Image) -> list[Effect]:
        """A snapshot has arrived as a whole; the effects applied that had waited for something in it.

        Raises: BadEffect, BadEncoding.
        """
        incoming = Incoming(self.db)
        for chunk in image.chunks:
            incoming.feed(chunk)
        released = incoming.finish(self.now_ms)
        for effect in released:
            self.disk.append(encode_effect(effect, self.db.engines))
        return released

    # -- disk and process --------------------------------------------------------------------------

    def settle(self) -> None:
        """Merges into every key the snapshots taken over."""
        while self.db.settle(100):
            pass

    def save(self, note: Hashable = None) -> None:
        """A snapshot to the disk."""
        self.settle()
        self.disk.save(self.db, note)

    def crash(self) -> None:
        """The process ends, with what was not flushed, and starts again."""
        self.disk.crash()
        self.db = Database(self.db.replica, self.db.engines, causal=self.db.causal)
        self._start()

    def declare_void(self) -> list[Effect]:
        """Every member has been synced with: what nobody holds of the runs before is void."""
        effects = recovery.declare_void(self.db, self.now_ms)
        for effect in effects:
            self._published(effect)
        return effects
