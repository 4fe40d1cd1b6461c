"""Partial order reduction runs one execution for each Mazurkiewicz trace; traces are counted here independently."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mergelaw.explore.checks import Checks
from mergelaw.explore.plain import Action, Plain, Setting
from mergelaw.explore.programs import Program, Programmed, programs
from mergelaw.explore.tables import Tables
from mergelaw.explore.traces import traces
from mergelaw.semantics.library import resolved


def system(name: str, replicas: int, shares: tuple[int, ...], faults: frozenset[str], *, causal: bool) -> Programmed:
    tables = Tables(*resolved(name), replicas)
    setting = Setting(sum(shares), faults, causal)
    requests = [request for request, _ in tables.options(tables.zero, 1, 1, 0)]
    numbers = iter(range(sum(shares)))
    program: Program = tuple(tuple(requests[next(numbers) % len(requests)] for _ in range(n)) for n in shares)
    return Programmed(Plain(tables, setting, Checks(tables)), program)


def interleavings(run: Programmed, state: int, before: tuple[Action, ...] = ()) -> Iterator[tuple[Action, ...]]:
    enabled = list(run.actions(state))
    if not enabled:
        yield before
    for action in enabled:
        yield from interleavings(run, run.step(state, action), (*before, action))


def trace_of(run: Programmed, execution: tuple[Action, ...]) -> frozenset[tuple[Action, Action]]:
    """The order of dependent actions, which is all that a trace is."""
    return frozenset((a, b) for i, a in enumerate(execution) for b in execution[i + 1 :] if run.dependent(a, b))


CASES = [
    (2, (1, 1), frozenset({"reorder"}), False),
    (2, (2, 1), frozenset({"reorder"}), False),
    (2, (2, 2), frozenset(), False),
    (2, (2, 2), frozenset({"reorder"}), True),
    (3, (1, 1, 0), frozenset({"reorder"}), False),
    (3, (1, 1, 1), frozenset({"reorder"}), True),
    (3, (2, 0, 0), frozenset({"reorder"}), False),
]


@pytest.mark.parametrize("name", ["ORSet", "GCounter"])
@pytest.mark.parametrize(("replicas", "shares", "faults", "causal"), CASES)
def test_explore_traces_runs_each_trace_once(
    name: str, replicas: int, shares: tuple[int, ...], faults: frozenset[str], causal: bool
) -> None:
    run = system(name, replicas, shares, faults, causal=causal)
    executions = list(interleavings(run, run.initial()))
    wanted = {trace_of(run, e) for e in executions}
    found = traces(run)
    assert (found.trace, found.stopped) == (None, "")
    assert found.executions == len(wanted)
    assert len(wanted) < len(executions)
    # Source sets leave no execution half-way but where causal order makes one delivery wait for another.
    assert causal or found.blocked == 0


def test_explore_traces_finds_what_depends_on_the_order() -> None:
    path = Path(__file__).parents[2] / "broken" / "no_tie_break.crdt"
    tables = Tables(*resolved(None, path), 2)
    setting = Setting(2, frozenset({"reorder"}))
    plain = Plain(tables, setting, Checks(tables, laws=False))
    ends = [found.trace for p in programs(tables, setting) if (found := traces(Programmed(plain, p))).trace is not None]
    assert ends
    for trace in ends:
        state = plain.initial()
        for action in trace:
            state = plain.step(state, action)
        violation = plain.violation(state)
        assert violation is not None
        assert violation.check == "convergence"
