"""Long random runs: hours of writes and faults on the whole of replication, in seconds, each run drawn from one seed.

A run is cut into episodes, each a new world with a seed of its own: the first has the seed of the run, the next ones
those that follow. A failure tells the seed of its episode, and that seed alone gives the same failure again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from time import perf_counter

from mergelaw.explore.model import Violation
from mergelaw.explore.replica_locals import failure
from mergelaw.explore.replica_menu import Served
from mergelaw.explore.simulate_account import Violated
from mergelaw.explore.simulate_instance import HOUR_MS, SETTINGS, SimulatedInstance
from mergelaw.explore.simulate_plan import ADDRESS, FAULTS, Director, Event, drawn
from mergelaw.explore.simulate_work import Work
from mergelaw.explore.simulate_world import TICK_MS, SimulatedWorld
from mergelaw.laws.model import TimelineStep
from mergelaw.replication.membership import Configuration

HOURS = 30.0
"""Of an episode."""
_CALM_HOURS = 40
"""Once faults are over, all have to come together within so long."""


@dataclass(frozen=True)
class Settled:
    """What an episode is made of beside its plan; drawn from its seed where nothing is asked for."""

    replicas: int
    always: bool
    causal: bool
    backlog_bytes: int
    keys: int
    piece_bytes: int
    """Size of batches and chunks, about."""
    flush_ms: int
    """How long the disks take."""


@dataclass
class Episode:
    """One world and what came of it."""

    seed: int
    settled: Settled
    plan: list[Event]
    violation: Violation | None = None
    hours: float = 0.0
    """Of virtual time."""
    writes: int = 0
    deliveries: int = 0
    """Effects applied at an instance that they came to."""
    messages: int = 0
    faults: int = 0
    full_syncs: int = 0
    rows: list[TimelineStep] = field(default_factory=list)


@dataclass
class Totals:
    """What a simulation has done."""

    episodes: int = 0
    hours: float = 0.0
    writes: int = 0
    deliveries: int = 0
    messages: int = 0
    faults: int = 0
    full_syncs: int = 0
    seconds: float = 0.0
    failure: Episode | None = None

    def add(self, episode: Episode) -> None:
        """One more."""
        self.episodes += 1
        self.hours += episode.hours
        self.writes += episode.writes
        self.deliveries += episode.deliveries
        self.messages += episode.messages
        self.faults += episode.faults
        self.full_syncs += episode.full_syncs


def settle(seed: int, replicas: int | None = None) -> Settled:
    """How the episode of that seed is set up."""
    random = Random(f"settled {seed}")
    causal = random.random() < 0.4
    return Settled(
        replicas=replicas or random.choice((2, 3, 3, 4)),
        always=random.random() < 0.5,
        causal=causal,
        backlog_bytes=random.choice((2_000, 20_000, 1 << 24)),
        keys=random.choice((1, 4)),
        piece_bytes=random.choice((100, 100, 16_384)),
        flush_ms=random.choice((5, 5, 300_000)),
    )


def planned(seed: int, settled: Settled, faults: tuple[str, ...] = FAULTS, hours: float = HOURS) -> list[Event]:
    """The plan of the episode of that seed."""
    return drawn(Random(f"plan {seed}"), hours, settled.replicas, faults)


def run_episode(
    served: Served, seed: int, settled: Settled, plan: list[Event], *, hours: float = HOURS, timeline: bool = False
) -> Episode:
    """Runs a plan to its end, and until all is calm. The same arguments give the same episode."""
    world = SimulatedWorld(Random(f"world {seed}"), always=settled.always, timeline=timeline)
    episode = Episode(seed, settled, plan)
    settings = replace(
        SETTINGS,
        causal=settled.causal,
        backlog_bytes=settled.backlog_bytes,
        batch_bytes=settled.piece_bytes,
        chunk_bytes=settled.piece_bytes,
        chunks_ahead=2,
    )
    engines = served.engines()
    members = range(1, settled.replicas + 1)
    first = Configuration.first({member: (ADDRESS, member) for member in members})

    def made(replica: int, seeds: tuple[int, ...] = ()) -> SimulatedInstance:
        configuration = Configuration() if seeds else first
        instance = SimulatedInstance(
            world, replica, engines, configuration, settings, always=settled.always, seeds=seeds
        )
        instance.flush_ms = settled.flush_ms
        return instance

    world.instances = {member: made(member) for member in members}
    director = Director(world, Work(served, settled.keys), made)
    try:
        for instance in list(world.instances.values()):
            world.start(instance)
        director.schedule(plan)
        world.after(TICK_MS, world.tick)
        world.go_on(int(hours * HOUR_MS))
        _calm(world)
    except Violated as problem:
        episode.violation = problem.violation
    except Exception as problem:
        # Whatever the real code raises under faults is what the simulation is there to find.
        episode.violation = failure(problem)
    episode.hours = world.now_ms / HOUR_MS
    episode.writes = len(world.account.effects)
    episode.deliveries = world.account.applied
    episode.messages = world.messages
    episode.faults = sum(event.do != "write" for event in plan)
    episode.full_syncs = sum(i.hub.stats.full_syncs_in for i in world.instances.values() if i.runs)
    episode.rows = world.rows or []
    return episode


def _calm(world: SimulatedWorld) -> None:
    """Faults are over; all come together. Raises: Violated, if they do not within a bounded time."""
    world.heal_all()
    world.delay_ms = 50
    for instance in world.instances.values():
        instance.flush_ms = 5
        world.start(instance)
        instance.hub.resume()
    for _ in range(_CALM_HOURS):
        world.go_on(world.now_ms + HOUR_MS)
        instances = list(world.instances.values())
        if all(
            i.db.received == instances[0].db.received
            and i.db.recovered
            and not i.disk.waiting
            and len(i.hub.live) == len(instances) - 1
            for i in instances
        ):
            break
    instances = list(world.instances.values())
    for instance in instances:
        instance.settle_all()
    world.account.ended(instances)
    for instance in instances:
        if any(effect.identity not in instance.db.received for effect, _ in instance.db._waiting.values()):
            raise Violated(Violation("liveness", f"an effect waits for ever at instance {instance.replica}"))
        if not instance.hub.writable and not instance.hub.retiring:
            raise Violated(Violation("liveness", f"instance {instance.replica} does not take writes again"))
        if not instance.db.recovered:
            raise Violated(Violation("liveness", f"instance {instance.replica} never settles what a crash has lost"))


def simulate(
    served: Served,
    seed: int,
    seconds: float | None,
    *,
    replicas: int | None = None,
    faults: tuple[str, ...] = FAULTS,
    hours: float = HOURS,
    episodes: int | None = None,
    watch: Callable[[Totals], None] | None = None,
) -> Totals:
    """Episodes from `seed` on, up to the first failure; as many as `episodes` says, and for so many seconds.

    At least one is run, and with neither given they do not end. A failing episode can be `thinned`.
    """
    started = perf_counter()
    totals = Totals()
    while True:
        settled = settle(seed + totals.episodes, replicas)
        plan = planned(seed + totals.episodes, settled, faults, hours)
        episode = run_episode(served, seed + totals.episodes, settled, plan, hours=hours)
        totals.add(episode)
        totals.seconds = perf_counter() - started
        if watch is not None:
            watch(totals)
        if episode.violation is not None:
            totals.failure = episode
            return totals
        if totals.episodes == episodes or (seconds is not None and totals.seconds >= seconds):
            return totals


def thinned(served: Served, episode: Episode, *, hours: float = HOURS, seconds: float = 20.0) -> Episode:
    """A failing episode without the events that its failure does not need, with a timeline.

    What fails must be the same check.
    Source: Zeller, Hildebrandt, "Simplifying and isolating failure-inducing input" (2002).
    """
    assert episode.violation is not None, "nothing has failed"
    check = episode.violation.check
    until = perf_counter() + seconds

    def fails(plan: list[Event], hours: float) -> bool:
        again = run_episode(served, episode.seed, episode.settled, plan, hours=hours)
        return again.violation is not None and again.violation.check == check

    def without(plan: list[Event]) -> list[Event]:
        size = max(1, len(plan) // 2)
        while size and perf_counter() < until:
            at = 0
            while at < len(plan) and perf_counter() < until:
                less = plan[:at] + plan[at + size :]
                if fails(less, hours):
                    plan = less
                else:
                    at += size
            size //= 2
        return plan

    plan = episode.plan
    # Most of what comes after the failure is cut off at once.
    last = min(hours, episode.hours + 0.1)
    shorter = [event for event in plan if event.at_ms <= last * HOUR_MS]
    if fails(shorter, last):
        plan, hours = shorter, last
    for kind in sorted({event.do for event in plan}):
        less = [event for event in plan if event.do != kind]
        if len(less) < len(plan) and perf_counter() < until and fails(less, hours):
            plan = less
    plan = without(plan)
    for at in range(len(plan) - 1, -1, -1):
        # A burst of writes becomes a smaller one.
        while plan[at].do == "write" and plan[at].other > 1 and perf_counter() < until:
            less = [*plan[:at], replace(plan[at], other=plan[at].other // 2), *plan[at + 1 :]]
            if not fails(less, hours):
                break
            plan = less
    plan = without(plan)
    return run_episode(served, episode.seed, episode.settled, plan, hours=hours, timeline=True)
