"""The search on the spec level: known counts, the library, and the same verdicts with and without reductions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from immutables import Map

from mergelaw.explore.checks import Checks
from mergelaw.explore.histories import Histories
from mergelaw.explore.history import Explored
from mergelaw.explore.model import HOLDS, REFUTED, UNKNOWN, Limits
from mergelaw.explore.plain import Plain, Setting
from mergelaw.explore.renaming import Renaming, renamings
from mergelaw.explore.run import Arguments, explore
from mergelaw.explore.search import breadth_first
from mergelaw.explore.tables import Tables
from mergelaw.laws import sources
from mergelaw.semantics.library import resolved

TOY = Path(__file__).with_name("toy.crdt")
CLOCKS = frozenset({"clock"})


def toy() -> Tables:
    return Tables(*resolved(None, TOY), 3)


def types_of_the_library() -> Iterator[str]:
    for path in sources.library_files():
        for name in sources.declared(sources.read(path)):
            definition = resolved(name)[0].types[name]
            if definition.updates:
                yield name


# -- counts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("updates", "states", "generated"), [(1, 37, 235), (2, 838, 5473), (3, 14452, 96769)])
def test_explore_spec_counts_the_toy_as_other_tools_do(updates: int, states: int, generated: int) -> None:
    tables = toy()
    found = breadth_first(Plain(tables, Setting(updates, CLOCKS, whole=True), Checks(tables)))
    assert (found.progress.states, found.progress.transitions, found.trace) == (states, generated, None)


def states_of(tables: Tables, numbers: set[int]) -> set[str]:
    """States up to renaming, in words."""
    every = renamings(tables)
    return {min(_words(tables, number, r) for r in every) for number in numbers}


def _words(tables: Tables, number: int, renaming: Renaming) -> str:
    value, seen = tables.system.pair(number)
    dots = sorted((renaming.replicas.get(r, r), n) for r, n in seen)
    return repr((_sorted(renaming.value(tables.program, tables.type, value)), dots))


def _sorted(value: Any) -> Any:
    if isinstance(value, Map):
        return ("map", *sorted(((_sorted(k), _sorted(v)) for k, v in value.items()), key=repr))
    return tuple(map(_sorted, value)) if isinstance(value, tuple) else value


SETTINGS = [
    Setting(2, frozenset({"reorder", "clock", "duplicate", "sync"})),
    Setting(2, frozenset({"reorder", "crash", "sync"})),
    Setting(2, CLOCKS, causal=True),
    Setting(3, frozenset()),
    Setting(2, CLOCKS, whole=True),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: "+".join(sorted(s.faults)) or "fifo")
@pytest.mark.parametrize("name", ["ORSet", "PNCounter", "LWWRegister", "MVRegister"])
def test_explore_spec_reductions_lose_no_state_of_a_replica_and_make_none_up(name: str, setting: Setting) -> None:
    program, t = resolved(name)
    tables = Tables(program, t, 2)
    plain = Plain(tables, setting, Checks(tables))
    assert breadth_first(plain).trace is None
    met = {h.state for h in plain.holdings}
    reduced = Tables(program, t, 2)
    longer = Setting(setting.updates + 1, setting.faults, setting.causal, setting.whole)
    search = Histories(reduced, longer, Checks(reduced), trusted=False)
    stood_for: set[int] = set()

    def level(found: Explored) -> None:
        for node in found.level:
            stood_for.update(search.lattice(node).values())

    assert search.run(nodes=level).fault is None
    assert states_of(reduced, stood_for) == states_of(tables, met)


def test_explore_spec_symmetry_changes_no_verdict_and_visits_less() -> None:
    counts = []
    for symmetric in (True, False):
        tables = toy()
        search = Histories(tables, Setting(3, CLOCKS, whole=True), Checks(tables), trusted=False, symmetric=symmetric)
        found = search.run()
        assert found.fault is None
        counts.append(found.progress.states)
    assert counts[0] * 4 < counts[1]


def test_explore_spec_orders_each_update_after_all_that_it_knew_of() -> None:
    tables = Tables(*resolved("ORSet"), 3)
    search = Histories(tables, Setting(5, frozenset({"reorder"})), Checks(tables, laws=False), trusted=True)
    looked = 0

    def level(found: Explored) -> None:
        nonlocal looked
        for node in found.level:
            made = 0
            for event in (search.events[n] for n in search.in_order(node)):
                assert not event.saw & ~made
                made |= 1 << event.bit
            looked += 1
        if found.updates == 4:
            raise KeyboardInterrupt

    assert search.run(nodes=level).stopped == "interrupted"
    assert looked > 100


# -- the library -----------------------------------------------------------------------------------

LIBRARY = sorted(types_of_the_library())
LARGE = {("Key", 3, 2), ("Keyspace", 2, 3), ("SortedSet", 2, 3)}
"""What takes more than a few seconds."""
TOO_LARGE = ("Key", 2, 3)
"""It has a call for each of its 30 updates, and 2,749 histories of two updates to go on from."""
BOUNDS = [
    pytest.param(name, *bound, marks=[pytest.mark.slow] if (name, *bound) in LARGE else [])
    for name in LIBRARY
    for bound in ((2, 3), (3, 2))
    if (name, *bound) != TOO_LARGE
]


@pytest.mark.parametrize(("name", "replicas", "updates"), BOUNDS)
def test_explore_spec_exhausts_the_library(name: str, replicas: int, updates: int) -> None:
    outcome = explore(Arguments(name, replicas, updates, theorems=False))
    assert (outcome.verdict, outcome.stopped, outcome.depth) == (HOLDS, "", updates)
    assert outcome.coverage is not None
    assert any(outcome.coverage.updates.values())


# -- wrong designs ---------------------------------------------------------------------------------


def verdicts(spec: str, **more: Any) -> tuple[str, str]:
    found = [explore(Arguments(spec, 2, 2, theorems=False, reduce=reduce, **more)) for reduce in (True, False)]
    return found[0].verdict, found[1].verdict


@pytest.mark.parametrize("faults", [("reorder", "duplicate", "sync", "clock"), (), ("crash", "reorder")])
@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "broken").glob("*.crdt")), ids=lambda p: p.stem)
def test_explore_spec_verdicts_are_the_same_without_reductions(path: Path, faults: tuple[str, ...]) -> None:
    reduced, plain = verdicts(str(path), faults=faults)
    assert reduced == plain


@pytest.mark.parametrize("name", ["ORSet", "GSet", "LWWRegister", "PNCounter", "ORSetRefinement", "TombstoneSet"])
def test_explore_spec_verdicts_of_lawful_types_are_the_same_without_reductions(name: str) -> None:
    assert verdicts(name) == (HOLDS, HOLDS)


def test_explore_spec_says_how_far_it_holds_where_there_is_too_much() -> None:
    outcome = explore(Arguments(*TOO_LARGE, limits=Limits(seconds=3.0), theorems=False))
    assert (outcome.verdict, outcome.story) == (UNKNOWN, None)
    assert outcome.depth >= 1


def test_explore_spec_bounds_are_exact() -> None:
    spec = str(Path(__file__).parents[2] / "broken" / "below_zero.crdt")
    assert explore(Arguments(spec, updates=2)).verdict == HOLDS
    assert explore(Arguments(spec, updates=3)).verdict == REFUTED
