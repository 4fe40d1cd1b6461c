"""Fixed programs: what each replica does is given, and only the orders of updates and deliveries are open."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from mergelaw.explore.model import Step, Violation
from mergelaw.explore.plain import Action, Plain, Setting
from mergelaw.explore.tables import Tables
from mergelaw.laws.model import TimelineStep

Program = tuple[tuple[int, ...], ...]
"""The requests of each replica, in order."""


class Programmed:
    """A system of `Plain` without faults in which each replica runs its program, and every delta arrives everywhere."""

    def __init__(self, plain: Plain, program: Program) -> None:
        self.plain = plain
        self.program = program
        self.dependent = plain.dependent
        self.enables = plain.enables

    def initial(self) -> int:
        """Nobody has done anything."""
        return self.plain.initial()

    def key(self, state: int) -> int:
        """A state is its own key."""
        return state

    def actions(self, state: int) -> Iterator[Action]:
        """The next update of each replica, unless it is refused, and all deliveries."""
        plain = self.plain
        updates = plain.setting.updates
        for r, requests in enumerate(self.program, 1):
            done = plain.own(state, r)
            if done < len(requests):
                held = plain.held(state, r)
                wanted = plain.tables.requests[requests[done]]
                if plain.tables.asked(held.state, wanted, r, held.next) is not None:
                    yield ("update", r, requests[done], (r - 1) * updates + done)
            yield from plain.deliveries(state, r)

    def step(self, state: int, action: Action) -> int:
        """The state after an action."""
        return self.plain.step(state, action)

    def violation(self, state: int) -> Violation | None:
        """The first check that fails."""
        return None if self.plain.fine(state) else self.plain.violation(state)

    def show(self, state: int, action: Action) -> TimelineStep:
        """The row of the timeline."""
        return self.plain.show(state, action)

    def to_step(self, state: int, action: Action) -> Step:
        """The step of a scenario."""
        return self.plain.to_step(state, action)

    def find(self, state: int, step: Step) -> Action:
        """The action that a step means. Raises: ScenarioError."""
        return self.plain.find(state, step)


def programs(tables: Tables, setting: Setting) -> Iterator[Program]:
    """All programs of exactly `setting.updates` updates, of the calls that can be made at first."""
    requests = dict.fromkeys(request for request, _ in tables.options(tables.zero, 1, 1, 0))
    for shares in _shares(setting.updates, tables.replicas):
        for chosen in product(requests, repeat=setting.updates):
            left = list(chosen)
            yield tuple(tuple(left.pop(0) for _ in range(n)) for n in shares)


def _shares(total: int, replicas: int) -> Iterator[tuple[int, ...]]:
    """How so many updates are shared out among replicas."""
    if replicas == 1:
        yield (total,)
        return
    for first in range(total, -1, -1):
        yield from ((first, *rest) for rest in _shares(total - first, replicas - 1))
