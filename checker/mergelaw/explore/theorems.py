"""The theorems of a type as run-time checks: every instance of each over the histories within the bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from mergelaw.explore.model import Step, Story, Violation
from mergelaw.explore.tables import shared
from mergelaw.language.core import Named, Program, TheoremDef, substitute
from mergelaw.laws.claims import Instance, Run, TheoremCheck
from mergelaw.laws.explain import Failure
from mergelaw.laws.finder import InternalError
from mergelaw.laws.model import Kind, Obligation
from mergelaw.laws.recipes import from_json, to_json
from mergelaw.laws.replay import told
from mergelaw.laws.shrink import Calls, Cost, plainer_instances, shrunk
from mergelaw.laws.symmetry import Symmetry
from mergelaw.laws.system import Call, EngineFactory, History, System, Unreachable, bits
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.engine import UpdateRefused
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.literals import show


class Stop(Exception):
    """The time is up."""


class _System(System):
    """The finder's system with as many calls as the explorer tries."""

    def __init__(
        self,
        program: Program,
        t: Named,
        make: EngineFactory,
        replicas: int,
        *,
        calls: int,
        causal: bool,
        given: bool,
        symmetric: bool,
    ) -> None:
        super().__init__(program, t, make, replicas, causal=causal, given=given)
        self._most = shared(calls, len(self.definition.updates))
        if not symmetric:
            self.symmetry = Symmetry(replicas=False, texts=False)


@dataclass(frozen=True)
class Settled:
    """What came of one theorem."""

    name: str
    updates: int
    """All instances with so many updates were looked at, its own included; -1: none."""
    instances: int
    story: Story | None = None


class Theorems:
    """The theorems of one type."""

    def __init__(
        self,
        program: Program,
        t: Named,
        replicas: int,
        *,
        calls: int,
        causal: bool,
        given: bool,
        symmetric: bool = True,
    ) -> None:
        self.definitions = program.types[t.name].theorems
        self._type = t
        self._replicas = replicas
        self._causal = causal
        self._systems: dict[tuple[EngineFactory, bool], _System] = {}
        self._make: Callable[[EngineFactory, bool], _System] = lambda make, causal: _System(
            program, t, make, replicas, calls=calls, causal=causal, given=given, symmetric=symmetric
        )

    def settle(self, definition: TheoremDef, updates: int, tick: Callable[[], None]) -> Settled:
        """Looks at all instances with up to so many updates; `tick` may raise `Stop`."""
        check = TheoremCheck(self._system(definition, Compiled), definition)
        looked = 0
        done = -1

        def spend() -> None:
            nonlocal looked
            looked += 1
            tick()

        try:
            for n in range(check.theorem.updates, updates + 1):
                for history, run in check.instances(n, spend):
                    if not check.holds(run):
                        return Settled(definition.name, n, looked, self._story(check, definition, history, run))
                done = n
        except Stop:
            pass
        return Settled(definition.name, done, looked)

    def _system(self, definition: TheoremDef, make: EngineFactory) -> _System:
        causal = self._causal or definition.causal
        if (make, causal) not in self._systems:
            self._systems[make, causal] = self._make(make, causal)
        return self._systems[make, causal]

    def _story(self, check: TheoremCheck, definition: TheoremDef, history: History, run: Run) -> Story:
        obligation = Obligation(self._type.name, Kind.THEOREM, definition.name, None, definition.span)
        system = check.system

        def cost(calls: Calls, where: Instance) -> Cost | None:
            replayed = _replayed(system, calls)
            failure = None if replayed is None else check.judge(replayed, where)
            return None if failure is None else _cost(failure, obligation)

        calls, where = shrunk(system, history.calls, run.instance, cost, partial(plainer_instances, system))
        return self.retold(definition, calls, where)

    def retold(self, definition: TheoremDef, calls: Calls, where: Instance) -> Story:
        """The story of one instance, as the interpreter runs it. Raises: InternalError, if the theorem holds there."""
        oracle = TheoremCheck(self._system(definition, Interpreter), definition)
        replayed = _replayed(oracle.system, calls)
        failure = None if replayed is None else oracle.judge(replayed, where)
        if failure is None:
            raise InternalError(f"{self._type.name}: theorem {definition.name}: the interpreter does not confirm it")
        obligation = Obligation(self._type.name, Kind.THEOREM, definition.name, None, definition.span)
        found = told(failure, obligation)
        violation = Violation(
            f"theorem {definition.name}", found.because, (*found.states, *found.results), found.span, found.differs
        )
        extra = {"theorem": definition.name, "calls": [_call_to_json(c) for c in calls], "instance": _to_json(where)}
        return Story(schedule(failure.history), found.timeline, violation, found.rule, extra)

    def again(self, extra: Any) -> Story:
        """The story that `extra` of an earlier one stands for.

        Raises: InternalError, if the theorem holds there; KeyError, TypeError, ValueError, if `extra` is no such thing.
        """
        definition = next((d for d in self.definitions if d.name == extra["theorem"]), None)
        if definition is None:
            raise KeyError(f"there is no theorem {extra['theorem']}")
        calls = tuple(_call_from_json(c) for c in extra["calls"])
        return self.retold(definition, calls, _from_json(extra["instance"]))


def schedule(history: History) -> tuple[Step, ...]:
    """A history as steps: before each update its replica receives what it had received by then, one by one."""
    system = history.system
    held: dict[int, int] = {}
    steps: list[Step] = []
    for number, move in enumerate(history.moves):
        call = move.call
        for i in bits(call.saw & ~held.get(call.replica, 0)):
            steps.append(Step("deliver", call.replica, delta=i + 1))
        held[call.replica] = move.known
        types = [substitute(t, system.bindings) for _, t in system.definition.update(call.update).params]
        args = tuple(show(system.program, t, a) for t, a in zip(types, call.args, strict=True))
        steps.append(Step("update", call.replica, call.update, args, call.when))
        assert held[call.replica] >> number & 1
    return tuple(steps)


def _replayed(system: System, calls: Calls) -> History | None:
    try:
        return system.replay(calls)
    except (Unreachable, UpdateRefused):
        return None


def _cost(failure: Failure, obligation: Obligation) -> Cost:
    drawn = told(failure, obligation, exchanges=False)
    deltas = sum(i.mask.bit_count() for i in failure.inputs if i.mask is not None)
    return drawn.replicas, len(drawn.timeline), deltas, *dict.fromkeys(s.instance for s in drawn.timeline)


def _call_to_json(c: Call) -> list[Any]:
    return [c.replica, c.update, to_json(c.args), c.when, c.saw]


def _call_from_json(record: Any) -> Call:
    replica, update, args, when, saw = record
    return Call(replica, update, from_json(args), when, saw)


def _to_json(i: Instance) -> list[Any]:
    return [i.masks, i.actors, to_json(i.values), i.times, [_call_to_json(c) for c in i.further], i.later]


def _from_json(record: Any) -> Instance:
    masks, actors, values, times, further, later = record
    calls = tuple(_call_from_json(c) for c in further)
    return Instance(tuple(masks), tuple(actors), from_json(values), tuple(times), calls, tuple(later))
