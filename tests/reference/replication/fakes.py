"""A host without a database: it holds which effect said what. And a network in memory, for hubs."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator

import msgspec

from mergelaw.clock.clock import ManualClock
from mergelaw.replica.model import Effect, Part
from mergelaw.replication.handshake import Identity
from mergelaw.replication.host import Settings
from mergelaw.replication.hub import Hub
from mergelaw.replication.membership import Configuration
from mergelaw.replication.session import Session, Target
from mergelaw.semantics.context import EMPTY, CausalContext

SECRET = b"between us"


def encode(effect: Effect) -> bytes:
    after = None if effect.after is None else effect.after.runs
    return msgspec.msgpack.encode(
        (effect.origin, effect.first, effect.last, effect.parts[0].key, after, effect.time_ms)
    )


def decode(data: bytes) -> Effect:
    try:
        origin, first, last, payload, after, time_ms = msgspec.msgpack.decode(
            data, type=tuple[int, int, int, bytes, list[tuple[int, int, int]] | None, int]
        )
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    return made(origin, first, last, payload, None if after is None else CausalContext.from_runs(after), time_ms)


def made(origin: int, first: int, last: int, payload: bytes, after: CausalContext | None, time_ms: int) -> Effect:
    own = CausalContext.from_runs([(origin, first, last)])
    return Effect(origin, first, last, own, (Part(payload, "Key", (), None),), after, time_ms)


class Snapshot:
    def __init__(self, host: FakeHost) -> None:
        self.seen = self.received = host.received
        self.cut = host.cut
        self.size = len(host.said)
        self._said = dict(host.said)

    def chunks(self, max_bytes: int) -> Iterator[bytes]:
        found: list[tuple[tuple[int, int], bytes]] = []
        size = 0
        for item in self._said.items():
            found.append(item)
            size += 10 + len(item[1])
            if size >= max_bytes:
                yield msgspec.msgpack.encode(found)
                found, size = [], 0
        yield msgspec.msgpack.encode(found)


class Incoming:
    def __init__(self, host: FakeHost, received: CausalContext) -> None:
        self.host = host
        self.received = received
        self.said: dict[tuple[int, int], bytes] = {}
        host.incomings.append(self)
        self.aborted = False

    def feed(self, data: bytes) -> None:
        try:
            self.said.update(msgspec.msgpack.decode(data, type=list[tuple[tuple[int, int], bytes]]))
        except msgspec.DecodeError as error:
            raise ValueError(str(error)) from None

    def finish(self) -> list[Effect]:
        self.host.said.update(self.said)
        self.host.received = self.host.received | self.received
        return self.host.release()

    def abort(self) -> None:
        self.aborted = True


class FakeHost:
    """What an instance knows: the payload of each effect, by its identity."""

    def __init__(self, replica: int, clock: ManualClock | None = None, *, causal: bool = False) -> None:
        self.replica = replica
        self.clock = clock or ManualClock()
        self.causal = causal
        self.received = EMPTY
        self.said: dict[tuple[int, int], bytes] = {}
        self.order: list[tuple[int, int]] = []
        self.waiting: dict[tuple[int, int], Effect] = {}
        self.cut = EMPTY
        self.everywhere = EMPTY
        self.configuration = Configuration()
        self.synced_with: list[int] = []
        self.incomings: list[Incoming] = []
        self.not_durable = EMPTY
        self.refuse: bytes | None = None

    def write(self, payload: bytes, dots: int = 1) -> tuple[bytes, Effect]:
        first = self.received.next_number(self.replica)
        after = self.received if self.causal else None
        effect = made(self.replica, first, first + dots - 1, payload, after, self.clock.now_ms())
        self._apply(effect)
        return encode(effect), effect

    def _apply(self, effect: Effect) -> None:
        assert effect.identity not in self.said, "applied twice"
        self.said[effect.identity] = effect.parts[0].key
        self.order.append(effect.identity)
        self.received = self.received.with_run(effect.origin, effect.first, effect.last)

    def release(self) -> list[Effect]:
        done: list[Effect] = []
        again = True
        while again:
            again = False
            for identity, effect in list(self.waiting.items()):
                if effect.after is None or effect.after <= self.received:
                    del self.waiting[identity]
                    if identity not in self.received:
                        self._apply(effect)
                        done.append(effect)
                        again = True
        return done

    def durable(self) -> CausalContext:
        return self.received - self.not_durable

    def durable_cut(self) -> CausalContext:
        return self.cut

    def decode(self, data: bytes) -> Effect:
        return decode(data)

    def incoming_effect(self, effect: Effect, data: bytes) -> list[Effect]:
        assert encode(effect) == data
        if self.refuse is not None and effect.parts[0].key == self.refuse:
            raise ValueError("refused by the test")
        if effect.identity in self.received:
            return []
        if effect.after is not None and not effect.after <= self.received:
            self.waiting[effect.identity] = effect
            return []
        self._apply(effect)
        return [effect, *self.release()]

    def snapshot(self) -> Snapshot:
        return Snapshot(self)

    def incoming(self, seen: CausalContext, received: CausalContext, cut: CausalContext) -> Incoming:
        if not self.cut <= received:
            raise ValueError("behind")
        return Incoming(self, received)

    def stable(self, cut: CausalContext, everywhere: CausalContext) -> None:
        assert self.cut <= cut and self.everywhere <= everywhere
        self.cut = cut
        self.everywhere = everywhere

    def configured(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def settle(self) -> bool:
        return False

    def synced(self, peer: int, received: CausalContext) -> None:
        assert received <= self.received or self.waiting
        self.synced_with.append(peer)


class Pipe:
    """One end of a wire in memory."""

    def __init__(self, network: Network, hub: Hub) -> None:
        self.network = network
        self.hub = hub
        self.other: Pipe | None = None
        self.session: Session | None = None
        self.queue: deque[bytes | None] = deque()
        """What travels to this end; None: the end."""
        self.open = True

    def write(self, data: bytes) -> None:
        if self.open and self.other is not None:
            self.other.queue.append(data)

    def close(self) -> None:
        if self.open:
            self.open = False
            if self.other is not None:
                self.other.queue.append(None)


class Network:
    """Hubs, a clock, and wires between them that can be cut. Everything that happens is drawn from one seed."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = ManualClock()
        self.random = random.Random(seed)
        self.hubs: dict[int, Hub] = {}
        self.hosts: dict[int, FakeHost] = {}
        self.pipes: list[Pipe] = []
        self.cuts: set[frozenset[int]] = set()
        self.dials: deque[tuple[Hub, Target]] = deque()
        self.piece = 1 << 20

    def add(
        self,
        replica: int,
        configuration: Configuration,
        *,
        settings: Settings | None = None,
        host: FakeHost | None = None,
        joining: bool = False,
        seeds: tuple[int, ...] = (),
        secret: bytes = SECRET,
        database: str = "db",
        start: bool = True,
    ) -> Hub:
        settings = settings or Settings(causal=False)
        host = host or FakeHost(replica, self.clock, causal=settings.causal)
        hub = Hub(
            host,
            Identity(database, replica, self.random.randbytes(32), secret),
            configuration,
            settings=settings,
            clock=self.clock,
            randomness=self.random.random,
            entropy=self.random.randbytes,
            seeds=[("sim", seed) for seed in seeds],
            joining=joining,
        )
        hub.on_dial = lambda target: self.dials.append((hub, target))
        self.hubs[replica] = hub
        self.hosts[replica] = host
        if start:
            hub.start()
        return hub

    def write(self, replica: int, payload: bytes, dots: int = 1) -> tuple[int, int]:
        data, effect = self.hosts[replica].write(payload, dots)
        self.hubs[replica].broadcast(data, effect)
        return effect.identity

    def kill(self, replica: int) -> FakeHost:
        """The process ends without a word; its peers hear of closed connections."""
        hub = self.hubs.pop(replica)
        for pipe in self.pipes:
            if pipe.hub is hub:
                pipe.close()
                pipe.queue.clear()
        self.dials = deque((h, t) for h, t in self.dials if h is not hub)
        return self.hosts.pop(replica)

    def cut(self, left: int, right: int, *, silently: bool = False) -> None:
        """No bytes between the two; wires break, or, silently, just carry nothing more."""
        self.cuts.add(frozenset((left, right)))
        for pipe in self.pipes:
            if pipe.other is not None and {pipe.hub.replica, pipe.other.hub.replica} == {left, right}:
                pipe.queue.clear()
                if silently:
                    pipe.other.other = None
                else:
                    pipe.queue.append(None)

    def heal(self, left: int, right: int) -> None:
        self.cuts.discard(frozenset((left, right)))

    def step(self) -> bool:
        """Something that is due happens; False if nothing is."""
        choices = [pipe for pipe in self.pipes if pipe.queue and pipe.session is not None]
        if self.dials and (not choices or self.random.random() < 0.3):
            self._connect(*self.dials.popleft())
            return True
        working = [
            hub for hub in self.hubs.values() if any(s.out is not None and s.out.ready for s in hub.live.values())
        ]
        if working and (not choices or self.random.random() < 0.5):
            self.random.choice(working).work()
            return True
        if not choices:
            return False
        pipe = self.random.choice(choices)
        data = pipe.queue.popleft()
        assert pipe.session is not None
        if data is None:
            pipe.queue.clear()
            pipe.open = False
            pipe.hub.lost(pipe.session, "closed")
            return True
        if len(data) > self.piece:
            pipe.queue.appendleft(data[self.piece :])
            data = data[: self.piece]
        if pipe.open:
            pipe.hub.receive(pipe.session, data)
            while pipe.hub.process(pipe.session):
                pass
        return True

    def _connect(self, hub: Hub, target: Target) -> None:
        if hub not in self.hubs.values():
            return
        assert target.address is not None
        other = self.hubs.get(target.address[1])
        if other is None or other.stopped or frozenset((hub.replica, other.replica)) in self.cuts:
            hub.dial_failed(target, "no answer")
            return
        here, there = Pipe(self, hub), Pipe(self, other)
        here.other, there.other = there, here
        self.pipes += [here, there]
        there.session = other.accepted(there)
        here.session = hub.connected(here, target)

    def settle(self, limit: int = 200_000) -> None:
        """Goes on until nothing is due, without time passing."""
        for _ in range(limit):
            if not self.step():
                for hub in self.hubs.values():
                    hub.work()
                if not any(pipe.queue for pipe in self.pipes):
                    self.pipes = [pipe for pipe in self.pipes if pipe.open or pipe.queue]
                    return
        raise AssertionError("the network does not come to rest")

    def run(self, ms: int) -> None:
        """Time passes, and all that is due in it happens."""
        for _ in range(ms // 25):
            self.settle()
            self.clock.advance(25)
            for hub in self.hubs.values():
                hub.tick()
        self.settle()

    def states(self) -> dict[int, str]:
        """Of each link: `left*10+right` -> state, as left sees it."""
        return {hub.replica * 10 + info.id: info.state for hub in self.hubs.values() for info in hub.peers()}

    def agree(self) -> bool:
        """Whether all hosts hold the same."""
        first, *rest = self.hosts.values()
        return all(host.said == first.said and host.received == first.received for host in rest)


def configuration(*members: int) -> Configuration:
    return Configuration.first({member: ("sim", member) for member in members})


def three(seed: int = 1, **settings: object) -> Network:
    network = Network(seed)
    for replica in (1, 2, 3):
        network.add(replica, configuration(1, 2, 3), settings=Settings(**settings))  # type: ignore[arg-type]
    return network


def is_writable(hub: Hub) -> bool:
    """A call, since a type checker takes an attribute to stay what it was found to be."""
    return hub.writable
