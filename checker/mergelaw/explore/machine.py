"""Property-based tests of a type on the replica core, for a type designer's own pytest file:

    from mergelaw.explore.machine import machine

    TestCart = machine("cart.crdt").TestCase

Hypothesis draws which instance writes what, what the network does and who crashes; every state is checked as `mergelaw
explore --on replica` checks it, and a failing run is shrunk to a short one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mergelaw.explore.model import Story
from mergelaw.explore.replica_menu import Served
from mergelaw.explore.replica_system import Act, ReplicaSystem, State
from mergelaw.explore.select import subject
from mergelaw.explore.story import told
from mergelaw.laws.model import TimelineStep

FAULTS = ("drop", "duplicate", "reorder", "partition", "crash", "clock", "sync")


class Broken(AssertionError):
    """A check does not hold; the message has the timeline."""


def machine(
    spec: str,
    *,
    replicas: int = 3,
    faults: Iterable[str] = FAULTS,
    causal: bool = False,
    always: bool = True,
    calls: int = 40,
) -> type[RuleBasedStateMachine]:
    """The state machine of `spec`: a type of the library, a file, or `file.crdt:Type`.

    `calls`: how many calls are tried in a state. `always`: appendfsync. Raises: ExploreError, SpecErrors, OSError.
    """
    of = subject(spec)
    served = Served(of.program, of.type)
    switched_on = tuple(faults)

    class Machine(RuleBasedStateMachine):
        """The system, driven by Hypothesis."""

        def __init__(self) -> None:
            super().__init__()
            # One for each run: what a run has met must not tell in the next one.
            self.system = ReplicaSystem(
                served, replicas, 1 << 30, switched_on, causal=causal, always=always, each=1 << 30, most=calls
            )
            self.state: State = self.system.initial()
            self.rows: list[TimelineStep] = []

        def _do(self, data: Any, kinds: tuple[str, ...]) -> None:
            possible = [a for a in self.system.actions(self.state) if a.do in kinds]
            if possible:
                self.act(data.draw(st.sampled_from(possible), label="action"))

        def act(self, action: Act) -> None:
            """One step."""
            self.rows.append(self.system.show(self.state, action))
            self.state = self.system.step(self.state, action)

        @rule(data=st.data(), at=st.integers(0, replicas - 1))
        def write(self, data: Any, at: int) -> None:
            """A client writes at an instance."""
            possible = self.system.locals.calls(self.state.locals[at])
            if possible:
                self.act(Act("update", at, -1, data.draw(st.sampled_from(possible), label="call")))

        @precondition(lambda self: any(self.state.channels))
        @rule(data=st.data())
        def deliver(self, data: Any) -> None:
            """Something arrives, or gets lost."""
            self._do(data, ("deliver", "duplicate", "drop"))

        @rule(data=st.data())
        def disturb(self, data: Any) -> None:
            """A fault."""
            self._do(data, ("crash", "cut", "clock", "sync", "save", "expire", "collect"))

        @rule(data=st.data())
        def repair(self, data: Any) -> None:
            """What instances do by themselves."""
            self._do(data, ("persist", "link", "recover", "heal", "resend"))

        @invariant()
        def holds(self) -> None:
            """No check fails. Raises: Broken."""
            violation = self.system.violation(self.state)
            if violation is not None:
                raise Broken(told(str(of.type), Story((), tuple(self.rows), violation)))

    Machine.__name__ = Machine.__qualname__ = f"{of.type.name}Machine"
    return Machine
