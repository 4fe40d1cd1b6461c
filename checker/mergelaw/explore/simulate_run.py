"""One simulation, from what the user asks to the outcome."""

from __future__ import annotations

import time

from mergelaw.explore.model import HOLDS, REFUTED, Bound, ExploreError, Outcome, Progress, Story
from mergelaw.explore.replica_menu import Served
from mergelaw.explore.run import Arguments
from mergelaw.explore.select import subject
from mergelaw.explore.simulate import Totals, simulate, thinned
from mergelaw.explore.simulate_plan import FAULTS

CHECKS = (
    "convergence: same received, same state; at the end the state that the effects alone give",
    "no dot names two effects, and nothing void is applied",
    "causal order, where it is on",
    "durability: no acknowledged write is lost, with appendfsync always",
    "stability: what is said to be held everywhere is",
    "liveness: once faults stop, all come together within hours",
)
"""What is checked all the time."""


def explore(arguments: Arguments, *, seed: int, seconds: float) -> Outcome:
    """Random runs from `seed` on, for so long, or up to a failure, whose timeline is thinned out.

    Raises: ExploreError, if the input is wrong; SpecErrors; OSError.
    """
    unknown = [fault for fault in arguments.faults if fault not in FAULTS]
    if unknown:
        raise ExploreError(
            f"there is no fault `{unknown[0]}` in a simulation; there are: {', '.join(FAULTS)} (and `none`)"
        )
    of = subject(arguments.spec)
    served = Served(of.program, of.type)
    started = time.monotonic()

    def watch(totals: Totals) -> None:
        arguments.watch(Progress(totals.episodes, totals.deliveries, 0, 0))

    totals = simulate(served, seed, seconds, faults=arguments.faults, watch=watch)
    story = None
    stopped = "the time was up; random runs exhaust nothing"
    if totals.failure is not None:
        shown = thinned(served, totals.failure)
        assert shown.violation is not None, "a failure does not come again"
        story = Story((), tuple(shown.rows), shown.violation, extra={"seed": totals.failure.seed})
        stopped = f"again: --simulate --seed {totals.failure.seed}"
    return Outcome(
        type=str(of.type),
        on="replica",
        verdict=REFUTED if story is not None else HOLDS,
        bound=Bound(arguments.replicas, totals.writes, arguments.faults, "effects"),
        states=totals.episodes,
        transitions=totals.deliveries,
        executions=totals.episodes,
        traces=0,
        depth=0,
        seconds=time.monotonic() - started,
        stopped=stopped,
        used=(
            f"{totals.hours:.0f} hours of the simulation with {totals.faults} faults, {totals.writes} writes, "
            f"{totals.messages} messages, {totals.full_syncs} full syncs; seeds {seed} to {seed + totals.episodes - 1}",
        ),
        story=story,
        checks=CHECKS,
    )
