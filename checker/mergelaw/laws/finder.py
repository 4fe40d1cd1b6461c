"""The finder: refutes obligations by running small systems, the fewest updates first.

It explores all histories of n updates for n = 0, 1, 2, ... over small domains of arguments, evaluates an obligation
on the states they make, and so finds counterexamples that are reachable timelines. What it reports as refuted has been
computed twice, the second time by the interpreter. It proves nothing: an exhausted search only says how far it went.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import process_time
from typing import Any

from mergelaw.language.core import Program, Type, substitute
from mergelaw.laws.checks import Check, Fault, FrameCheck, FreshCheck, IdentityCheck, LawCheck, PropertyCheck, smaller
from mergelaw.laws.claims import Instance, Run, TheoremCheck
from mergelaw.laws.explain import Failure
from mergelaw.laws.instances import instance, with_given_values
from mergelaw.laws.livedots import PlaceCheck, SeenCheck
from mergelaw.laws.model import Counterexample, Kind, Obligation
from mergelaw.laws.obligations import DOTS_SEEN, ONE_PLACE
from mergelaw.laws.parts import part_property
from mergelaw.laws.recipes import from_json, to_json
from mergelaw.laws.replay import told
from mergelaw.laws.shrink import Calls, Cost, plainer_instances, shrunk
from mergelaw.laws.system import Call, EngineFactory, History, System, Unreachable
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.conversion import from_python, to_python
from mergelaw.semantics.engine import UpdateRefused
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.values import Raw, is_zero

_LAWS = (Kind.COMMUTATIVE, Kind.ASSOCIATIVE, Kind.IDEMPOTENT, Kind.IDENTITY)


class InternalError(Exception):
    """The two engines disagree: a fault of Mergelaw, not of the spec."""


@dataclass(frozen=True)
class Limits:
    """How far to search."""

    updates: int = 3
    """The greatest number of updates, those of a theorem included."""
    replicas: int = 3
    seconds: float = 5.0
    """Of processor time."""
    histories: int | None = None
    """The greatest number of histories, and instances of a theorem, to look at."""


@dataclass(frozen=True)
class Exhausted:
    """No counterexample."""

    updates: int
    """All histories with so many updates have been explored, -1 if not even those without any."""
    histories: int
    """How many histories, and instances of the theorem, were looked at."""
    states: int
    """How many different states the system has met."""
    complete: bool
    """Whether the search went as far as the limits say, rather than out of time."""


class _OutOfBudget(Exception):
    """The limits are reached."""


class _Budget:
    def __init__(self, limits: Limits) -> None:
        self._end = process_time() + limits.seconds
        self._most = limits.histories
        self.spent = 0

    def spend(self) -> None:
        """Counts one history or instance. Raises: _OutOfBudget."""
        self.spent += 1
        if (self._most is not None and self.spent > self._most) or process_time() > self._end:
            raise _OutOfBudget


class Finder:
    """Searches one declared type; keeps what it explored, so that many obligations share it."""

    def __init__(self, program: Program, type_name: str) -> None:
        """Raises: KeyError, if the program does not declare the type."""
        self.program, self.type = instance(program, type_name)
        self._given = with_given_values(self.program, type_name)
        self._systems: dict[tuple[EngineFactory, int, bool, bool], System] = {}
        self._witnesses: dict[str | None, Counterexample] = {}
        self._recipes: dict[str | None, dict[str, Any]] = {}

    def system(
        self, replicas: int = 3, *, causal: bool = False, given: bool = False, make: EngineFactory = Compiled
    ) -> System:
        """The system of that many replicas, with causal delivery or without.

        `given`: a type without updates takes values out of the blue.
        """
        given = given and self._given is not None
        key = (make, replicas, causal, given)
        if key not in self._systems:
            program = self._given if given and self._given is not None else self.program
            self._systems[key] = System(program, self.type, make, replicas, causal=causal, given=given)
        return self._systems[key]

    def refute(self, obligation: Obligation, limits: Limits = Limits()) -> Counterexample | Exhausted:
        """A counterexample with the fewest updates, or how far the search went.

        Raises: InternalError, if the interpreter does not confirm what was found.
        """
        if obligation.kind is Kind.THEOREM:
            return self._refute_theorem(obligation, limits)
        system = self.system(limits.replicas, given=obligation.kind in _LAWS)
        check = check_for(system, obligation)
        if check is None:
            return Exhausted(-1, 0, 0, complete=False)
        budget = _Budget(limits)
        for updates in range(limits.updates + 1):
            try:
                for history in system.histories(updates):
                    budget.spend()
                    fault = next(check.faults(history), None)
                    if fault is not None:
                        return self._confirmed(obligation, check, history, fault, limits)
            except _OutOfBudget:
                return Exhausted(updates - 1, budget.spent, system.states, complete=False)
        return Exhausted(limits.updates, budget.spent, system.states, complete=True)

    def _confirmed(
        self, obligation: Obligation, check: Check, history: History, fault: Fault, limits: Limits
    ) -> Counterexample:
        system = history.system

        def cost(calls: Calls, where: Fault) -> Cost | None:
            replayed = _replayed(system, calls)
            if replayed is None or not _fits(replayed, where):
                return None
            return _cost(check.judge(replayed, where), obligation)

        calls, fault = shrunk(system, history.calls, fault, cost, smaller)
        oracle = self.system(limits.replicas, given=obligation.kind in _LAWS, make=Interpreter)
        again = check_for(oracle, obligation)
        replayed = _replayed(oracle, calls)
        failure = None if again is None or replayed is None else again.judge(replayed, fault)
        return _told(failure, obligation)

    # -- theorems ----------------------------------------------------------------------------------

    def _refute_theorem(self, obligation: Obligation, limits: Limits) -> Counterexample | Exhausted:
        check = self._theorem_check(obligation, limits)
        system = check.system
        budget = _Budget(limits)
        for updates in range(check.theorem.updates, limits.updates + 1):
            try:
                for history, run in check.instances(updates, budget.spend):
                    if not check.holds(run):
                        return self._confirmed_theorem(obligation, check, history, run.instance, limits)
                    if obligation.bound is not None and obligation.subject not in self._witnesses:
                        self._note_witness(obligation, check, history, run, limits)
            except _OutOfBudget:
                return Exhausted(updates - 1, budget.spent, system.states, complete=False)
        return Exhausted(limits.updates, budget.spent, system.states, complete=True)

    def _note_witness(
        self, obligation: Obligation, check: TheoremCheck, history: History, run: Run, limits: Limits
    ) -> None:
        """Keeps `run` for whoever asks whether the premises can be met, if it meets them: it will be asked next."""
        if check.witnessed(run):
            oracle = self._theorem_check(obligation, limits, oracle=True)
            self._witnesses[obligation.subject] = self._met(oracle, history, run, obligation)

    def _theorem_check(self, obligation: Obligation, limits: Limits, *, oracle: bool = False) -> TheoremCheck:
        types = self.program.types[self.type.name]
        definition = next(t for t in types.theorems if t.name == obligation.subject)
        make: EngineFactory = Interpreter if oracle else Compiled
        system = self.system(limits.replicas, causal=definition.causal, given=True, make=make)
        return TheoremCheck(system, definition)

    def _confirmed_theorem(
        self, obligation: Obligation, check: TheoremCheck, history: History, where: Instance, limits: Limits
    ) -> Counterexample:
        system = check.system

        def cost(calls: Calls, variant: Instance) -> Cost | None:
            replayed = _replayed(system, calls)
            return None if replayed is None else _cost(check.judge(replayed, variant), obligation)

        calls, where = shrunk(system, history.calls, where, cost, partial(plainer_instances, system))
        oracle = self._theorem_check(obligation, limits, oracle=True)
        replayed = _replayed(oracle.system, calls)
        failure = None if replayed is None else oracle.judge(replayed, where)
        return _told(failure, obligation)

    # -- witnesses ---------------------------------------------------------------------------------

    def witness(self, obligation: Obligation, limits: Limits = Limits()) -> Counterexample | Exhausted:
        """A timeline to a state that is not zero and meets the premises of the obligation, or how far was looked.

        For a theorem, or the witness obligation named after one, the premises are the left sides of its implications.
        """
        met = self._witnesses.get(obligation.subject)
        if met is not None and met.updates <= limits.updates:
            return met
        theorems = {t.name for t in self.program.types[self.type.name].theorems}
        of_theorem = obligation.kind in (Kind.THEOREM, Kind.WITNESS) and obligation.subject in theorems
        find = self._theorem_witness if of_theorem else self._state_witness
        found = find(obligation, limits, _Budget(limits))
        if isinstance(found, Counterexample):
            self._witnesses[obligation.subject] = found
        return found

    def _theorem_witness(self, obligation: Obligation, limits: Limits, budget: _Budget) -> Counterexample | Exhausted:
        check = self._theorem_check(obligation, limits)
        oracle = self._theorem_check(obligation, limits, oracle=True)
        states = check.system.states
        for updates in range(check.theorem.updates, limits.updates + 1):
            try:
                for history, run in check.instances(updates, budget.spend):
                    if check.witnessed(run):
                        return self._met(oracle, history, run, obligation)
            except _OutOfBudget:
                return Exhausted(updates - 1, budget.spent, states, complete=False)
        return Exhausted(limits.updates, budget.spent, states, complete=True)

    def _state_witness(self, obligation: Obligation, limits: Limits, budget: _Budget) -> Counterexample | Exhausted:
        system = self.system(limits.replicas, given=True)
        for updates in range(limits.updates + 1):
            try:
                for history in system.histories(updates):
                    budget.spend()
                    if not is_zero(system.program, system.type, system.value(history.state(history.all))):
                        replayed = self.system(limits.replicas, given=True, make=Interpreter).replay(history.calls)
                        self._recipes[obligation.subject] = {"calls": _calls_to_json(history.calls)}
                        met = Failure(replayed, (), (), (), "a state that is not zero can be reached")
                        return told(met, obligation)
            except _OutOfBudget:
                return Exhausted(updates - 1, budget.spent, system.states, complete=False)
        return Exhausted(limits.updates, budget.spent, system.states, complete=True)


    def _met(self, oracle: TheoremCheck, history: History, run: Run, obligation: Obligation) -> Counterexample:
        """The timeline of a run that meets the premises, as the interpreter has it. Raises: InternalError."""
        again = oracle.rerun(oracle.system.replay(history.calls), run.instance)
        if again is None or not oracle.witnessed(again):
            raise _unconfirmed(obligation)
        self._recipes[obligation.subject] = {
            "calls": _calls_to_json(history.calls),
            "instance": _instance_to_json(run.instance),
        }
        return told(oracle.tell(again, "the premises can be met"), obligation)

    def recipe(self, obligation: Obligation) -> dict[str, Any] | None:
        """How to come to the witness that was found, if one was."""
        return self._recipes.get(obligation.subject)

    def met_again(self, obligation: Obligation, recipe: Any, limits: Limits) -> int | None:
        """The number of updates of the witness that a recipe leads to; None if it leads to none.

        The interpreter follows it, so it is as good as one that was searched for.
        """
        try:
            calls = tuple(_call_from_json(c) for c in recipe["calls"])
            if obligation.subject not in {t.name for t in self.program.types[self.type.name].theorems}:
                system = self.system(limits.replicas, given=True, make=Interpreter)
                _check_calls(system, calls)
                history = system.replay(calls)
                zero = is_zero(system.program, system.type, system.value(history.state(history.all)))
                return None if zero else len(history)
            oracle = self._theorem_check(obligation, limits, oracle=True)
            where = _instance_from_json(recipe["instance"])
            _check_calls(oracle.system, (*calls, *where.further))
            for (_, t), value in zip(oracle.theorem.others, where.values, strict=True):
                _check_value(oracle.system.program, t, value)
            run = oracle.rerun(oracle.system.replay(calls), where)
            return len(run.history) if run is not None and oracle.witnessed(run) else None
        except (LookupError, TypeError, ValueError, AttributeError, StopIteration, Unreachable, UpdateRefused):
            return None


def _check_calls(system: System, calls: Calls) -> None:
    """Raises: TypeError, ValueError, KeyError, where an argument is no value of its type."""
    for call in calls:
        if call.replica < 1 or call.when < 0:
            raise ValueError(f"no replica or time: {call}")
        types = [substitute(t, system.bindings) for _, t in system.definition.update(call.update).params]
        for t, value in zip(types, call.args, strict=True):
            _check_value(system.program, t, value)


def _check_value(program: Program, t: Type, value: Raw) -> None:
    if from_python(program, t, to_python(program, t, value)) != value:
        raise ValueError(f"{value!r} is no {t}")


def _calls_to_json(calls: Calls) -> list[Any]:
    return [[c.replica, c.update, to_json(c.args), c.when, c.saw] for c in calls]


def _call_from_json(record: Any) -> Call:
    replica, update, args, when, saw = record
    return Call(replica, update, from_json(args), when, saw)


def _instance_to_json(i: Instance) -> list[Any]:
    return [i.masks, i.actors, to_json(i.values), i.times, _calls_to_json(i.further), i.later]


def _instance_from_json(record: Any) -> Instance:
    masks, actors, values, times, further, later = record
    calls = tuple(_call_from_json(c) for c in further)
    return Instance(tuple(masks), tuple(actors), from_json(values), tuple(times), calls, tuple(later))


def refute(program: Program, obligation: Obligation, limits: Limits = Limits()) -> Counterexample | Exhausted:
    """See `Finder.refute`; what was explored is shared between the obligations of one program."""
    return _finder(program, obligation.type).refute(obligation, limits)


def explore_bounded(
    program: Program, obligation: Obligation, n: int, limits: Limits = Limits()
) -> Counterexample | Exhausted:
    """All instances of a theorem with at most `n` updates, its own included; complete unless out of time."""
    return refute(program, obligation, Limits(n, limits.replicas, limits.seconds, limits.histories))


def witness(program: Program, obligation: Obligation, limits: Limits = Limits()) -> Counterexample | Exhausted:
    """See `Finder.witness`."""
    return _finder(program, obligation.type).witness(obligation, limits)


_RECENT: dict[tuple[int, str], tuple[Program, Finder]] = {}
_KEPT = 8


def _finder(program: Program, type_name: str) -> Finder:
    """The finder of a type; the last few are kept, with their programs, as their identity is the key."""
    key = (id(program), type_name)
    if key not in _RECENT:
        while len(_RECENT) >= _KEPT:
            del _RECENT[next(iter(_RECENT))]
        _RECENT[key] = program, Finder(program, type_name)
    return _RECENT[key][1]


def check_for(system: System, obligation: Obligation) -> Check | None:
    """The check of an obligation; None for kinds that runs cannot refute, and for theorems (see `claims`)."""
    match obligation.kind:
        case Kind.COMMUTATIVE | Kind.ASSOCIATIVE | Kind.IDEMPOTENT:
            return LawCheck(system, obligation.kind)
        case Kind.IDENTITY:
            return IdentityCheck(system)
        case Kind.INVARIANT if obligation.subject == DOTS_SEEN:
            return SeenCheck(system)
        case Kind.COMPATIBLE if obligation.subject == ONE_PLACE:
            return PlaceCheck(system)
        case Kind.INVARIANT | Kind.COMPATIBLE | Kind.HOME:
            found = part_property(system.program, system.type, obligation.subject or "")
            return None if found is None else PropertyCheck(system, found)
        case Kind.FRAME:
            return FrameCheck(system, obligation.subject)
        case Kind.FRESH:
            return FreshCheck(system, obligation.subject)
        case _:
            return None


def _replayed(system: System, calls: Calls) -> History | None:
    try:
        return system.replay(calls)
    except (Unreachable, UpdateRefused):
        return None


def _fits(history: History, fault: Fault) -> bool:
    return not any(m & ~history.all for m in fault.masks)


def _cost(failure: Failure | None, obligation: Obligation) -> Cost | None:
    """How large the timeline is: columns, rows, deltas that the states are made of, numbers of the instances."""
    if failure is None:
        return None
    drawn = told(failure, obligation, exchanges=False)
    deltas = sum(i.mask.bit_count() for i in failure.inputs if i.mask is not None)
    return drawn.replicas, len(drawn.timeline), deltas, *dict.fromkeys(s.instance for s in drawn.timeline)


def _told(failure: Failure | None, obligation: Obligation) -> Counterexample:
    if failure is None:
        raise _unconfirmed(obligation)
    return told(failure, obligation)


def _unconfirmed(obligation: Obligation) -> InternalError:
    return InternalError(f"{obligation.type}: {obligation.name}: the interpreter does not confirm what was found")
