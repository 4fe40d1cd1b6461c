"""A scenario on real processes, step for step, beside the same scenario on the replica core.

After each step every instance is asked all queries without arguments, and must answer what the core answers. Where a
type reads the clock, real instances stamp by real time: then instances that received the same must answer the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from mergelaw.commands.custom_values import Writers
from mergelaw.explore.model import ScenarioError, Step, Story, Violation
from mergelaw.explore.network_cluster import Cluster, until
from mergelaw.explore.replica_menu import EXPLORED, Call, Served
from mergelaw.explore.replica_run import system_of
from mergelaw.explore.replica_system import Act, ReplicaSystem, State
from mergelaw.explore.run import Arguments
from mergelaw.language.core import TEXT, Type, substitute
from mergelaw.laws.model import Shown, TimelineStep
from mergelaw.laws.reads import uses_time
from mergelaw.semantics.context import Dot
from mergelaw.semantics.literals import show
from mergelaw.server.resp import write

_BY_THEMSELVES = ("persist", "link", "recover", "resend")
"""What real instances do without being told."""


class NetworkRun:
    """A scenario under way on both sides."""

    def __init__(self, system: ReplicaSystem, cluster: Cluster) -> None:
        self._system = system
        self._cluster = cluster
        self._served: Served = system.served
        self._state: State = system.initial()
        self.rows: list[TimelineStep] = []
        self.steps: list[Step] = []
        program, t = self._served.program, self._served.type
        self._timed = any(uses_time(program, t, name) for name in self._served.updates)
        bindings: dict[str, Type] = {p.name: a for p, a in zip(self._served.definition.params, t.args, strict=True)}
        writers = Writers(program)
        self._queries = {
            query.name: writers.of(substitute(query.result, bindings))
            for query in self._served.definition.queries
            if not query.params
        }

    def step(self, step: Step) -> Violation | None:
        """One step on both sides; what they then disagree on. Raises: ScenarioError, NetworkError."""
        system, state = self._system, self._state
        action = system.find(state, step)
        self.rows.append(system.show(state, action))
        self.steps.append(step)
        self._state = system.step(state, action)
        self._do(action)
        return self._compared()

    def _do(self, action: Act) -> None:
        cluster, at, source = self._cluster, action.at + 1, action.source + 1
        process, gates = cluster.processes[at], cluster.gates
        if action.do == "update":
            assert isinstance(action.what, Call)
            before = {peer: set(gates.waiting(at, peer)) for peer in cluster.processes if peer != at}
            reply = process.ask(*self._command(action.what))
            if reply != b"+OK\r\n":
                raise ScenarioError(f"instance {at} answers {reply!r} to {self._served.show_call(action.what)}")
            for peer, known in before.items():
                if self._linked(at, peer):
                    until(lambda p=peer, k=known: set(gates.waiting(at, p)) > k, f"{at} sends to {peer}", process.log)  # type: ignore[misc]
        elif action.do in ("deliver", "duplicate"):
            identity = self._identity(action)
            # After a restart it comes once the two are linked again.
            until(lambda: identity in gates.waiting(source, at), f"{identity} is on its way to {at}", process.log)
            gates.let_through(source, at, identity, again=action.do == "duplicate")
            if identity in self._core(action.at).received:
                until(lambda: identity in gates.received.get(at, ()), f"{at} has received {identity}", process.log)
        elif action.do == "crash":
            process.kill()
            process.start()
            process.ready()
        elif action.do == "cut":
            gates.cut(at, source)
        elif action.do == "heal":
            gates.heal(at, source)
        elif action.do not in _BY_THEMSELVES:
            raise ScenarioError(f"`{action.do}` cannot be made to happen on real instances")

    def _linked(self, one: int, other: int) -> bool:
        pair = (one - 1, other - 1) if one < other else (other - 1, one - 1)
        return pair not in self._state.cut

    def _identity(self, action: Act) -> Dot:
        assert isinstance(action.what, int)
        effect = self._system.locals.letters[action.what].effect
        if effect is None:
            raise ScenarioError("a snapshot cannot be sent on demand by real instances")
        return effect.identity

    def _command(self, call: Call) -> list[bytes]:
        served = self._served
        words = [f"{served.store}.{call.update}".upper().encode(), EXPLORED]
        for t, value in zip(served.updates[call.update], call.args, strict=True):
            words.append((value if t == TEXT else show(served.program, t, value)).encode("utf-8"))
        return words

    # -- comparing ---------------------------------------------------------------------------------

    def _core(self, at: int):  # type: ignore[no-untyped-def]
        return self._system.locals.all[self._state.locals[at]].instance.db

    def _compared(self) -> Violation | None:
        answers: dict[int, dict[str, bytes]] = {}
        for n, process in self._cluster.processes.items():
            name = self._served.store.upper()
            answers[n] = {q: process.ask(f"{name}.{q}".upper().encode(), EXPLORED) for q in self._queries}
            if self._timed:
                continue
            local = self._system.locals.all[self._state.locals[n - 1]]
            for query, told in answers[n].items():
                value = self._served.engine.query(query, local.value, local.instance.db.seen, ())
                expected = bytearray()
                write(expected, self._queries[query](value), 2)
                if bytes(expected) != told:
                    return _differ(
                        f"instance {n} answers {query} otherwise than the replica core", bytes(expected), told
                    )
        for n, mine in answers.items():
            for other, theirs in answers.items():
                if self._core(n - 1).received == self._core(other - 1).received and mine != theirs:
                    query = next(q for q in mine if mine[q] != theirs[q])
                    because = f"instances {n} and {other} have received the same and answer {query} differently"
                    return _differ(because, mine[query], theirs[query])
        return None


def _differ(because: str, expected: bytes, told: bytes) -> Violation:
    return Violation("network", because, (Shown("expected", repr(expected)), Shown("reply", repr(told))))


def replayed(system: ReplicaSystem, spec: str, steps: Sequence[Step], folder: Path) -> Story | None:
    """Runs a scenario on real instances of `spec`, as `mergelaw serve --type` takes it; the story, if they fail.

    Raises: ScenarioError, if a step does not fit or cannot be made to happen; NetworkError.
    """
    with Cluster(spec, system.replicas, folder) as cluster:
        run = NetworkRun(system, cluster)
        for step in steps:
            violation = run.step(step)
            if violation is not None:
                return Story(tuple(run.steps), tuple(run.rows), violation)
    return None


def replay(arguments: Arguments, steps: Sequence[Step]) -> Story | None:
    """As `replayed`, in a folder of its own. Raises: as `replayed`, and ExploreError, SpecErrors, OSError."""
    system = system_of(arguments)
    with tempfile.TemporaryDirectory(prefix="mergelaw-explore-") as folder:
        return replayed(system, arguments.spec, steps, Path(folder))
