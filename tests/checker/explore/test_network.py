"""The same trace on real processes: `mergelaw serve`, with gates between them that let effects through one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergelaw.explore.model import ScenarioError, Step
from mergelaw.explore.network_run import replayed
from mergelaw.explore.replica_menu import Call, Served
from mergelaw.explore.replica_system import Act, ReplicaSystem

ADD, REMOVE = Call("add", ("x",)), Call("remove", ("x",))


def steps_of(system: ReplicaSystem, *wanted: tuple[str, int, int, str | Call | None]) -> list[Step]:
    """The scenario of actions: what, at whom, the other one, and the name of the effect or the call."""
    state, steps = system.initial(), []
    for do, at, source, what in wanted:
        names = {letter.number: letter.name for letter in system.locals.letters}
        action = next(
            a
            for a in system.actions(state)
            if (a.do, a.at + 1) == (do, at)
            and (not source or a.source + 1 == source)
            and (what is None or a.what == what or isinstance(a.what, int) and names.get(a.what) == what)
        )
        steps.append(system.to_step(state, Act(*action)))
        state = system.step(state, action)
    return steps


def system(*faults: str, replicas: int = 2) -> ReplicaSystem:
    return ReplicaSystem(Served.named("ORSet"), replicas, 4, faults, each=3)


@pytest.mark.slow
def test_a_remove_that_overtakes_its_add(tmp_path: Path) -> None:
    """The effects arrive in the other order, and one of them twice."""
    faults = "reorder", "duplicate"
    steps = steps_of(
        system(*faults),
        ("update", 1, 0, ADD),
        ("update", 1, 0, REMOVE),
        ("duplicate", 2, 1, "1.2"),
        ("deliver", 2, 1, "1.1"),
        ("deliver", 2, 1, "1.2"),
        ("update", 2, 0, ADD),
        ("deliver", 1, 2, "2.1"),
    )
    assert replayed(system(*faults), "ORSet", steps, tmp_path) is None


@pytest.mark.slow
def test_a_cut_and_a_concurrent_add(tmp_path: Path) -> None:
    """What was written while the link was cut comes once it is whole: the add of the other side wins."""
    steps = steps_of(
        system("partition"),
        ("update", 1, 0, ADD),
        ("deliver", 2, 1, "1.1"),
        ("cut", 1, 2, None),
        ("update", 1, 0, REMOVE),
        ("update", 2, 0, ADD),
        ("heal", 1, 2, None),
        ("deliver", 2, 1, "1.2"),
        ("deliver", 1, 2, "2.1"),
    )
    assert replayed(system("partition"), "ORSet", steps, tmp_path) is None


@pytest.mark.slow
def test_a_crash_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    steps = steps_of(
        system("crash"),
        ("update", 1, 0, ADD),
        ("persist", 1, 0, None),
        ("crash", 1, 0, None),
        ("link", 1, 2, None),
        ("deliver", 2, 1, "1.1"),
    )
    assert replayed(system("crash"), "ORSet", steps, tmp_path) is None


@pytest.mark.slow
def test_what_the_core_does_otherwise_is_told(tmp_path: Path) -> None:
    """The core explores another type than the instances serve: their answers differ, and the story says where."""
    other = ReplicaSystem(Served.named("GSet"), 2, 4, each=3)
    wanted = [("update", 1, 0, Call("add", ("x",)))]
    steps = steps_of(other, *wanted)
    with pytest.raises(ScenarioError, match=r"instance 1 answers b.-ERR unknown command"):
        replayed(ReplicaSystem(Served.named("GSet"), 2, 4, each=3), "ORSet", steps, tmp_path)


@pytest.mark.slow
def test_what_cannot_happen_on_real_instances_is_told(tmp_path: Path) -> None:
    steps = steps_of(system("clock"), ("clock", 1, 0, None))
    with pytest.raises(ScenarioError, match="`clock` cannot be made to happen on real instances"):
        replayed(system("clock"), "ORSet", steps, tmp_path)
