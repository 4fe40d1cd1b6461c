"""Databases on a simulated network: effects wait on links, get lost, doubled and overtaken; instances crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mergelaw.replica import codec, recovery
from mergelaw.replica.collect import collect
from mergelaw.replica.database import Database, default_engines
from mergelaw.replica.model import Effect
from mergelaw.replica.snapshot import Incoming, Snapshot
from mergelaw.replica.table import Components
from mergelaw.semantics.context import EMPTY, CausalContext
from mergelaw.semantics.engine import Engine, UpdateRefused

Op = tuple[Any, ...]
"""(key, update, *args), or ("delete", key)."""

BLOCK = 7
"""Reserved at a time, so that tests pass the end of a block."""


def state_of(db: Database) -> dict[bytes, Components]:
    while db.settle(1000):
        pass
    return {key: entry.components() for key, entry in db.keys.items()}


@dataclass
class Disk:
    """What an instance finds again after a crash."""

    keys: dict[bytes, Components] = field(default_factory=dict)
    seen: CausalContext = EMPTY
    received: CausalContext = EMPTY
    log: list[bytes] = field(default_factory=list)
    high: int = 0


class Instance:
    def __init__(self, replica: int, engines: Mapping[str, Engine], causal: bool) -> None:
        self.replica = replica
        self.engines = engines
        self.causal = causal
        self.disk = Disk()
        self.unsynced: list[bytes] = []
        self.applied: list[Effect] = []
        self.incoming: dict[int, Incoming] = {}
        """By where it comes from."""
        self.db = self._boot()

    def _boot(self) -> Database:
        db = Database(self.replica, self.engines, causal=self.causal)
        recovery.restore(db, self.disk.keys.items(), self.disk.seen, self.disk.received)
        for data in self.disk.log:
            db.receive(codec.decode_effect(data, self.engines), 0)
        recovery.start_run(db, self.disk.high, self._persist)
        return db

    def _persist(self, mark: int) -> None:
        self.disk.high = mark

    def publish(self, effect: Effect) -> None:
        self.applied.append(effect)
        self.unsynced.append(codec.encode_effect(effect, self.engines))

    def receive(self, data: bytes, now_ms: int) -> None:
        for effect in self.db.receive(codec.decode_effect(data, self.engines), now_ms):
            self.publish(effect)

    def sync_disk(self, count: int) -> None:
        self.disk.log += self.unsynced[:count]
        del self.unsynced[:count]

    def save(self) -> None:
        """The whole state, in one transaction, in place of the log."""
        snapshot = Snapshot(self.db)
        self.disk = Disk(dict(snapshot.entries()), snapshot.seen, snapshot.received, [], self.disk.high)
        self.unsynced = []

    def crash(self) -> None:
        kept = len(self.disk.log)
        self.unsynced = []
        self.incoming = {}
        self.db = self._boot()
        held = self.db.received
        self.applied = [e for e in self.applied if e.identity in held]
        assert kept == len(self.disk.log)


class Network:
    def __init__(self, count: int, *, causal: bool = False, engines: Mapping[str, Engine] | None = None) -> None:
        self.engines = engines or default_engines()
        self.instances = {r: Instance(r, self.engines, causal) for r in range(1, count + 1)}
        self.links: dict[tuple[int, int], list[bytes]] = {
            (a, b): [] for a in self.instances for b in self.instances if a != b
        }
        self.snapshots: dict[tuple[int, int], list[bytes]] = {}
        self.now = 1_000

    def __getitem__(self, replica: int) -> Database:
        return self.instances[replica].db

    # -- what instances do -------------------------------------------------------------------------

    def run(self, replica: int, ops: list[Op]) -> Effect | None:
        """The ops as one transaction; refused ones are left out."""
        db = self[replica]
        tx = db.begin(self.now)
        for op in ops:
            try:
                if op[0] == "delete":
                    tx.delete(op[1])
                elif op[1] == "increase":
                    tx.update(op[0], "increase", op[2], tx.accumulator(op[0]))
                elif op[1] == "hash_increase":
                    tx.update(op[0], op[1], op[2], op[3], tx.accumulator(op[0], op[2]))
                else:
                    tx.update(*op)
            except UpdateRefused:
                continue
        return self._publish(replica, tx.commit())

    def reap(self, replica: int) -> None:
        db = self[replica]
        tx = db.begin(self.now)
        for key in db.due(self.now, 100):
            tx.reap(key)
        self._publish(replica, tx.commit())

    def collect(self, replica: int) -> None:
        self._publish(replica, collect(self[replica], self.now, 100))

    def _publish(self, replica: int, effect: Effect | None) -> Effect | None:
        if effect is not None:
            self.instances[replica].publish(effect)
            data = codec.encode_effect(effect, self.engines)
            for (source, _), link in self.links.items():
                if source == replica:
                    link.append(data)
        return effect

    # -- what the network does ---------------------------------------------------------------------

    def deliver(self, source: int, target: int, at: int, *, keep: bool = False) -> None:
        """The effect at place `at` of a link arrives; `keep`: it will arrive again."""
        link = self.links[source, target]
        if link:
            data = link[at % len(link)] if keep else link.pop(at % len(link))
            self.instances[target].receive(data, self.now)

    def drop(self, source: int, target: int, at: int) -> None:
        link = self.links[source, target]
        if link:
            link.pop(at % len(link))

    def partial_sync(self, source: int, target: int) -> None:
        """What the target lacks is sent again, also the target's own effects that it has lost."""
        held = self[target].received
        self.links[source, target] = [
            codec.encode_effect(e, self.engines) for e in self.instances[source].applied if e.identity not in held
        ]

    def send_snapshot(self, source: int, target: int) -> None:
        self.snapshots[source, target] = list(Snapshot(self[source]).chunks(64))
        self.instances[target].incoming[source] = Incoming(self[target])

    def feed(self, source: int, target: int, chunks: int) -> None:
        """Some chunks arrive; with the last the snapshot is taken over."""
        instance, waiting = self.instances[target], self.snapshots.get((source, target), [])
        for _ in range(min(chunks, len(waiting))):
            if instance.incoming[source].feed(waiting.pop(0)):
                for effect in instance.incoming.pop(source).finish():
                    instance.publish(effect)
                self._took_over(source, target)

    def full_sync(self, source: int, target: int) -> None:
        self.send_snapshot(source, target)
        while self.snapshots[source, target]:
            self.feed(source, target, 1)

    def _took_over(self, source: int, target: int) -> None:
        instance = self.instances[target]
        have = {e.identity for e in instance.applied}
        instance.applied += [
            e
            for e in self.instances[source].applied
            if e.identity not in have and e.identity in instance.db.received
        ]
        instance.save()

    def crash(self, replica: int) -> None:
        """The process ends, with what it had not yet on disk, and starts again; connections are new."""
        self.instances[replica].crash()
        for source, target in self.links:
            if replica in (source, target):
                self.links[source, target] = []
                self.snapshots.pop((source, target), None)
        for other, instance in self.instances.items():
            if other != replica:
                instance.db.drop_waiting(replica)
                instance.incoming.pop(replica, None)
        for other in self.instances:
            if other != replica:
                self.partial_sync(other, replica)
                self.partial_sync(replica, other)

    def recover(self, replica: int) -> None:
        """Sync with every member, then declare void what nobody holds."""
        for other in self.instances:
            if other != replica:
                self.partial_sync(other, replica)
                while self.links[other, replica]:
                    self.deliver(other, replica, 0)
        for effect in recovery.declare_void(self[replica], self.now):
            self._publish(replica, effect)

    def quiesce(self) -> None:
        """Everybody restarts nothing, and gets everything."""
        for replica in self.instances:
            self.recover(replica)
        for _ in range(3):
            for source, target in self.links:
                self.partial_sync(source, target)
                while self.links[source, target]:
                    self.deliver(source, target, 0)

    # -- what must hold ----------------------------------------------------------------------------

    def check(self) -> None:
        """The same effects received: the same state."""
        dbs = [i.db for i in self.instances.values()]
        for a in dbs:
            assert a.received <= a.seen
            for key, entry in a.keys.items():
                for store, value in entry.components().items():
                    assert value != a.zero(store), key
            assert a.size == sum(e.content != "none" for e in a.keys.values())
        for i, a in enumerate(dbs):
            for b in dbs[i + 1 :]:
                if a.received == b.received:
                    assert a.seen == b.seen
                    assert state_of(a) == state_of(b)
