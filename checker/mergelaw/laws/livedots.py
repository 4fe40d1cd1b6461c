"""The two properties that every store has without saying so: live dots are seen, and a dot lives in one place."""

from __future__ import annotations

from collections.abc import Iterator

from mergelaw.language.core import BOOL, DOT, MapT, Named, Program, RecordT, Type, set_of
from mergelaw.laws.checks import Fault, state_in
from mergelaw.laws.explain import Failure, StateIn, ValueOf
from mergelaw.laws.system import History, System
from mergelaw.semantics.context import CausalContext, Dot
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.literals import show
from mergelaw.semantics.values import Raw, in_order, make_set


def places(program: Program, t: Type, value: Raw, path: str = "") -> Iterator[tuple[Dot, str]]:
    """Each live dot of `value` with the path of the store that it lives in."""
    match t:
        case Named():
            inside = list(places(program, program.state_type(t), value, path))
            deeper = {d for d, _ in inside}
            yield from ((d, path) for d in sorted(Interpreter(program, t).dots(value)) if d not in deeper)
            yield from inside
        case RecordT(fields):
            for (name, f), v in zip(fields, value, strict=True):
                yield from places(program, f, v, f"{path}.{name}" if path else name)
        case MapT(key, item) if item != BOOL:
            for k in in_order(program, key, value):
                yield from places(program, item, value[k], f"{path}[{show(program, key, k)}]")
        case _:
            return


class SeenCheck:
    """All live dots of a state, also of a delta by itself, are in its context."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._met: set[int] = set()

    def faults(self, history: History) -> Iterator[Fault]:
        """See `Check`."""
        candidates = [Fault((m,)) for m in history.masks(new=True)]
        if history.moves:
            candidates.insert(0, Fault(message=len(history) - 1))
        for fault in candidates:
            state = _state(history, fault)
            if state not in self._met:
                self._met.add(state)
                if _unseen(history, state):
                    yield fault

    def judge(self, history: History, fault: Fault) -> Failure | None:
        """See `Check`."""
        if fault.message is not None and fault.message >= len(history):
            return None
        state = _state(history, fault)
        lost = _unseen(history, state)
        if not lost:
            return None
        system = history.system
        value, seen = system.pair(state)
        mask = fault.masks[0] if fault.message is None else 1 << fault.message
        dots = set_of(DOT)
        results = (
            ValueOf("dots(this)", dots, make_set(system.engine.dots(value))),
            ValueOf("seen", dots, make_set(seen)),
        )
        shown = ", ".join(show(system.program, DOT, d) for d in lost)
        because = f"a live dot must have been seen, but {shown} has not"
        return Failure(history, (StateIn("this", value, seen, mask),), (), results, because)


class PlaceCheck:
    """A dot that lives in one place of a state lives nowhere else, in that state or in any other."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._met: set[tuple[int, int]] = set()
        self._places: dict[int, dict[Dot, frozenset[str]]] = {}

    def faults(self, history: History) -> Iterator[Fault]:
        """See `Check`."""
        masks = list(history.masks())
        for a in masks:
            for b in masks:
                pair = history.state(a), history.state(b)
                if a <= b and pair not in self._met:
                    self._met.add(pair)
                    if self._clash(history, *pair):
                        yield Fault((a, b))

    def _of(self, history: History, state: int) -> dict[Dot, frozenset[str]]:
        if state not in self._places:
            system = history.system
            found: dict[Dot, frozenset[str]] = {}
            for dot, path in places(system.program, system.type, system.value(state)):
                found[dot] = found.get(dot, frozenset()) | {path}
            self._places[state] = found
        return self._places[state]

    def _clash(self, history: History, left: int, right: int) -> tuple[Dot, list[str]] | None:
        a, b = self._of(history, left), self._of(history, right)
        for dot in sorted(a):
            paths = a[dot] | b.get(dot, a[dot])
            if len(paths) > 1:
                return dot, sorted(paths)
        return None

    def judge(self, history: History, fault: Fault) -> Failure | None:
        """See `Check`."""
        left, right = fault.masks
        clash = self._clash(history, history.state(left), history.state(right))
        if clash is None:
            return None
        dot, paths = clash
        shown = " and in ".join(f"`{p}`" for p in paths)
        because = (
            f"a dot may live in one place only, but {show(history.system.program, DOT, dot)} lives in {shown}: "
            "what forgets it in one of them loses the other"
        )
        inputs = (state_in(history, "a", left), state_in(history, "b", right))
        return Failure(history, inputs, (), (), because)


def _state(history: History, fault: Fault) -> int:
    return history.state(fault.masks[0]) if fault.message is None else history.moves[fault.message].message


def _unseen(history: History, state: int) -> list[Dot]:
    value, seen = history.system.pair(state)
    return list(CausalContext(history.system.engine.dots(value)) - seen)
