"""Counterexamples: from actions to the steps and rows that tell them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mergelaw.explore.checks import Checks
from mergelaw.explore.histories import programme
from mergelaw.explore.history import Event
from mergelaw.explore.model import Limits, ScenarioError, Step, Story, Violation
from mergelaw.explore.plain import Action, Plain, Setting
from mergelaw.explore.search import breadth_first
from mergelaw.explore.tables import Tables
from mergelaw.language.span import NOWHERE
from mergelaw.laws.finder import InternalError
from mergelaw.laws.model import Counterexample, Kind, Obligation
from mergelaw.laws.system import EngineFactory
from mergelaw.laws.timeline import draw
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.interpreter import Interpreter


def of_history(tables: Tables, setting: Setting, checks: Checks, events: Sequence[Event]) -> Story:
    """The shortest run of the unreduced system that makes just these updates and fails.

    Raises: InternalError, if there is none, or the interpreter does not confirm it.
    """
    only = programme(tuple(events))
    system = Plain(tables, setting, checks, only)
    found = breadth_first(system, Limits(seconds=120))
    if found.trace is None:
        raise InternalError(f"{tables.type}: the reduced search found a fault that the full one does not find")
    return of_trace(system, found.trace)


def of_trace(system: Plain, trace: Sequence[Action]) -> Story:
    """The story of a trace whose last state fails a check. Raises: InternalError."""
    state = system.initial()
    steps, rows = [], []
    for action in trace:
        steps.append(system.to_step(state, action))
        rows.append(system.show(state, action))
        state = system.step(state, action)
    violation = system.violation(state)
    steps = numbered(steps)
    # The interpreter applies a delta by merging it. Where the compiled code, which applies it at its places, does
    # otherwise, only the compiled code comes to the same states again.
    again = replayed(_afresh(system, Compiled if system.tables.frame_faults else Interpreter), steps)
    if violation is None or again is None or again.check != violation.check:
        raise InternalError(f"{system.tables.type}: the interpreter does not confirm what was found")
    return Story(tuple(steps), tuple(rows), again)


def numbered(steps: Sequence[Step]) -> list[Step]:
    """Steps whose deltas are named by the number of their update in the story."""
    made: dict[tuple[int, int], int] = {}
    own: dict[int, int] = {}
    out = []
    for step in steps:
        if step.do == "update":
            own[step.at] = own.get(step.at, 0) + 1
            made[step.at, own[step.at]] = len(made) + 1
        elif step.do == "deliver" and step.delta is None:
            step = replace(step, delta=made[step.more["of"], step.more["number"]], more={})
        out.append(step)
    return out


def replayed(system: Plain, steps: Sequence[Step]) -> Violation | None:
    """The first violation on the way of a scenario, which ends there. Raises: ScenarioError."""
    return Replay(system).run(steps)


@dataclass
class Replay:
    """Runs the steps of a scenario and keeps what it did."""

    system: Plain

    def __post_init__(self) -> None:
        self.trace: list[Action] = []
        self.state = self.system.initial()

    def run(self, steps: Sequence[Step]) -> Violation | None:
        """See `replayed`."""
        made: list[tuple[int, int]] = []
        own: dict[int, int] = {}
        for number, step in enumerate(steps, 1):
            if step.do == "deliver":
                if step.delta is None or not 1 <= step.delta <= len(made):
                    raise ScenarioError(f"step {number}: update {step.delta} has not been made by then")
                of, which = made[step.delta - 1]
                step = replace(step, more={"of": of, "number": which})
            try:
                action = self.system.find(self.state, step)
                self.state = self.system.step(self.state, action)
            except ScenarioError as problem:
                raise ScenarioError(f"step {number}: {problem}") from problem
            self.trace.append(action)
            if step.do == "update":
                own[step.at] = own.get(step.at, 0) + 1
                made.append((step.at, own[step.at]))
            violation = self.system.violation(self.state)
            if violation is not None:
                return violation
        return None


def _afresh(system: Plain, make: EngineFactory) -> Plain:
    """The same system on an engine of its own, which has met nothing yet."""
    t = system.tables
    tables = Tables(t.program, t.type, t.replicas, make=make, given=t.given)
    return Plain(tables, system.setting, Checks(tables, laws=system.checks.laws))


@dataclass(frozen=True)
class _Checked(Obligation):
    """What a story refutes, under the explorer's own name for it."""

    check: str = ""

    @property
    def name(self) -> str:
        """The check."""
        return self.check


def told(type_name: str, story: Story) -> str:
    """The story as text: the timeline, and below what is wrong in the end."""
    v = story.violation
    span = v.span or NOWHERE
    counterexample = Counterexample(
        states=v.details,
        results=(),
        differs=v.differs,
        timeline=story.rows,
        replicas=story.replicas,
        updates=story.updates,
        because=v.because,
        span=span,
        rule=story.rule,
    )
    text = draw(counterexample, _Checked(type_name, Kind.THEOREM, None, None, span, check=v.check))
    return text if v.span is not None else text[: text.rstrip().rindex("\n")].rstrip() + "\n"
