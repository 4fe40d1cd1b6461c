"""What the spec says an instance holds: the evaluator's state of a set of effects, computed from the calls alone.

The replica core is compiled code, transactions, contexts and footprints; this is the interpreter and `merge`. The two
meet in the calls: which update ran, with which arguments, dots and time.
"""

from __future__ import annotations

from collections.abc import Hashable

from mergelaw.explore.replica_menu import Run, Served
from mergelaw.semantics.context import EMPTY, CausalContext
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.values import Raw

State = tuple[Raw, CausalContext]

Received = frozenset[int]
"""Numbers of effects."""


class Oracle:
    """The evaluator's side of one system. Effects are numbered by the caller."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._engine = Interpreter(served.program, served.type)
        self._zero: State = self._engine.zero(), EMPTY
        self._deltas: dict[int, State | None] = {}
        self._states: dict[Received, State] = {frozenset(): self._zero}
        self._made: dict[Hashable, State] = {}

    def make(self, received: Received, replica: int, runs: tuple[Run, ...]) -> State:
        """The delta, with its context, of `runs` in a row at an instance that has `received`."""
        key = received, replica, runs
        found = self._made.get(key)
        if found is not None:
            return found
        value, seen = self.state(received)
        total: State | None = None
        for run in runs:
            delta = self._engine.update(run.update, value, seen, run.args, replica, run.dots, run.when)
            value, seen = self._engine.merge(value, seen, delta.value, delta.context), seen | delta.context
            mine = delta.value, delta.context
            total = mine if total is None else self._merge(total, mine)
        assert total is not None, "an effect without updates"
        self._made[key] = total
        return total

    def know(self, number: int, delta: State | None, context: CausalContext = EMPTY) -> None:
        """Effect `number` is this delta; None: it declares the dots of `context` void."""
        if number not in self._deltas:
            self._deltas[number] = (self._zero[0], context) if delta is None else delta

    def state(self, received: Received) -> State:
        """What an instance holds, and has seen, that received these effects."""
        found = self._states.get(received)
        if found is None:
            last = max(received)
            delta = self._deltas[last]
            assert delta is not None
            found = self._states[received] = self._merge(self.state(received - {last}), delta)
        return found

    def _merge(self, left: State, right: State) -> State:
        return self._engine.merge(left[0], left[1], right[0], right[1]), left[1] | right[1]
