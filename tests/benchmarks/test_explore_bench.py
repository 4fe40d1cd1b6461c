"""How fast exploring is: the toy that every tool can run, beside a plain breadth-first search, in one run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from mergelaw.explore.checks import Checks
from mergelaw.explore.histories import Histories
from mergelaw.explore.plain import Plain, Setting
from mergelaw.explore.search import breadth_first
from mergelaw.explore.tables import Tables
from mergelaw.semantics.library import resolved

pytestmark = pytest.mark.slow

TOY = Path(__file__).resolve().parents[1] / "checker" / "explore" / "toy.crdt"
REDUCED_S_MAX = {4: 1.0, 5: 10.0}
"""The limits that the README names, on one core."""
PLAIN = {3: (14_452, 96_769), 4: (207_340, 1_417_465)}
"""Distinct and generated states without reductions."""


def setting(updates: int) -> Setting:
    return Setting(updates, frozenset({"clock"}), whole=True)


def by_hand(updates: int) -> tuple[int, int]:
    """The toy written out for one search: adds of x, adds of y, removed and seen dots as bits of one integer."""
    places = 3 * updates
    x, y, gone, seen = (1 << (places * i) for i in range(4))
    part = (1 << places) - 1
    first: tuple[int, ...] = (0, 0, 0)
    met = {first}
    frontier = [first]
    generated = 1
    while frontier:
        following = []
        for state in frontier:
            used = [(s // seen >> (r * updates) & ((1 << updates) - 1)).bit_count() for r, s in enumerate(state)]
            after = []
            for r, mine in enumerate(state):
                if sum(used) < updates:
                    dot = 1 << (r * updates + used[r])
                    for element in (x, y):
                        held = mine // element & part
                        after.append((r, mine | dot * element | dot * seen))
                        after.append((r, mine | held * gone | dot * seen))
                after += [(r, mine | other) for q, other in enumerate(state) if q != r]
            generated += len(after)
            for r, changed in after:
                then = (*state[:r], changed, *state[r + 1 :])
                if then not in met:
                    met.add(then)
                    following.append(then)
        frontier = following
    return len(met), generated


def timed(run: object, *arguments: object) -> tuple[float, object]:
    start = time.perf_counter()
    result = run(*arguments)  # type: ignore[operator]
    return time.perf_counter() - start, result


@pytest.mark.parametrize("updates", [3, 4])
def test_bench_explore_without_reductions(benchmark: BenchmarkFixture, updates: int) -> None:
    def run() -> tuple[int, int]:
        tables = Tables(*resolved(None, TOY), 3)
        found = breadth_first(Plain(tables, setting(updates), Checks(tables, laws=False)))
        return found.progress.states, found.progress.transitions

    assert benchmark.pedantic(run, rounds=2) == PLAIN[updates]
    hand_s, counted = timed(by_hand, updates)
    assert counted == PLAIN[updates]
    benchmark.extra_info.update(states=PLAIN[updates][0], by_hand_s=round(hand_s, 3))


@pytest.mark.parametrize("updates", [4, 5])
def test_bench_explore_reduced(benchmark: BenchmarkFixture, updates: int) -> None:
    """On proved laws, as a type of the library is explored; and once more without relying on them."""

    def run() -> tuple[float, tuple[int, int]]:
        tables = Tables(*resolved(None, TOY), 3)
        search = Histories(tables, setting(updates), Checks(tables, laws=False), trusted=True)
        start = time.perf_counter()
        found = search.run()
        assert found.fault is None
        return time.perf_counter() - start, (found.progress.states, found.executions)

    seconds, (states, executions) = benchmark.pedantic(run, rounds=2)
    tables = Tables(*resolved(None, TOY), 3)
    checked = Histories(tables, setting(updates), Checks(tables, laws=False), trusted=False)
    checked_s, found = timed(checked.run)
    assert (found.progress.states, found.fault) == (states, None)  # type: ignore[attr-defined]
    benchmark.extra_info.update(states=states, executions=executions, laws_checked_s=round(checked_s, 3))
    assert seconds < REDUCED_S_MAX[updates]
