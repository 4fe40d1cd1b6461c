"""The world of a simulation: instances, wires and a virtual time.

Everything is drawn from one seed and happens at a virtual moment, one thing at a time, so a run is the same every time.
A wire is as TCP: bytes in order, or the end. What is lost, doubled and overtaken comes of wires that break: what was on
its way is gone, and other links and syncs bring it again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from heapq import heappop, heappush
from itertools import combinations
from random import Random

from mergelaw.explore.simulate_account import Account
from mergelaw.explore.simulate_instance import Op, SimulatedInstance
from mergelaw.laws.model import TimelineStep
from mergelaw.replica.model import Effect
from mergelaw.replication.session import Session, Target
from mergelaw.semantics.context import CausalContext

TICK_MS = 300_000
_REMEMBERED = 4096
"""Decoded effects that are kept."""


class Wire:
    """One end of a connection."""

    __slots__ = ("closed", "delay_ms", "due_ms", "instance", "other", "run", "session", "world")

    def __init__(self, world: SimulatedWorld, instance: SimulatedInstance, delay_ms: int) -> None:
        self.world = world
        self.instance = instance
        self.run = instance.runs
        self.other: Wire | None = None
        self.session: Session | None = None
        self.delay_ms = delay_ms
        self.due_ms = 0
        self.closed = False

    @property
    def alive(self) -> bool:
        """Whether the process at this end is still the one that the wire was made for, and has it open."""
        return self.session is not None and self.instance.running and self.run == self.instance.runs

    def write(self, data: bytes) -> None:
        """For the hub."""
        if not self.closed:
            self._send(data)

    def close(self) -> None:
        """For the hub."""
        if not self.closed:
            self.closed = True
            self._send(None)

    def _send(self, data: bytes | None) -> None:
        other, world = self.other, self.world
        if other is not None:
            self.due_ms = due = max(self.due_ms, world.now_ms + self.delay_ms)
            world.at(due, lambda: other.arrive(data))

    def arrive(self, data: bytes | None) -> None:
        """Bytes, or the end, reach this end."""
        session = self.session
        if session is None or not self.alive or self.other is None:
            return
        if data is None:
            self.end("the connection was closed")
        elif not self.closed:
            hub = self.instance.hub
            self.world.messages += 1
            hub.receive(session, data)
            while hub.process(session):
                pass

    def end(self, why: str) -> None:
        """This end is told that the wire is gone."""
        session, alive = self.session, self.alive
        self.session, self.closed = None, True
        if session is not None and alive:
            self.instance.hub.lost(session, why)


class SimulatedWorld:
    """Instances on a simulated network; see `simulate_instance.World`."""

    def __init__(self, random: Random, *, always: bool, timeline: bool = False) -> None:
        """`timeline`: keeps one."""
        self.random = random
        self.now_ms = 0
        self.account = Account(always=always)
        self.instances: dict[int, SimulatedInstance] = {}
        """The members; also those that do not run at the moment."""
        self.delay_ms = 50
        """The greatest delay of a new wire."""
        self.messages = 0
        self.rows: list[TimelineStep] | None = [] if timeline else None
        self._wires: list[Wire] = []
        self._cuts: set[frozenset[int]] = set()
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._serial = 0
        self._decoded: OrderedDict[bytes, Effect] = OrderedDict()

    # -- time --------------------------------------------------------------------------------------

    def at(self, ms: int, run: Callable[[], None]) -> None:
        """Calls `run` at that moment."""
        self._serial += 1
        heappush(self._queue, (ms, self._serial, run))

    def after(self, ms: int, run: Callable[[], None]) -> None:
        """Calls `run` so much later."""
        self.at(self.now_ms + ms, run)

    def go_on(self, until_ms: int) -> None:
        """All that is due happens. Raises: Violated."""
        queue = self._queue
        while queue and queue[0][0] <= until_ms:
            due, _, run = heappop(queue)
            if due > self.now_ms:
                self._pass(due - self.now_ms)
            run()
        if until_ms > self.now_ms:
            self._pass(until_ms - self.now_ms)

    def _pass(self, ms: int) -> None:
        self.now_ms += ms
        for instance in self.instances.values():
            instance.clock.advance(ms)

    def tick(self) -> None:
        """All instances look at their timers, now and again and again, and are compared."""
        running = [instance for instance in self.instances.values() if instance.running]
        for instance in running:
            instance.tick()
        self.account.compare(running)
        self.account.faithful(running)
        self.after(TICK_MS, self.tick)

    # -- faults ------------------------------------------------------------------------------------

    def start(self, instance: SimulatedInstance) -> None:
        """Its process starts. Raises: Violated, if it has lost what was acknowledged."""
        if not instance.running:
            again = instance.runs > 0
            instance.boot()
            if again:
                self.told(instance, "starts again")
            self.account.restarted(instance)

    def crash(self, instance: SimulatedInstance, *, silently: bool = False) -> None:
        """Its process ends; peers are told that wires are gone, or, silently, are not."""
        if instance.running:
            self.told(instance, "crashes")
            instance.crash()
            self._break(lambda wire: wire.instance is instance, silently=silently)

    def stop(self, instance: SimulatedInstance) -> None:
        """Its process ends in order."""
        if instance.running:
            self.told(instance, "stops")
            instance.stop()

    def remove(self, instance: SimulatedInstance) -> None:
        """It is gone for good."""
        self.told(instance, "is removed")
        if instance.running:
            instance.crash()
        del self.instances[instance.replica]

    def cut(self, one: int, other: int, *, silently: bool = False) -> None:
        """Nothing passes between the two any more."""
        pair = frozenset((one, other))
        self._cuts.add(pair)
        self._told_of_link(one, f"loses the link to {other}")
        self._break(
            lambda wire: wire.other is not None and {wire.instance.replica, wire.other.instance.replica} == pair,
            silently=silently,
        )

    def heal(self, one: int, other: int) -> None:
        """All passes again."""
        if frozenset((one, other)) in self._cuts:
            self._cuts.discard(frozenset((one, other)))
            self._told_of_link(one, f"can reach {other} again")

    def heal_all(self) -> None:
        """Everything passes everywhere."""
        for one, other in combinations(sorted(self.instances), 2):
            self.heal(one, other)
        self._cuts.clear()

    def _told_of_link(self, one: int, text: str) -> None:
        if one in self.instances:
            self.told(self.instances[one], text)

    def _break(self, concerns: Callable[[Wire], bool], *, silently: bool) -> None:
        for wire in [wire for wire in self._wires if concerns(wire)]:
            other, wire.other = wire.other, None
            for end in (wire, other):
                if end is not None:
                    end.other = None
                    if not silently:
                        # In the same moment, but not from within a call of the hub.
                        self.after(0, lambda end=end: end.end("the connection broke"))  # type: ignore[misc]

    # -- what instances ask ------------------------------------------------------------------------

    def draw(self, below: int) -> int:
        """A number from the seed."""
        return int(self.random.random() * below)

    def entropy(self, count: int) -> bytes:
        """Bytes from the seed."""
        return self.random.randbytes(count)

    def dial(self, instance: SimulatedInstance, target: Target) -> None:
        """Connects, if the peer can be reached."""
        run = instance.runs

        def connect() -> None:
            if not instance.running or instance.runs != run:
                return
            assert target.address is not None
            other = self.instances.get(target.address[1])
            if other is None or not other.running or frozenset((instance.replica, other.replica)) in self._cuts:
                instance.hub.dial_failed(target, "no answer")
                return
            delay = 1 + self.draw(self.delay_ms)
            here, there = Wire(self, instance, delay), Wire(self, other, delay)
            here.other, there.other = there, here
            self._wires = [wire for wire in self._wires if wire.session is not None]
            self._wires += [here, there]
            there.session = other.hub.accepted(there)
            here.session = instance.hub.connected(here, target)

        self.after(1, connect)

    def decode(self, data: bytes) -> Effect | None:
        """What was made lately."""
        return self._decoded.get(data)

    def told(self, instance: SimulatedInstance, text: str) -> None:
        """A row of the timeline."""
        if self.rows is not None:
            self.rows.append(TimelineStep(instance.replica, text, f"{self.now_ms / 1000:g} s"))

    def wrote(self, instance: SimulatedInstance, effect: Effect, data: bytes, ops: tuple[Op, ...]) -> None:
        """An effect was made."""
        if self.rows is not None and effect.parts:
            shown = "; ".join(f"{op[1]} {op[0].decode()} {' '.join(map(str, op[2:]))}".strip() for op in ops)
            self.told(instance, f"{shown} at {effect.origin}.{effect.last}")
        self.account.wrote(instance, effect, self.instances.values())
        self._decoded[data] = effect
        if len(self._decoded) > _REMEMBERED:
            self._decoded.popitem(last=False)

    def applied(self, instance: SimulatedInstance, effect: Effect) -> None:
        """An effect came and was applied."""
        name = f"{effect.origin}.{effect.last}" + ("" if effect.parts else " (void)")
        if self.rows and self.rows[-1].instance == instance.replica and self.rows[-1].action.startswith("applies "):
            last = self.rows.pop()
            self.rows.append(replace(last, action=f"{last.action}, {name}"))
        else:
            self.told(instance, f"applies {name}")
        self.account.received(instance, effect)

    def acknowledged(self, instance: SimulatedInstance, effect: Effect) -> None:
        """A client was told that its write is done."""
        self.account.told(effect)

    def cut_grown(self, instance: SimulatedInstance, cut: CausalContext, everywhere: CausalContext) -> None:
        """What an instance takes to be stable has grown."""
        self.account.cut(instance, cut, everywhere, self.instances.values())
