"""Long random runs: the same seed gives the same run, failures are told and thinned out, and the real code holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mergelaw.explore.model import Limits
from mergelaw.explore.replica_menu import Served
from mergelaw.explore.run import Arguments
from mergelaw.explore.select import subject
from mergelaw.explore.simulate import Episode, planned, run_episode, settle, simulate, thinned
from mergelaw.explore.simulate_plan import FAULTS
from mergelaw.explore.simulate_run import explore

BROKEN = Path(__file__).parents[2] / "broken"


def told(episode: Episode) -> tuple[object, ...]:
    return (
        episode.writes,
        episode.deliveries,
        episode.messages,
        episode.full_syncs,
        episode.violation,
        [(row.instance, row.action, row.change) for row in episode.rows],
    )


@pytest.mark.parametrize("name", ["ORSet", "Scalar", "Key"])
def test_the_same_seed_gives_the_same_run(name: str) -> None:
    served = Served.named(name)
    settled = settle(5)
    plan = planned(5, settled, hours=5.0)
    first, second = (run_episode(served, 5, settled, plan, hours=5.0, timeline=True) for _ in range(2))
    assert told(first) == told(second)
    assert first.writes > 20 and first.deliveries > 20 and first.rows


def test_another_seed_gives_another_run() -> None:
    served = Served.named("ORSet")
    settled = settle(5)
    first, second = (
        run_episode(served, seed, settled, planned(seed, settled, hours=2.0), hours=2.0) for seed in (5, 6)
    )
    assert told(first) != told(second)


@pytest.mark.parametrize("name", ["ORSet", "Scalar", "List[Text]", "JSON", "Hash", "Stream", "SortedSet", "Key"])
def test_types_hold_in_simulation(name: str) -> None:
    totals = simulate(Served.named(name), 10, None, hours=5.0, episodes=2)
    assert totals.failure is None, totals.failure
    assert totals.episodes == 2 and totals.faults and totals.deliveries


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ORSet", "Scalar", "List[Text]", "JSON", "Hash", "Stream", "SortedSet", "Key"])
def test_types_hold_in_long_simulations(name: str) -> None:
    totals = simulate(Served.named(name), 1_000, 60.0)
    assert totals.failure is None, totals.failure


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_by_itself(fault: str) -> None:
    served = Served.named("ORSet")
    settled = replace(settle(1), replicas=3)
    plan = planned(2, settled, (fault,), 10.0)
    assert any(event.do == fault for event in plan)
    episode = run_episode(served, 2, settled, plan, hours=10.0)
    assert episode.violation is None


def test_a_broken_type_is_found_and_thinned_out() -> None:
    of = subject(str(BROKEN / "no_tie_break.crdt"))
    served = Served(of.program, of.type)
    failure = simulate(served, 1, 60.0, hours=5.0).failure
    assert failure is not None and failure.violation is not None
    short = thinned(served, failure, hours=5.0)
    assert short.violation is not None and short.violation.check == failure.violation.check
    assert len(short.plan) < len(failure.plan) / 4
    again = run_episode(served, failure.seed, failure.settled, failure.plan, hours=5.0)
    assert again.violation == failure.violation


def test_the_outcome_tells_the_seed() -> None:
    arguments = Arguments(str(BROKEN / "no_tie_break.crdt"), faults=("crash", "partition"), limits=Limits())
    outcome = explore(arguments, seed=3, seconds=60.0)
    assert outcome.verdict == "refuted" and outcome.story is not None
    assert outcome.stopped.startswith("again: --simulate --seed ")
    assert outcome.story.rows
