"""One exploration of the replica core, from what the user asks to the outcome."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from mergelaw.explore.model import (
    HOLDS,
    REFUTED,
    UNKNOWN,
    Bound,
    ExploreError,
    Limits,
    Outcome,
    Step,
    Story,
    Watch,
    unwatched,
)
from mergelaw.explore.replica_menu import Served
from mergelaw.explore.replica_system import FAULTS, Act, ReplicaSystem, State
from mergelaw.explore.run import Arguments
from mergelaw.explore.search import breadth_first
from mergelaw.explore.select import subject

_NO_LIMITS = Limits()

CHECKS = (
    "refinement: an update makes the evaluator's delta, an instance holds the evaluator's state of what it received",
    "convergence: same received, same state",
    "seen is what the effects received bring",
    "no dot names two effects",
    "causal order, where it is on",
    "durability: no acknowledged write is lost, where instances crash",
    "liveness: once faults stop, all come together within a bounded number of steps",
)
"""What is checked in every state."""


def system_of(arguments: Arguments, *, always: bool = True, each: int = 1) -> ReplicaSystem:
    """What is explored. `always`: appendfsync. `each`: how often each kind of fault may happen.

    Raises: ExploreError, if the input is wrong; SpecErrors; OSError.
    """
    unknown = [fault for fault in arguments.faults if fault not in FAULTS]
    if unknown:
        raise ExploreError(
            f"there is no fault `{unknown[0]}` on the replica; there are: {', '.join(FAULTS)} (and `none`)"
        )
    of = subject(arguments.spec)
    return ReplicaSystem(
        Served(of.program, of.type),
        arguments.replicas,
        arguments.updates,
        arguments.faults,
        causal=arguments.causal,
        always=always,
        each=each,
        most=arguments.calls,
    )


def explore(arguments: Arguments, *, always: bool = True, each: int = 1) -> Outcome:
    """All that can happen within the bound, or a counterexample with a shortest trace. Raises: as `system_of`."""
    system = system_of(arguments, always=always, each=each)
    return explored(system, arguments.limits, arguments.watch)


def explored(system: ReplicaSystem, limits: Limits = _NO_LIMITS, watch: Watch = unwatched) -> Outcome:
    """Explores a system that is made already."""
    started = time.monotonic()
    found = breadth_first(system, limits, watch)
    story = None if found.trace is None else told(system, found.trace)
    calls = len(system.locals.calls(system.locals.first[0]))
    faults = tuple(f for f in FAULTS if f in system.faults) + (("causal",) if system.causal else ())
    return Outcome(
        type=str(system.served.type),
        on="replica",
        verdict=REFUTED if story is not None else UNKNOWN if found.stopped else HOLDS,
        bound=Bound(system.replicas, system.updates, faults, "effects", calls),
        states=found.progress.states,
        transitions=found.progress.transitions,
        executions=0,
        traces=0,
        depth=found.progress.depth,
        seconds=time.monotonic() - started,
        stopped=found.stopped,
        used=(f"an event on a state of one instance is run once and then looked up: {system.locals.executed} runs",),
        story=story,
        checks=CHECKS,
    )


def told(system: ReplicaSystem, trace: Iterable[Act]) -> Story:
    """The story of a trace whose last state fails a check."""
    state, steps, rows = system.initial(), [], []
    for action in trace:
        steps.append(system.to_step(state, action))
        rows.append(system.show(state, action))
        state = system.step(state, action)
    violation = system.violation(state)
    assert violation is not None, "the trace ends in a state without a fault"
    return Story(tuple(steps), tuple(rows), violation)


def replayed(system: ReplicaSystem, steps: Sequence[Step]) -> tuple[State, Story | None]:
    """Where a scenario leads, and the story if a check fails on the way. Raises: ScenarioError, if it does not fit."""
    state = system.initial()
    trace: list[Act] = []
    for step in steps:
        action = system.find(state, step)
        trace.append(action)
        state = system.step(state, action)
        if system.violation(state) is not None:
            return state, told(system, trace)
    return state, None


def replay(arguments: Arguments, steps: Sequence[Step]) -> Story | None:
    """The story of a scenario, if a check fails on the way. Raises: ScenarioError, and as `system_of`."""
    return replayed(system_of(arguments), steps)[1]
