"""Random histories of any loaded type: replicas that update and merge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from mergelaw.language.core import MapT, Named, RecordT, Type, substitute
from mergelaw.semantics.context import EMPTY
from mergelaw.semantics.engine import NOTHING, Delta, Engine, Footprint, State, UpdateRefused
from mergelaw.semantics.types import LoadedType
from mergelaw.semantics.values import lookup
from tests.spec.semantics.strategies import values_of


@dataclass
class History:
    """Three replicas of one type."""

    engine: Engine
    states: list[State] = field(default_factory=list)
    deltas: list[tuple[State, Delta]] = field(default_factory=list)
    """Each with the state that it was made in."""

    def __post_init__(self) -> None:
        self.states = [(self.engine.zero(), EMPTY)] * 3

    def update(self, replica: int, name: str, args: tuple[Any, ...], when: int) -> bool:
        """One update at replica 1, 2 or 3; whether it was not refused."""
        this, seen = self.states[replica - 1]
        start = seen.next_number(replica)
        dots = tuple((replica, start + i) for i in range(self.engine.dots_taken(name)))
        try:
            delta = self.engine.update(name, this, seen, args, replica, dots, when)
        except UpdateRefused:
            return False
        self.deltas.append(((this, seen), delta))
        self.states[replica - 1] = self.engine.apply(this, seen, delta), seen | delta.context
        return True

    def deliver(self, replica: int, number: int) -> None:
        """Replica receives a delta, perhaps not for the first time, perhaps before others of its origin."""
        if self.deltas:
            _, delta = self.deltas[number % len(self.deltas)]
            this, seen = self.states[replica - 1]
            self.states[replica - 1] = self.engine.apply(this, seen, delta), seen | delta.context

    def sync(self, replica: int, other: int) -> None:
        """Replica merges the whole state of another."""
        self.states[replica - 1] = merged(self.engine, self.states[replica - 1], self.states[other - 1])

    def all_states(self) -> list[State]:
        """States of replicas and messages, the zero first."""
        messages = [(delta.value, delta.context) for _, delta in self.deltas]
        return [(self.engine.zero(), EMPTY), *self.states, *messages]


def merged(engine: Engine, left: State, right: State) -> State:
    """The merge of two states."""
    return engine.merge(*left, *right), left[1] | right[1]


@st.composite
def histories(draw: st.DrawFn, loaded: LoadedType, most: int = 7) -> History:
    """Histories of up to `most` steps."""
    history = History(loaded.engine)
    names = dict(zip((p.name for p in loaded.definition.params), loaded.type.args, strict=True))
    updates = loaded.definition.updates
    if not updates:
        return history
    for _ in range(draw(st.integers(0, most))):
        replica = draw(st.integers(1, 3))
        match draw(st.integers(0, 5)):
            case 0:
                history.deliver(replica, draw(st.integers(0, 9)))
            case 1:
                history.sync(replica, draw(st.integers(1, 3)))
            case _:
                update = draw(st.sampled_from(updates))
                args = tuple(draw(values_of(loaded.program, substitute(t, names), 2)) for _, t in update.params)
                history.update(replica, update.name, args, draw(st.integers(0, 3)))
    return history


def outside(engine: Engine, t: Type, before: Any, after: Any, footprint: Footprint) -> Iterable[str]:
    """The places of a value of `t` outside of `footprint` at which it has changed.

    Inside of a type that writes its own merge, what is touched may change all the rest (an epoch its value).
    """
    if footprint is None or before == after:
        return
    while isinstance(t, Named):
        if footprint and engine.program.types[t.name].merge is not None:
            return
        t = engine.program.state_type(t)
    match t:
        case RecordT(fields):
            for (name, part), x, y in zip(fields, before, after, strict=True):
                for place in outside(engine, part, x, y, footprint.get(name, NOTHING)):
                    yield f".{name}{place}"
        case MapT(_, item):
            for key in {*before, *after}:
                x, y = lookup(engine.program, t, before, key), lookup(engine.program, t, after, key)
                for place in outside(engine, item, x, y, footprint.get(key, NOTHING)):
                    yield f"[{key}]{place}"
        case _:
            yield ""
