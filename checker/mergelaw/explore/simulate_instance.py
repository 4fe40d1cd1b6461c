"""An instance of the simulation: the real database and the real hub, with a simulated disk, clock and wires.

What the server's shell does around the two is done here as events of a virtual time: effects go to the log, the log is
flushed, what became durable is sent and acknowledged, snapshots are merged and saved in between, lost dots are declared
void once all members were synced with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from mergelaw.clock.clock import ManualClock
from mergelaw.explore.durable import Disk
from mergelaw.replica import recovery
from mergelaw.replica.codec import decode_context, encode_context, encode_effect
from mergelaw.replica.collect import collect
from mergelaw.replica.database import Database
from mergelaw.replica.model import Effect
from mergelaw.replication.adapter import DatabaseHost
from mergelaw.replication.frames import Settled
from mergelaw.replication.handshake import Identity
from mergelaw.replication.host import Settings
from mergelaw.replication.hub import Hub
from mergelaw.replication.membership import Configuration
from mergelaw.semantics.context import EMPTY, CausalContext
from mergelaw.semantics.engine import Engine, UpdateRefused

HOUR_MS = 3_600_000

SETTINGS = Settings(
    level=0,
    report_ms=200_000,
    heartbeat_ms=1_200_000,
    dead_ms=9_000_000,
    handshake_ms=6_000_000,
    challenge_ms=600_000,
    stall_ms=12_000_000,
    repair_ms=1_200_000,
    backoff_min_ms=50_000,
    backoff_max_ms=1_200_000,
    join_grace_ms=6_000_000,
)
"""Timers of minutes and hours instead of seconds: what happens keeps its proportions, and hours pass quickly."""

_LOG_MOST = 300
"""With so many effects in the log, a snapshot is saved."""

_decode_settled = msgspec.msgpack.Decoder(Settled).decode

Op = tuple[Any, ...]
"""(key, update, *args); (key, "DEL") takes the key away."""


class World(Protocol):
    """What an instance asks of the simulation."""

    def after(self, ms: int, run: Callable[[], None]) -> None:
        """Calls `run` so much later."""
        ...

    def draw(self, below: int) -> int:
        """A number of 0 to `below` - 1, from the seed."""
        ...

    def entropy(self, count: int) -> bytes:
        """So many bytes, from the seed."""
        ...

    def dial(self, instance: SimulatedInstance, target: Any) -> None:
        """The instance connects to a peer."""
        ...

    def told(self, instance: SimulatedInstance, text: str) -> None:
        """Something for the timeline."""
        ...

    def wrote(self, instance: SimulatedInstance, effect: Effect, data: bytes, ops: tuple[Op, ...]) -> None:
        """An effect was made; `data` is it, encoded."""
        ...

    def applied(self, instance: SimulatedInstance, effect: Effect) -> None:
        """An effect of another instance, or of an earlier run, was applied."""
        ...

    def acknowledged(self, instance: SimulatedInstance, effect: Effect) -> None:
        """A client was told that its write is done."""
        ...

    def cut_grown(self, instance: SimulatedInstance, cut: CausalContext, everywhere: CausalContext) -> None:
        """What is stable has grown."""
        ...

    def decode(self, data: bytes) -> Effect | None:
        """An effect that was decoded, or made, before."""
        ...


class SimulatedHost(DatabaseHost):
    """What replication sees of the instance; as `server.host.InstanceHost`."""

    def __init__(self, owner: SimulatedInstance, db: Database, clock: ManualClock) -> None:
        super().__init__(db, clock)
        self._owner = owner
        self.durable_received = db.received
        facts = owner.disk.facts
        self.cut = self._durable_cut = decode_context(facts["cut"]) if "cut" in facts else EMPTY
        self.everywhere = decode_context(facts["everywhere"]) if "everywhere" in facts else EMPTY

    def durable(self) -> CausalContext:
        """What a crash cannot take."""
        return self.durable_received

    def durable_cut(self) -> CausalContext:
        """The cut, where a crash cannot take it."""
        return self._durable_cut

    def flushed(self, received: CausalContext | None) -> None:
        """The disk has the facts, and, where it is told, so much of what was received."""
        if received is not None:
            self.durable_received = self.durable_received | received
        if "cut" in self._owner.disk.facts:
            self._durable_cut = self._durable_cut | decode_context(self._owner.disk.facts["cut"])

    def decode(self, data: bytes) -> Effect:
        """As `DatabaseHost`; what was decoded lately is not decoded again."""
        return self._owner.world.decode(data) or super().decode(data)

    def applied(self, effect: Effect, data: bytes | None) -> None:
        """To the log."""
        self._owner.log(encode_effect(effect, self.db.engines) if data is None else data)
        self._owner.world.applied(self._owner, effect)

    def merged(self, received: CausalContext, released: list[Effect]) -> None:
        """What a snapshot brought needs a snapshot of our own."""
        super().merged(received, released)
        self._owner.merged()

    def stable(self, cut: CausalContext, everywhere: CausalContext) -> None:
        """The cuts go to the disk."""
        super().stable(cut, everywhere)
        self._owner.note("cut", encode_context(cut))
        self._owner.note("everywhere", encode_context(everywhere))
        self._owner.world.cut_grown(self._owner, cut, everywhere)

    def configured(self, configuration: Configuration) -> None:
        """The members go to the disk."""
        super().configured(configuration)
        self._owner.note("configuration", msgspec.msgpack.encode(configuration.settled()))

    def synced(self, peer: int, received: CausalContext) -> None:
        """All that a peer had is here."""
        self._owner.recover()


class SimulatedInstance:
    """One instance. `boot` starts its process, `crash` ends it."""

    def __init__(
        self,
        world: World,
        replica: int,
        engines: Mapping[str, Engine],
        configuration: Configuration,
        settings: Settings,
        *,
        always: bool,
        seeds: tuple[int, ...] = (),
    ) -> None:
        """`seeds`: whom to ask for the configuration, of an instance that joins."""
        self.world = world
        self.replica = replica
        self.engines = engines
        self.settings = settings
        self.always = always
        self.clock = ManualClock(1_000_000)
        self.disk = Disk()
        self.facts_waiting: dict[str, bytes] = {}
        self.flush_ms = 5
        """How long the disk takes."""
        self.running = False
        self.retiring = False
        """Clients write elsewhere: it is to be removed."""
        self.runs = 0
        self.first = configuration
        self.seeds = seeds
        self.db = Database(replica, engines, causal=settings.causal)

    # -- process -----------------------------------------------------------------------------------

    def boot(self) -> None:
        """The process starts with what the disk has."""
        world, settings, disk = self.world, self.settings, self.disk
        self.running = True
        self.runs += 1
        self.db = Database(self.replica, self.engines, causal=settings.causal)
        history = disk.load(self.db, self._reserve)
        if disk.facts.get("clean") == b"1":
            self.db.recovered = True
            disk.facts["clean"] = b"0"
        kept = disk.facts.get("configuration")
        configuration = Configuration.of(_decode_settled(kept)) if kept is not None else self.first
        self.host = SimulatedHost(self, self.db, self.clock)
        self.hub = Hub(
            self.host,
            Identity("simulated", self.replica, world.entropy(32), b"a secret"),
            configuration,
            settings=settings,
            clock=self.clock,
            randomness=lambda: world.draw(1 << 20) / (1 << 20),
            entropy=world.entropy,
            seeds=[("simulated", seed) for seed in self.seeds],
            joining=bool(self.seeds) and "joined" not in disk.facts,
            cut=self.host.cut,
            everywhere=self.host.everywhere,
        )
        if configuration.members:
            self.db.set_members(configuration.members)
        for effect, data in history:
            self.hub.preload(effect, data)
        self._outbox: deque[tuple[Effect, bytes]] = deque()
        self._flushing = False
        self._working = False
        self._merges = self._saved = 0
        self.hub.on_dial = lambda target: world.dial(self, target)
        self.hub.on_work = self.work
        self.hub.start()
        self._later(0, self.recover)

    def _reserve(self, high: int) -> None:
        self.disk.reserve(high)

    def crash(self) -> None:
        """The process ends at once; what was not flushed is gone."""
        self.running = False
        self.disk.crash()
        self.facts_waiting.clear()

    def stop(self) -> None:
        """The process ends in order: all is durable, and the next one starts with the dot after the last."""
        self.flush()
        self.hub.work()
        self.hub.stop()
        self.settle_all()
        if self._merges > self._saved:
            self.save()
        if self.db.recovered:
            self.disk.high = self.db.last
            self.disk.facts["clean"] = b"1"
        self.running = False

    def _later(self, ms: int, run: Callable[[], None]) -> None:
        """Calls `run` so much later, if this process still runs then."""
        started = self.runs

        def alive() -> None:
            if self.running and self.runs == started:
                run()

        self.world.after(ms, alive)

    # -- clients -----------------------------------------------------------------------------------

    def write(self, ops: tuple[Op, ...], store: str) -> None:
        """A transaction, where the instance takes writes; what is refused is left out."""
        if not self.running or self.retiring or not self.hub.writable or not self.db.settled and self.seeds:
            return
        tx = self.db.begin(self.clock.now_ms())
        done = []
        for op in ops:
            key, update, *args = op
            try:
                if update == "DEL":
                    tx.delete(key)
                else:
                    tx.update(key, update, *args, store=store)
                done.append(op)
            except UpdateRefused:
                continue
        self.publish(tx.commit(), tuple(done))

    def publish(self, effect: Effect | None, ops: tuple[Op, ...] = ()) -> None:
        """An effect goes to the log and to the peers; with `always`, in that order."""
        if effect is None:
            return
        data = encode_effect(effect, self.engines)
        self.world.wrote(self, effect, data, ops)
        self.log(data)
        if self.always:
            self._outbox.append((effect, data))
        else:
            self.hub.broadcast(data, effect)
            self.world.acknowledged(self, effect)

    # -- disk --------------------------------------------------------------------------------------

    def log(self, data: bytes) -> None:
        """One more effect to be written."""
        self.disk.append(data)
        self._flush_soon()

    def note(self, name: str, value: bytes) -> None:
        """A fact to be written."""
        self.facts_waiting[name] = value
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._later(self.flush_ms, self.flush)

    def flush(self) -> None:
        """What was appended and noted is durable now: it may be reported, and, with `always`, sent and acknowledged."""
        self._flushing = False
        self.disk.flush()
        self.disk.facts.update(self.facts_waiting)
        self.facts_waiting.clear()
        self.host.flushed(self.db.received if self._merges == self._saved else None)
        for effect, data in self._outbox:
            self.hub.broadcast(data, effect)
            self.world.acknowledged(self, effect)
        self._outbox.clear()

    def merged(self) -> None:
        """A snapshot of a peer was taken over."""
        self._merges += 1
        self.world.told(self, "takes over a snapshot")
        self._later(300_000, self._save_merged)

    def _save_merged(self) -> None:
        if self._merges > self._saved:
            self.save()

    def save(self) -> None:
        """A snapshot of our own."""
        if not self.running:
            return
        self.settle_all()
        self.disk.save(self.db)
        self._saved = self._merges
        self.host.durable_received = self.host.durable_received | self.db.received

    def settle_all(self) -> None:
        """Merges into every key the snapshots taken over."""
        while self.host.settle():
            pass

    def recover(self) -> None:
        """Once all members were synced with: what a crash took, and nobody has, is declared void."""
        if self.db.recovered or not set(self.hub.members) <= self.hub.synced_with:
            return
        for effect in recovery.declare_void(self.db, self.clock.now_ms()):
            self.world.told(self, f"declares {self.replica}.{effect.first} to {effect.last} void")
            self.publish(effect)

    # -- time --------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Time has passed."""
        self.hub.tick()
        if self.db.lags:
            self.db.settle(2)
        elif len(self.disk.log) > _LOG_MOST:
            self.save()
        if not self.hub.writable:
            return
        if self.seeds and "joined" not in self.disk.facts and self.db.settled:
            self.note("joined", b"1")
        now_ms = self.clock.now_ms()
        due = self.db.due(now_ms, 16)
        if due:
            tx = self.db.begin(now_ms)
            for key in due:
                tx.reap(key)
            self.publish(tx.commit(), ((due[0], "expired"),))
        if self.db.residue:
            self.publish(collect(self.db, now_ms, 200), ((b"", "collected"),))

    def work(self) -> None:
        """Replication has something to send."""
        if not self._working:
            self._working = True
            self._later(0, self._work)

    def _work(self) -> None:
        self._working = False
        if self.hub.work():
            self.work()
