"""What refutes the laws of merge, the properties of states, and the frame of an update.

A check looks for faults among the states that the last update of a history has added, and judges one fault by itself:
on the engine of the history it is given, so that the same fault can be judged on another engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Protocol

from mergelaw.language import core
from mergelaw.language.core import Type
from mergelaw.laws.difference import outside
from mergelaw.laws.domains import Sources, sample
from mergelaw.laws.explain import Failure, Scene, StateIn, ValueOf, reason
from mergelaw.laws.model import Kind
from mergelaw.laws.parts import PartProperty, instances
from mergelaw.laws.system import History, System, bits
from mergelaw.laws.wording import text
from mergelaw.semantics.context import EMPTY, CausalContext, Dot
from mergelaw.semantics.engine import State, Universe
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.values import Raw


@dataclass(frozen=True)
class Fault:
    """Where in a history an obligation fails: which states, which update, which replica."""

    masks: tuple[int, ...] = ()
    """The states, as merges of deltas."""
    message: int | None = None
    """The update whose delta is at fault, taken by itself."""
    replica: int | None = None
    """The replica whose home state the first mask is."""
    context: CausalContext | None = None
    """The context that zero is read under."""
    bare: bool = False
    """Whether the state of a single delta is the delta itself, not what merging it into zero gives."""

    def renamed(self, names: Mapping[int, int]) -> Fault:
        """The fault with its replica renamed."""
        return replace(self, replica=None if self.replica is None else names.get(self.replica, self.replica))


class Check(Protocol):
    """Looks for the faults of one obligation."""

    def faults(self, history: History) -> Iterator[Fault]:
        """Faults that no shorter history has; may miss some once it has yielded one."""
        ...

    def judge(self, history: History, fault: Fault) -> Failure | None:
        """The failure; None if there is none, or if the history does not allow for it."""
        ...


def state_in(history: History, label: str, mask: int, *, bare: bool = False) -> StateIn:
    """The state of `mask`, labelled; `bare`: see `Fault`."""
    state = _state(history, mask, bare)
    value, seen = history.system.pair(state)
    if state == history.state(mask):
        return StateIn(label, value, seen, mask)
    return StateIn(f"{label} (the delta of `{history.moves[mask.bit_length() - 1].call.update}`)", value, seen)


def _state(history: History, mask: int, bare: bool) -> int:
    if bare and mask.bit_count() == 1:
        return history.moves[mask.bit_length() - 1].message
    return history.state(mask)


def _ways(history: History) -> tuple[bool, ...]:
    """How to read the states of single deltas: both ways, where merging a delta into zero does not give the delta."""
    plain = all(history.state(1 << i) == m.message for i, m in enumerate(history.moves))
    return (False,) if plain else (False, True)


@dataclass(frozen=True)
class _Law:
    sentence: str
    left: str
    right: str
    sides: Callable[[System, tuple[int, ...]], tuple[int, int]]
    arity: int


_LAWS = {
    Kind.COMMUTATIVE: _Law(
        "merge is not commutative: two instances that merge each other's states end up with different ones",
        "merge(a, b)",
        "merge(b, a)",
        lambda s, x: (s.merge(x[0], x[1]), s.merge(x[1], x[0])),
        2,
    ),
    Kind.ASSOCIATIVE: _Law(
        "merge is not associative: the result depends on which two states meet first",
        "merge(merge(a, b), c)",
        "merge(a, merge(b, c))",
        lambda s, x: (s.merge(s.merge(x[0], x[1]), x[2]), s.merge(x[0], s.merge(x[1], x[2]))),
        3,
    ),
    Kind.IDEMPOTENT: _Law(
        "merge is not idempotent: a state that arrives twice counts twice",
        "merge(a, a)",
        "a",
        lambda s, x: (s.merge(x[0], x[0]), x[0]),
        1,
    ),
}


class LawCheck:
    """Commutative, associative, idempotent: both sides of the law, for all states of one history."""

    def __init__(self, system: System, kind: Kind) -> None:
        self._law = _LAWS[kind]
        self._met: set[tuple[int, ...]] = set()
        self._groups: set[tuple[int, ...]] = set()

    def faults(self, history: History) -> Iterator[Fault]:
        """See `Check`."""
        for bare in _ways(history):
            yield from self._faults(history, bare)

    def _faults(self, history: History, bare: bool) -> Iterator[Fault]:
        system = history.system
        new = {_state(history, m, bare) for m in history.masks(new=True)}
        every = {_state(history, m, bare): m for m in reversed(list(history.masks()))}
        group = tuple(sorted(every))
        if group in self._groups:
            return
        self._groups.add(group)
        for states in product(sorted(every, key=lambda s: every[s]), repeat=self._law.arity):
            if states in self._met or not any(s in new for s in states):
                continue
            self._met.add(states)
            left, right = self._law.sides(system, states)
            if system.value(left) != system.value(right):
                yield Fault(tuple(every[s] for s in states), bare=bare)

    def judge(self, history: History, fault: Fault) -> Failure | None:
        """See `Check`."""
        system, law = history.system, self._law
        left, right = law.sides(system, tuple(_state(history, m, fault.bare) for m in fault.masks))
        if system.value(left) == system.value(right):
            return None
        inputs = tuple(state_in(history, n, m, bare=fault.bare) for n, m in zip("abc", fault.masks, strict=False))
        results = (
            ValueOf(law.left, system.type, system.value(left)),
            ValueOf(law.right, system.type, system.value(right)),
        )
        return Failure(history, inputs, (), results, law.sentence, compared=True)


class IdentityCheck:
    """merge(a, zero) == a; in a store also where zero is read under a context without a's live dots."""

    def __init__(self, system: System) -> None:
        self._met: set[tuple[int, CausalContext]] = set()

    def faults(self, history: History) -> Iterator[Fault]:
        """See `Check`."""
        contexts = {history.system.seen(history.state(m)): None for m in history.masks()}
        for bare, mask, context in product(_ways(history), history.masks(), contexts):
            key = _state(history, mask, bare), context
            if key not in self._met:
                self._met.add(key)
                fault = Fault((mask,), context=context, bare=bare)
                if self.judge(history, fault):
                    yield fault

    def judge(self, history: History, fault: Fault) -> Failure | None:
        """See `Check`."""
        system = history.system
        value, seen = system.pair(_state(history, fault.masks[0], fault.bare))
        context = (fault.context or EMPTY) - CausalContext(system.engine.dots(value))
        zero = system.engine.zero()
        merged = system.engine.merge(value, seen, zero, context), system.engine.merge(zero, context, value, seen)
        if merged == (value, value):
            return None
        left = merged[0] != value
        inputs = (state_in(history, "a", fault.masks[0], bare=fault.bare), StateIn("zero", zero, context))
        side = ValueOf("merge(a, zero)" if left else "merge(zero, a)", system.type, merged[0 if left else 1])
        because = "merging with an empty state, which has seen nothing that is live here, changes the state"
        return Failure(history, inputs, (), (side, ValueOf("a", system.type, value)), because, compared=True)


class PropertyCheck:
    """Invariants, relations between two states, relations between a home state and any state; also those of parts."""

    def __init__(self, system: System, of: PartProperty) -> None:
        self._of = of
        self._prop = of.prop
        self._engine = (
            system.engine if not of.steps and of.type == system.type else system.make(system.program, of.type)
        )
        self._met: set[tuple[int | None, tuple[int, ...]]] = set()

    def faults(self, history: History) -> Iterator[Fault]:
        """See `Check`."""
        for fault in self._candidates(history):
            states = self._states(history, fault)
            key = (fault.replica, states)
            if key not in self._met:
                self._met.add(key)
                if self._violation(history, fault, states) is not None:
                    yield fault

    def _candidates(self, history: History) -> Iterator[Fault]:
        match self._prop.kind:
            case "invariant":
                if history.moves:
                    yield Fault(message=len(history) - 1)
                yield from (Fault((m,)) for m in history.masks(new=True))
            case "compatible":
                masks = list(history.masks())
                yield from (Fault((a, b)) for a in masks for b in masks)
            case _:
                masks = list(history.masks())
                for replica in range(1, min(history.replicas + 1, history.system.replicas) + 1):
                    known = history.known(replica)
                    mine = [m for m in masks if not known & ~m]
                    yield from (Fault((m, other), replica=replica) for m in mine for other in masks)

    def _states(self, history: History, fault: Fault) -> tuple[int, ...]:
        if fault.message is not None:
            return (history.moves[fault.message].message,)
        if fault.replica is not None:
            mine, other = fault.masks
            return history.held(fault.replica, mine), history.state(other)
        return tuple(history.state(m) for m in fault.masks)

    def _violation(
        self, history: History, fault: Fault, states: tuple[int, ...]
    ) -> tuple[str, tuple[State, ...]] | None:
        """The path of a part, and the parts there, of which the property does not hold."""
        system = history.system
        ranges = universe(system, states, system.replicas)
        values = tuple(system.value(s) for s in states)
        for path, parts in instances(system.program, system.type, values, self._of.steps):
            read = tuple((v, system.seen(s)) for v, s in zip(parts, states, strict=True))
            if not self._engine.holds(self._prop, read, fault.replica, ranges):
                return path, read
        return None

    def judge(self, history: History, fault: Fault) -> Failure | None:
        """See `Check`."""
        prop, system = self._prop, history.system
        if fault.replica is not None and history.known(fault.replica) & ~fault.masks[0]:
            return None
        if fault.message is not None and fault.message >= len(history):
            return None
        states = self._states(history, fault)
        violation = self._violation(history, fault, states)
        if violation is None:
            return None
        path, read = violation
        masks: tuple[int | None, ...] = fault.masks if fault.message is None else (1 << fault.message,)
        holders = (fault.replica, None)
        inputs = tuple(
            StateIn(name, *system.pair(state), mask, holder)
            for name, state, mask, holder in zip(prop.states, states, masks, holders, strict=False)
        )
        values = {name: value for name, (value, _) in zip(prop.states, read, strict=True)}
        bound: tuple[ValueOf, ...] = ()
        if path:
            bound += tuple(ValueOf(f"{n}.{path}", self._of.type, v) for n, v in values.items())
        if prop.replica is not None:
            values[prop.replica] = fault.replica
            bound += (ValueOf(prop.replica, core.REPLICA, fault.replica),)
        scene = Scene(
            Interpreter(system.program, self._of.type),
            values,
            {name: seen for name, (_, seen) in zip(prop.states, read, strict=True)},
            universe(system, states, system.replicas),
        )
        why = reason(scene, prop.body)
        said = f"`{text(why.part)}` is {'false' if why.expected else 'true'}"
        place = f" of `{path}`" if path else ""
        because = f"{prop.kind} {prop.name}{place} does not hold: {said}{_where(fault)}"
        return Failure(history, inputs, (*bound, *why.bound), why.results, because, span=prop.span)


def _where(fault: Fault) -> str:
    if fault.message is not None:
        return " of the delta by itself, which may arrive before all others"
    return ""


class FrameCheck:
    """A delta changes nothing outside of its footprint, whoever receives it."""

    def __init__(self, system: System, update: str | None) -> None:
        self._update = update
        self._met: set[tuple[int, int]] = set()

    def faults(self, history: History) -> Iterator[Fault]:
        """See `Check`."""
        for i, move in enumerate(history.moves):
            if move.call.update != self._update:
                continue
            for mask in history.masks():
                key = (history.state(mask), move.message)
                if key not in self._met:
                    self._met.add(key)
                    fault = Fault((mask,), message=i)
                    if self._changed(history, fault):
                        yield fault

    def _changed(self, history: History, fault: Fault) -> bool:
        system = history.system
        assert fault.message is not None
        move = history.moves[fault.message]
        before = history.state(fault.masks[0])
        after = system.merge(before, move.message)
        footprint = move.delta.footprint
        return bool(outside(system.program, system.type, footprint, system.value(before), system.value(after)))

    def judge(self, history: History, fault: Fault) -> Failure | None:
        """See `Check`."""
        if fault.message is None or fault.message >= len(history) or not self._changed(history, fault):
            return None
        system = history.system
        move = history.moves[fault.message]
        before = history.state(fault.masks[0])
        after = system.merge(before, move.message)
        changed = outside(system.program, system.type, move.delta.footprint, system.value(before), system.value(after))
        places = tuple(d.path for d in changed)
        delta = StateIn("delta", *system.pair(move.message), 1 << fault.message)
        results = (
            ValueOf("merge(t, delta)", system.type, system.value(after)),
            ValueOf("t", system.type, system.value(before)),
        )
        because = f"the delta of `{move.call.update}` changes {_quoted(places)}, which it does not name"
        inputs = (state_in(history, "t", fault.masks[0]), delta)
        return Failure(history, inputs, (), results, because, places=places)


class FreshCheck:
    """What an update forgets is live in the state that it is asked of, and has been seen there."""

    def __init__(self, system: System, update: str | None) -> None:
        self._update = update
        self._met: set[tuple[int, int]] = set()

    def faults(self, history: History) -> Iterator[Fault]:
        """See `Check`."""
        if not history.moves or history.moves[-1].call.update != self._update:
            return
        move = history.moves[-1]
        key = (move.home, move.message)
        if key not in self._met:
            self._met.add(key)
            if self._strange(history, len(history) - 1):
                yield Fault((move.call.saw,), message=len(history) - 1)

    @staticmethod
    def _strange(history: History, i: int) -> tuple[Dot, ...]:
        """The dots that the i-th update forgets without reason."""
        move, system = history.moves[i], history.system
        held, seen = system.engine.dots(system.value(move.home)), system.seen(move.home)
        own = set(move.delta.dots)
        return tuple(d for d in sorted(move.delta.context) if d not in own and (d not in held or d not in seen))

    def judge(self, history: History, fault: Fault) -> Failure | None:
        """See `Check`."""
        if fault.message is None or fault.message >= len(history):
            return None
        move, system = history.moves[fault.message], history.system
        strange = self._strange(history, fault.message) if move.call.update == self._update else ()
        if not strange:
            return None
        forgotten = ", ".join(f"{replica}.{number}" for replica, number in strange)
        because = f"`{move.call.update}` forgets {forgotten}, which is not live in the state that it was asked of"
        inputs = (
            StateIn("s", *system.pair(move.home), move.call.saw, move.call.replica),
            StateIn("delta", *system.pair(move.message), 1 << fault.message),
        )
        return Failure(history, inputs, (), (), because)


def _quoted(places: tuple[str, ...]) -> str:
    return ", ".join(f"`{p}`" for p in places)


def universe(system: System, states: tuple[int, ...], replicas: int) -> Universe:
    """What quantifiers without source range over: what occurs in `states`, small values, and some beyond."""
    held = tuple((system.type, system.value(s)) for s in states)
    dots = tuple(sorted({d for s in states for d in system.seen(s)}))
    sources = Sources(tuple(range(1, replicas + 1)), dots, wide=True)
    cache: dict[Type, tuple[Raw, ...]] = {}

    def values(t: Type) -> tuple[Raw, ...]:
        if t not in cache:
            cache[t] = sample(system.program, t, held, sources)
        return cache[t]

    return values


def without_bit(fault: Fault, place: int, bit: int) -> Fault:
    """`fault` with the mask at `place` lacking `bit`."""
    masks = tuple(m & ~(1 << bit) if i == place else m for i, m in enumerate(fault.masks))
    return replace(fault, masks=masks)


def smaller(fault: Fault) -> Iterator[Fault]:
    """The faults of one delta less in one of the states."""
    for place, mask in enumerate(fault.masks):
        for bit in bits(mask):
            yield without_bit(fault, place, bit)
