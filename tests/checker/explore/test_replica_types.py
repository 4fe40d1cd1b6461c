"""Every library type on the replica core, exhaustively: real databases, every order that the network allows."""

from __future__ import annotations

import pytest

from mergelaw.explore.model import HOLDS, ExploreError, Limits
from mergelaw.explore.replica_menu import Served
from mergelaw.explore.replica_run import explored
from mergelaw.explore.replica_system import ReplicaSystem
from mergelaw.explore.select import subject
from mergelaw.semantics.library import library

TYPES = [name for name, declaration in library().items() if declaration.kind in ("type", "store")]
WIDE = {"Key": 60, "Keyspace": 12}
"""How many calls are tried in a state of the types with the most updates; elsewhere 6."""


def served(name: str) -> Served:
    try:
        of = subject(name)
    except ExploreError as problem:
        pytest.skip(str(problem))
    return Served(of.program, of.type)


def check(system: ReplicaSystem, *, states: int = 1) -> None:
    outcome = explored(system)
    assert outcome.verdict == HOLDS, outcome.story
    assert not outcome.stopped
    assert outcome.states > states


@pytest.mark.parametrize("name", TYPES)
def test_two_instances(name: str) -> None:
    updates = 2 if name == "Key" else 3
    check(ReplicaSystem(served(name), 2, updates, ("reorder",), most=WIDE.get(name, 6)))


@pytest.mark.parametrize("name", TYPES)
def test_three_instances(name: str) -> None:
    check(ReplicaSystem(served(name), 3, 2, ("reorder",), most=6 if name != "Key" else 1))


def test_key_with_three_updates() -> None:
    """The updates that the documented conflicts are between."""
    of = served("Key")
    wanted = ("set", "increase", "add", "remove", "hash_set", "delete")
    of.updates = {name: of.updates[name] for name in wanted}
    check(ReplicaSystem(of, 2, 3, most=6), states=1_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TYPES if name != "Key"])
def test_two_instances_with_more(name: str) -> None:
    check(ReplicaSystem(served(name), 2, 3, ("reorder", "duplicate", "sync", "clock"), most=8))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TYPES if name not in ("Key", "Hash", "Latest")])
def test_three_instances_with_more(name: str) -> None:
    check(ReplicaSystem(served(name), 3, 3, ("reorder",), most=4))


def test_a_search_that_is_cut_short_does_not_hold() -> None:
    outcome = explored(ReplicaSystem(served("ORSet"), 3, 3, ("reorder",)), Limits(states=100))
    assert outcome.verdict != HOLDS and outcome.stopped
