"""Bugs planted in the replica and in replication: each is found, by itself, with a trace that a person can read."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from mergelaw.explore.model import HOLDS, Limits
from mergelaw.explore.mutants import BUGS, Bug, StaleBug, _Loader
from mergelaw.explore.replica_menu import Served
from mergelaw.explore.replica_run import explored
from mergelaw.explore.replica_system import ReplicaSystem
from mergelaw.explore.simulate import simulate

FAST = ["duplicates-by-context", "dots-not-persisted", "sync-overwrites", "held-back-dropped"]
ROWS = 80
"""No trace is longer."""


def found(name: str) -> str:
    """What a fresh process with that bug prints."""
    done = subprocess.run(
        [sys.executable, "-m", "mergelaw.explore.mutants", name, "--seconds", "60"],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        check=False,
    )
    assert done.returncode == 1, f"{name} was not found:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def check(name: str) -> None:
    trace = found(name)
    assert BUGS[name].says in trace
    assert "refuted" in trace and "| Time | Instance" in trace, trace
    rows = re.findall(r"^  \| t\d+ ", trace, re.MULTILINE)
    assert 1 <= len(rows) <= ROWS, trace[-3000:]


@pytest.mark.parametrize("name", FAST)
def test_a_planted_bug_is_found(name: str) -> None:
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BUGS if name not in FAST])
def test_every_planted_bug_is_found(name: str) -> None:
    check(name)


@pytest.mark.parametrize("name", BUGS)
def test_the_text_that_a_bug_changes_is_there_once(name: str) -> None:
    bug = BUGS[name]
    __import__(bug.module)
    path = sys.modules[bug.module].__file__
    assert path is not None
    _Loader(bug.module, path, bug).get_code(bug.module)


def test_a_bug_without_a_place_is_told() -> None:
    bug = Bug("mergelaw.replica.model", "no such text", "", "nothing")
    path = sys.modules["mergelaw.replica.model"].__file__
    assert path is not None
    with pytest.raises(StaleBug, match=r"mergelaw\.replica\.model has 0 times the text"):
        _Loader(bug.module, path, bug).get_code(bug.module)


def test_without_a_bug_nothing_is_found_by_simulation() -> None:
    totals = simulate(Served.named("ORSet"), 1, None, hours=10.0, episodes=8)
    assert totals.failure is None, totals.failure


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, bug in BUGS.items() if bug.on == "replica"])
def test_without_the_bug_nothing_is_found(name: str) -> None:
    """The same exploration of the real modules."""
    bug = BUGS[name]
    system = ReplicaSystem(Served.named(bug.spec), bug.replicas, bug.updates, bug.faults, **dict(bug.options))
    outcome = explored(system, Limits(seconds=10))
    assert outcome.story is None
    assert outcome.verdict == HOLDS or outcome.stopped
