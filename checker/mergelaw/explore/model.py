"""What the explorer explores and finds: the data and protocols that its levels share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from mergelaw.language.span import Span
from mergelaw.laws.model import Shown, TimelineStep

HOLDS, REFUTED, UNKNOWN = "holds", "refuted", "unknown"
"""The verdicts: no violation within the bound, which was exhausted; a violation; the search ended early."""

State = TypeVar("State")
Action = TypeVar("Action", bound=Hashable)


class ExploreError(Exception):
    """The input is wrong: a bound, a fault, a scenario; the message says what to do."""


class ScenarioError(ExploreError):
    """A scenario does not fit the system that it is replayed on; the message names the step."""


@dataclass(frozen=True)
class Step:
    """One step of a scenario, the same on spec, replica and network."""

    do: str
    """update, deliver, sync, crash, drop, cut, heal, clock, ..."""
    at: int
    """The instance that acts, from 1."""
    update: str | None = None
    args: tuple[str, ...] = ()
    """Literals of the language."""
    when: int = 0
    delta: int | None = None
    """Of a delivery: the number of the update in the scenario, from 1."""
    source: int | None = None
    """Of a sync: the instance whose state it carries."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """What one level needs beyond."""


@dataclass(frozen=True)
class Violation:
    """A check that does not hold in a state."""

    check: str
    """`convergence`, `invariant X`, `theorem X`, `refinement`, ..."""
    because: str
    """One sentence."""
    details: tuple[Shown, ...] = ()
    span: Span | None = None
    differs: tuple[str, ...] = ()


class System(Protocol[State, Action]):
    """Something that can be explored. Deterministic: all choices are actions."""

    def initial(self) -> State:
        """The first state."""
        ...

    def actions(self, state: State) -> Iterable[Action]:
        """What can happen, always in the same order."""
        ...

    def step(self, state: State, action: Action) -> State:
        """The state after an action; `state` stays as it is."""
        ...

    def key(self, state: State) -> Hashable:
        """Two states of equal keys have the same future."""
        ...

    def violation(self, state: State) -> Violation | None:
        """The first check that `state` fails."""
        ...

    def dependent(self, first: Action, second: Action) -> bool:
        """Whether two actions may give another state when they change places; in doubt they do."""
        ...

    def enables(self, first: Action, second: Action) -> bool:
        """Whether `second` cannot happen without `first`, as a delivery without its update."""
        ...

    def show(self, state: State, action: Action) -> TimelineStep:
        """The row of the timeline for `action` in `state`."""
        ...

    def to_step(self, state: State, action: Action) -> Step:
        """The step of a scenario for `action` in `state`."""
        ...

    def find(self, state: State, step: Step) -> Action:
        """The action that a step of a scenario means. Raises: ScenarioError."""
        ...


@dataclass(frozen=True)
class Limits:
    """When a search ends before it is through."""

    seconds: float | None = None
    """Of wall-clock time."""
    memory_mb: int | None = None
    """Of the process, peak."""
    states: int | None = None


NO_LIMITS = Limits()


@dataclass
class Progress:
    """How far a search is; updated in place."""

    states: int = 0
    transitions: int = 0
    """States generated: the initial one, and those met again."""
    depth: int = 0
    frontier: int = 0


Watch = Callable[[Progress], None]
"""Called now and then during a search, in its thread."""


def unwatched(_: Progress) -> None:
    """Watches nothing."""


@dataclass(frozen=True)
class Bound:
    """What a search has to exhaust."""

    replicas: int
    updates: int
    faults: tuple[str, ...]
    messages: str = "deltas"
    """deltas, or whole states."""
    calls: int = 0
    """How many calls the updates of the type are made with, in all."""


@dataclass(frozen=True)
class Coverage:
    """What a search has met."""

    updates: Mapping[str, int]
    """How often each update changed or sent something; 0: never enabled."""
    cells: tuple[int, int]
    """Pairs of updates that ran concurrently: met, and all there are."""
    missed_cells: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Story:
    """A counterexample: what happens, as steps of a scenario and as rows of a table, and what is wrong in the end."""

    steps: tuple[Step, ...]
    rows: tuple[TimelineStep, ...]
    violation: Violation
    rule: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What the check needs beside the steps, as the instance of a theorem."""

    @property
    def updates(self) -> int:
        """How many updates it takes."""
        return sum(s.do == "update" for s in self.steps)

    @property
    def replicas(self) -> int:
        """How many instances take part."""
        return len({s.at for s in self.steps} | {s.source for s in self.steps if s.source is not None})


@dataclass
class Outcome:
    """What came out of one exploration."""

    type: str
    on: str
    verdict: str
    bound: Bound
    states: int
    transitions: int
    executions: int
    traces: int
    """Mazurkiewicz traces run, one execution each; 0 where traces are not told apart."""
    depth: int
    """Exhausted: all states up to so many updates (with reductions) or steps (without)."""
    seconds: float
    stopped: str = ""
    """Why it ended before the bound was exhausted; empty if it did not."""
    used: tuple[str, ...] = ()
    """Proofs and reductions that the search relied on."""
    coverage: Coverage | None = None
    story: Story | None = None
    checks: tuple[str, ...] = ()
    """What was checked in every state."""
