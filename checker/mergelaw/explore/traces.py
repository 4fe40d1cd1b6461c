"""One execution for each Mazurkiewicz trace: dynamic partial order reduction with source sets and sleep sets.

Two executions are the same trace if they differ by the order of independent actions only. Nothing is known about the
system but `dependent` and `enables`, and no state is stored; so this fits systems whose states cannot be compared.
An action happens at most once in an execution, and nothing that is enabled gets disabled by others.
Source: Abdulla, Aronis, Jonsson, Sagonas, "Optimal dynamic partial order reduction" (POPL 2014), algorithm 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic

from mergelaw.explore.model import NO_LIMITS, Action, Limits, Progress, State, System, Watch, unwatched
from mergelaw.explore.search import Clock

_EVERY = 256
"""After how many actions time and memory are looked at."""


@dataclass
class Traced(Generic[State, Action]):
    """What a search came to."""

    progress: Progress = field(default_factory=Progress)
    executions: int = 0
    """Executions run to their ends; no two are the same trace."""
    blocked: int = 0
    """Executions given up because all that could follow has been seen."""
    trace: list[Action] | None = None
    stopped: str = ""


class _Stop(Exception):
    """The search is over: a violation, or the limits."""


def traces(
    system: System[State, Action], limits: Limits = NO_LIMITS, watch: Watch = unwatched
) -> Traced[State, Action]:
    """Runs one execution for each trace, up to the first violation in any state of any of them."""
    search = _Search(system, limits, watch)
    try:
        if system.violation(search.states[0]) is not None:
            search.found.trace = []
        else:
            search.explore(set())
    except _Stop:
        pass
    return search.found


class _Search(Generic[State, Action]):
    def __init__(self, system: System[State, Action], limits: Limits, watch: Watch) -> None:
        self.system = system
        self.found: Traced[State, Action] = Traced()
        self.found.progress.states = 1
        self._clock = Clock(limits, self.found.progress, watch)
        self.run: list[Action] = []
        """The execution so far."""
        self.states: list[State] = [system.initial()]
        self._before: list[set[int]] = []
        """Of each action in it, the places of those that happen before it."""
        self._backtrack: list[list[Action]] = []
        """What is to be tried in each state of it."""

    def explore(self, sleep: set[Action]) -> None:
        """All traces that go on from the execution so far, but those that `sleep` leads to. Raises: _Stop."""
        enabled = list(self.system.actions(self.states[-1]))
        awake = [a for a in enabled if a not in sleep]
        if not awake:
            self.found.executions += not enabled
            self.found.blocked += bool(enabled)
            return
        here: list[Action] = [awake[0]]
        self._backtrack.append(here)
        n = 0
        while n < len(here):
            action = here[n]
            n += 1
            if action in sleep:
                continue
            self._push(action)
            self._note_races()
            self.explore({a for a in sleep if not self.system.dependent(a, action)})
            self._pop()
            sleep.add(action)
        self._backtrack.pop()

    def _push(self, action: Action) -> None:
        self.states.append(self.system.step(self.states[-1], action))
        before: set[int] = set()
        for i in range(len(self.run) - 1, -1, -1):
            if i not in before and self._ordered(self.run[i], action):
                before |= self._before[i] | {i}
        self._before.append(before)
        self.run.append(action)
        progress = self.found.progress
        progress.transitions += 1
        progress.states += 1
        progress.depth = max(progress.depth, len(self.run))
        if self.system.violation(self.states[-1]) is not None:
            self.found.trace = list(self.run)
            raise _Stop
        if progress.transitions % _EVERY == 0 and (stopped := self._clock.stop()):
            self.found.stopped = stopped
            raise _Stop

    def _pop(self) -> None:
        self.states.pop()
        self._before.pop()
        self.run.pop()

    def _ordered(self, first: Action, second: Action) -> bool:
        return self.system.dependent(first, second) or self.system.enables(first, second)

    def _note_races(self) -> None:
        """Where the last action could have come before one that it depends on: that order is to be tried too."""
        last = len(self.run) - 1
        direct = self._before[last]
        for i in direct:
            if any(i in self._before[j] for j in direct) or not self.system.dependent(self.run[i], self.run[last]):
                continue
            other = [self.run[j] for j in range(i + 1, last) if i not in self._before[j]] + [self.run[last]]
            if not self._possible(self.states[i], other):
                continue
            tried = self._backtrack[i]
            first = self._initials(other)
            if not any(a in tried for a in first):
                tried.append(first[0])

    def _possible(self, state: State, actions: Sequence[Action]) -> bool:
        """Whether `actions` can happen one after the other."""
        for action in actions:
            if action not in set(self.system.actions(state)):
                return False
            state = self.system.step(state, action)
        return True

    def _initials(self, actions: Sequence[Action]) -> list[Action]:
        """Those of `actions` that nothing before them in it happens before."""
        found: list[Action] = []
        behind: list[Action] = []
        for action in actions:
            if any(self._ordered(a, action) for a in (*found, *behind)):
                behind.append(action)
            else:
                found.append(action)
        return found
