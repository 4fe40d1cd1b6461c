"""The plan of a simulation: what clients do and which faults happen, and when, drawn from a seed.

A plan is data, so a failing one can be thinned out. Each event stands by itself: what does not make sense at its moment
(the crash of an instance that is down) does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from mergelaw.explore.simulate_instance import HOUR_MS, SimulatedInstance
from mergelaw.explore.simulate_work import Work
from mergelaw.explore.simulate_world import SimulatedWorld
from mergelaw.replication.membership import MembershipError

FAULTS = ("crash", "partition", "stop", "clock", "save", "slow", "pause", "membership")
"""The faults of a simulation, by name; `slow` is of disks and wires."""

ADDRESS = "simulated"
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the plan says."""

    at_ms: int
    do: str
    """`write`, or one of FAULTS."""
    instance: int
    """Which of the members, counted modulo their number."""
    other: int = 0
    ms: int = 0
    """How long it lasts, or how far a clock is set."""
    seed: int = 0
    """Of what is drawn when it happens."""


def drawn(random: Random, hours: float, replicas: int, faults: tuple[str, ...]) -> list[Event]:
    """A plan for so long. A burst of writes every few minutes, and a fault about every hour."""
    end = int(hours * HOUR_MS)
    plan: list[Event] = []

    def times(mean_ms: float) -> list[int]:
        found, at = [], 0.0
        while (at := at + random.expovariate(1 / mean_ms)) < end:
            found.append(int(at))
        return found

    # Clients of several instances that write in the same millisecond are rare, and ties are worth it.
    grid = random.choice((1, 100_000, 600_000))
    for at in times(200_000):
        size = random.choice((1, 1, 1, 2, 4, 12))
        plan.append(Event(at - at % grid, "write", random.randrange(replicas), size, 0, random.getrandbits(32)))
    if faults:
        for at in times(50 * MINUTE_MS):
            fault = random.choice(faults)
            if fault == "membership" and random.random() < 0.8:
                continue
            lasts = int(random.expovariate(1 / (40 * MINUTE_MS)))
            if fault == "clock":
                lasts = random.choice((-1, 1)) * random.choice((1, 1000, 3 * MINUTE_MS, HOUR_MS))
            plan.append(
                Event(
                    at, fault, random.randrange(replicas), random.randrange(1, replicas), lasts, random.getrandbits(32)
                )
            )
    return sorted(plan, key=lambda e: e.at_ms)


class Director:
    """Makes the events of a plan happen in a world."""

    def __init__(
        self,
        world: SimulatedWorld,
        work: Work,
        join: Callable[[int, tuple[int, ...]], SimulatedInstance],
    ) -> None:
        """`join` makes a new instance of that id, which asks those others for the configuration."""
        self._world = world
        self._work = work
        self._join = join
        self._events: Mapping[str, Callable[[Event, SimulatedInstance, Random], None]] = {
            "write": self._write,
            "crash": self._crash,
            "stop": self._stop,
            "partition": self._partition,
            "clock": self._clock,
            "save": self._save,
            "slow": self._slow,
            "pause": self._pause,
            "membership": self._membership,
        }

    def schedule(self, plan: list[Event]) -> None:
        """From now on the events happen at their moments."""
        for event in plan:
            self._world.at(event.at_ms, lambda event=event: self._happen(event))  # type: ignore[misc]

    def _happen(self, event: Event) -> None:
        members = sorted(self._world.instances)
        instance = self._world.instances[members[event.instance % len(members)]]
        self._events[event.do](event, instance, Random(event.seed))

    def _other(self, event: Event, instance: SimulatedInstance) -> SimulatedInstance:
        members = sorted(self._world.instances)
        place = members.index(instance.replica)
        return self._world.instances[members[(place + max(1, event.other)) % len(members)]]

    def _write(self, event: Event, instance: SimulatedInstance, random: Random) -> None:
        if instance.running:
            for _ in range(event.other):
                instance.write(*self._work.operations(random, instance))

    def _crash(self, event: Event, instance: SimulatedInstance, random: Random) -> None:
        self._world.crash(instance, silently=random.random() < 0.3)
        self._world.after(event.ms, lambda: self._start(instance))

    def _stop(self, event: Event, instance: SimulatedInstance, random: Random) -> None:
        self._world.stop(instance)
        self._world.after(event.ms, lambda: self._start(instance))

    def _start(self, instance: SimulatedInstance) -> None:
        if self._world.instances.get(instance.replica) is instance:
            self._world.start(instance)

    def _partition(self, event: Event, instance: SimulatedInstance, random: Random) -> None:
        other = self._other(event, instance)
        if other is not instance:
            self._world.cut(instance.replica, other.replica, silently=random.random() < 0.4)
            self._world.after(event.ms, lambda: self._world.heal(instance.replica, other.replica))

    def _clock(self, event: Event, instance: SimulatedInstance, random: Random) -> None:
        self._world.told(instance, f"the clock is set by {event.ms} ms")
        instance.clock.step(max(event.ms, -instance.clock.now_ms() + 1))

    def _save(self, event: Event, instance: SimulatedInstance, random: Random) -> None:
        if instance.running:
            self._world.told(instance, "saves a snapshot")
            instance.save()

    def _slow(self, event: Event, instance: SimulatedInstance, random: Random) -> None:
        instance.flush_ms = random.choice((5, 10_000, 200_000))
        self._world.delay_ms = random.choice((5, 50, 50_000, 600_000))

    def _pause(self, event: Event, instance: SimulatedInstance, random: Random) -> None:
        if not instance.running or instance.hub.paused:
            return
        hub = instance.hub
        self._world.told(instance, "pauses")
        hub.pause()

        def resume() -> None:
            if instance.running and instance.hub is hub:
                self._world.told(instance, "goes on")
                hub.resume()

        self._world.after(event.ms, resume)

    def _membership(self, event: Event, instance: SimulatedInstance, random: Random) -> None:
        """A member is removed, as operators do it: clients leave it, and it goes once all have what it wrote."""
        other = self._other(event, instance)
        if other is not instance and len(self._world.instances) > 1:
            other.retiring = True
            self._retire(instance, other, 30)

    def _retire(self, instance: SimulatedInstance, other: SimulatedInstance, tries: int) -> None:
        """As `Mesh.remove`: peers are asked for reports, and `other` goes once all say that they have everything."""
        world = self._world
        if other.replica not in world.instances:
            return
        if not tries or instance.replica not in world.instances:
            other.retiring = False
            if instance.running and instance.replica in world.instances:
                with suppress(MembershipError):
                    instance.hub.keep(other.replica)
            return
        if not (instance.running and other.running and instance.hub.writable):
            world.after(10 * MINUTE_MS, lambda: self._retire(instance, other, tries - 1))
            return
        hub = instance.hub
        serial = hub.ask()

        def answered() -> None:
            wanted = hub.known_everywhere(serial) if instance.running and instance.hub is hub else None
            if wanted is not None and hub.all_have(wanted):
                try:
                    hub.remove(other.replica)
                except MembershipError:
                    pass
                else:
                    world.remove(other)
                    self._replace(instance)
                    return
            self._retire(instance, other, tries - 1)

        world.after(10 * MINUTE_MS, answered)

    def _replace(self, instance: SimulatedInstance) -> None:
        """A new instance joins."""
        world, hub = self._world, instance.hub
        new = max((*world.instances, *hub.configuration.removed)) + 1
        hub.add(new, (ADDRESS, new), force=True)
        joining = self._join(new, tuple(sorted(world.instances)))
        world.instances[new] = joining
        world.start(joining)
        world.told(joining, "joins")
