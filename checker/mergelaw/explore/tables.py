"""A data type as tables over small integers: states, deltas and calls are interned, what they do is looked up.

The first time a delta meets a state the engine computes what comes of it; every further time it is one look into a
dictionary. A search runs the same few deltas on the same few states many times over, so it spends its time in look-ups.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from mergelaw.language.core import DOT, Expr, Named, Program, Seen, children, substitute
from mergelaw.laws.domains import TIMES, Sources, argument_lists, dots_in, names_in
from mergelaw.laws.reads import uses_time
from mergelaw.laws.symmetry import types_inside
from mergelaw.laws.system import EngineFactory, System
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.engine import Delta, Footprint, UpdateRefused
from mergelaw.semantics.values import Raw

SHIFT = 24
"""Numbers of states and deltas stay below 2 ** SHIFT, so that a pair of them fits in one integer."""

_DOTS = ((1, 1), (1, 2), (2, 1))
"""The dots that the updates of plain types are called with."""

CALLS = 16
"""How many calls are tried in a state, shared by the updates of a type; at least one of each."""


@dataclass(frozen=True)
class Request:
    """One call that an update can be asked with."""

    update: str
    args: tuple[Raw, ...]
    when: int


class Tables:
    """The tables of one type."""

    def __init__(
        self,
        program: Program,
        t: Named,
        replicas: int,
        *,
        calls: int = CALLS,
        make: EngineFactory = Compiled,
        given: bool = False,
    ) -> None:
        """`calls`: how many calls are tried in a state. `given`: as for `laws.system.System`."""
        self.system = System(program, t, make, replicas, given=given)
        if any(reads_context(p.body) for d in program.types.values() for p in d.properties):
            # A plain type drops its contexts, as its merge cannot read them; a property of it may.
            self.system.reads_contexts = True
        self.program = program
        self.type = t
        self.replicas = replicas
        self.engine = self.system.engine
        self.zero = self.system.zero
        self.requests: list[Request] = []
        self._request_numbers: dict[Request, int] = {}
        self.deltas: list[Delta] = []
        self.messages: list[int] = []
        """Of each delta: itself as a state."""
        self._delta_numbers: dict[Hashable, int] = {}
        self._applied: dict[int, int] = {}
        self._merged: dict[int, int] = {}
        self._options: dict[tuple[int, int, int, int], tuple[tuple[int, int], ...]] = {}
        self.frame_faults: dict[int, int] = {}
        """(state, delta) where applying by footprint and merging differ -> what merging gives."""
        definition = self.system.definition
        self.updates = tuple(
            (u.name, tuple(substitute(pt, self.system.bindings) for _, pt in u.params), uses_time(program, t, u.name))
            for u in definition.updates
        )
        self.taken = {u.name: self.engine.dots_taken(u.name) for u in definition.updates}
        self._most = shared(calls, len(self.updates))
        self._takes_dots = any(DOT in types_inside(program, pt) for _, types, _ in self.updates for pt in types)
        self.given = given
        self.timed = any(timed for _, _, timed in self.updates)

    # -- deltas ------------------------------------------------------------------------------------

    def delta(self, made: Delta) -> int:
        """The number of a delta."""
        message = self.system.intern(made.value, made.context)
        # A plain type's contexts are dropped from its states, so the dots tell deltas apart.
        key = (message, made.dots, frozen(made.footprint), made.context)
        number = self._delta_numbers.get(key)
        if number is None:
            number = self._delta_numbers[key] = len(self.deltas)
            self.deltas.append(made)
            self.messages.append(message)
        return number

    def request(self, wanted: Request) -> int:
        """The number of a request."""
        number = self._request_numbers.get(wanted)
        if number is None:
            number = self._request_numbers[wanted] = len(self.requests)
            self.requests.append(wanted)
        return number

    def options(self, home: int, replica: int, first: int, earliest: int) -> tuple[tuple[int, int], ...]:
        """What `replica` can do in state `home`: (request, delta), with dots from number `first` on.

        No clock shows less than `earliest`.
        """
        key = (home, replica, first, earliest)
        found = self._options.get(key)
        if found is None:
            found = self._options[key] = tuple(self._computed(home, replica, first, earliest))
        return found

    def _computed(self, home: int, replica: int, first: int, earliest: int) -> list[tuple[int, int]]:
        found = []
        for name, types, timed in self.updates:
            dots = tuple((replica, first + i) for i in range(self.taken[name]))
            sources = self._sources(home, replica, dots)
            for args in argument_lists(self.program, types, sources, self._most):
                for when in [t for t in TIMES if t >= earliest] if timed else (0,):
                    wanted = Request(name, args, when)
                    number = self.asked(home, wanted, replica, first)
                    if number is not None:
                        found.append((self.request(wanted), number))
        return found

    def asked(self, home: int, wanted: Request, replica: int, first: int) -> int | None:
        """The delta of one request; None if it is refused."""
        dots = tuple((replica, first + i) for i in range(self.taken[wanted.update]))
        value, seen = self.system.pair(home)
        try:
            made = self.engine.update(wanted.update, value, seen, wanted.args, replica, dots, wanted.when)
        except UpdateRefused:
            return None
        return self.delta(made)

    def _sources(self, home: int, replica: int, dots: tuple[tuple[int, int], ...]) -> Sources:
        system = self.system
        value = system.value(home)
        known: tuple[tuple[int, int], ...] = ()
        if self.given and system.reads_contexts:
            known = dots
        elif self._takes_dots:
            # A store reads its dots out of the state; in a plain type they are but data, and may come from anywhere.
            given = () if system.definition.kind == "store" else _DOTS
            known = tuple(dict.fromkeys((*dots_in(self.program, self.type, value), *given)))
        held = names_in(self.program, self.type, value)
        everybody = tuple(range(1, self.replicas + 1))
        return Sources(everybody, known, lambda t: system.parts(t, replica, dots), held, system.numbers)

    def last_dot(self, delta: int) -> int:
        """The number of the last dot that a delta took."""
        return self.deltas[delta].dots[-1][1]

    # -- states ------------------------------------------------------------------------------------

    @property
    def states(self) -> int:
        """How many states have been met."""
        return self.system.states

    def apply(self, state: int, delta: int) -> int:
        """The state after a delta arrived, as a replica computes it."""
        key = state << SHIFT | delta
        found = self._applied.get(key)
        if found is None:
            system = self.system
            value, seen = system.pair(state)
            made = self.deltas[delta]
            after = system.intern(self.engine.apply(value, seen, made), seen | made.context)
            merged = system.merge(state, self.messages[delta])
            if merged != after:
                self.frame_faults[key] = merged
            found = self._applied[key] = after
        return found

    def merge(self, left: int, right: int) -> int:
        """The merge of two states."""
        key = left << SHIFT | right
        found = self._merged.get(key)
        if found is None:
            found = self._merged[key] = self.system.merge(left, right)
        return found


def reads_context(e: Expr) -> bool:
    """Whether an expression reads what a state has seen."""
    return isinstance(e, Seen) or any(reads_context(c) for c in children(e))


def shared(calls: int, updates: int) -> int:
    """How many calls each of so many updates is tried with."""
    return max(1, calls // max(1, updates))


def frozen(footprint: Footprint) -> Hashable:
    """A footprint as something that can be hashed."""
    below: Mapping[Any, Any] | None = footprint
    return None if below is None else frozenset((k, frozen(v)) for k, v in below.items())
