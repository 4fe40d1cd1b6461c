"""Breadth-first search over hashed states: nothing is left out, and the first violation has a shortest trace."""

from __future__ import annotations

import resource
import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic

from mergelaw.explore.model import NO_LIMITS, Action, Limits, Progress, State, System, Watch, unwatched

_EVERY = 2_000
"""After how many expanded states time and memory are looked at."""


@dataclass
class Found(Generic[State, Action]):
    """What a search came to."""

    progress: Progress = field(default_factory=Progress)
    trace: list[Action] | None = None
    """The actions that lead from the first state to a violation; None: none was found."""
    end: State | None = None
    """The state at fault."""
    stopped: str = ""
    """Why the search ended before everything was seen; empty if it did not."""


class Clock:
    """Tells when a search has to end."""

    def __init__(self, limits: Limits, progress: Progress, watch: Watch) -> None:
        self._end = None if limits.seconds is None else time.monotonic() + limits.seconds
        self._limits = limits
        self._progress = progress
        self._watch = watch

    def stop(self) -> str:
        """Why to end now; empty: go on."""
        self._watch(self._progress)
        if self._end is not None and time.monotonic() >= self._end:
            return f"out of time after {self._limits.seconds:g} s"
        if self._limits.states is not None and self._progress.states >= self._limits.states:
            return f"{self._limits.states} states are met"
        if self._limits.memory_mb is not None and memory_mb() >= self._limits.memory_mb:
            return f"the process holds {memory_mb()} MB, and --memory allows {self._limits.memory_mb}"
        return ""


def memory_mb() -> int:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def breadth_first(
    system: System[State, Action], limits: Limits = NO_LIMITS, watch: Watch = unwatched, graph: Any = None
) -> Found[State, Action]:
    """All states, level by level, up to the first violation.

    `graph` is told of every edge: `graph.add_edge(key, key, action)`.
    """
    found: Found[State, Action] = Found()
    progress = found.progress
    clock = Clock(limits, progress, watch)
    first = system.initial()
    parents: dict[Hashable, Hashable | None] = {system.key(first): None}
    progress.states = progress.transitions = 1
    if system.violation(first) is not None:
        found.trace, found.end = [], first
        return found
    successors = getattr(system, "successors", None) or _stepwise(system)
    fine = getattr(system, "fine", None) or (lambda s: system.violation(s) is None)
    key = system.key
    frontier = [first]
    generated = 1
    while frontier:
        following = []
        for n, state in enumerate(frontier):
            if n % _EVERY == 0:
                progress.states, progress.transitions, progress.frontier = len(parents), generated, len(frontier)
                if stopped := clock.stop():
                    found.stopped = stopped
                    return found
            here = key(state)
            for action, after in successors(state):
                generated += 1
                there = key(after)
                if graph is not None:
                    graph.add_edge(here, there, action)
                if there in parents:
                    continue
                parents[there] = here
                following.append(after)
                if not fine(after):
                    progress.states, progress.transitions = len(parents), generated
                    found.trace, found.end = _trace(system, successors, parents, there), after
                    return found
        frontier = following
        progress.depth += bool(frontier)
    progress.states, progress.transitions, progress.frontier = len(parents), generated, 0
    return found


def _stepwise(system: System[State, Action]) -> Any:
    def successors(state: State) -> Iterable[tuple[Action, State]]:
        return ((a, system.step(state, a)) for a in system.actions(state))

    return successors


def _trace(system: System[State, Action], successors: Any, parents: dict[Any, Any], end: Any) -> list[Action]:
    """The actions from the first state to `end`, told by expanding the states on the way again."""
    keys = [end]
    while parents[keys[-1]] is not None:
        keys.append(parents[keys[-1]])
    keys.reverse()
    state = system.initial()
    trace = []
    for wanted in keys[1:]:
        action, state = next((a, s) for a, s in successors(state) if system.key(s) == wanted)
        trace.append(action)
    return trace
