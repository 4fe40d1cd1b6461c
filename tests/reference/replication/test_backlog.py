"""The backlog: what it still has, and what it knows to be gone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergelaw.replication.backlog import Backlog, Item
from mergelaw.semantics.context import EMPTY, CausalContext


def item(origin: int, number: int, size: int = 10) -> Item:
    return Item(origin, number, number, 0, bytes(size))


def test_effects_after_a_vector() -> None:
    backlog = Backlog(1 << 20)
    for number in range(1, 6):
        backlog.append(item(1, number))
        backlog.append(item(2, number))
    here = CausalContext.from_vector({1: 5, 2: 5})
    found = backlog.after(CausalContext.from_vector({1: 3, 2: 5}), here)
    assert found == [item(1, 4), item(1, 5)]
    assert backlog.after(here, here) == []


def test_what_was_cut_off_is_too_long_ago() -> None:
    backlog = Backlog(5_000)
    for number in range(1, 101):
        backlog.append(item(1, number))
    here = CausalContext.from_vector({1: 100})
    assert backlog.bytes <= 5_000
    assert backlog.after(EMPTY, here) is None
    oldest = backlog.read(backlog.start, 1)[0].last
    assert oldest > 50
    recent = backlog.after(CausalContext.from_vector({1: oldest - 1}), here)
    assert recent is not None and len(recent) == len(backlog)
    assert backlog.after(CausalContext.from_vector({1: oldest - 2}), here) is None
    with pytest.raises(LookupError):
        backlog.read(backlog.start - 1, 1)
    assert backlog.get(backlog.end) is None


def test_the_newest_effect_stays_whatever_its_size() -> None:
    backlog = Backlog(100)
    backlog.append(item(1, 1, 10_000))
    assert len(backlog) == 1
    backlog.append(item(1, 2, 10_000))
    assert [kept.last for kept in backlog.read(backlog.start, 9)] == [2]


def test_what_came_by_a_snapshot_cannot_be_sent() -> None:
    backlog = Backlog(1 << 20, CausalContext.from_vector({1: 2}))
    backlog.append(item(1, 3))
    backlog.forget(CausalContext.from_vector({2: 4}))
    here = CausalContext.from_vector({1: 3, 2: 4})
    assert backlog.after(CausalContext.from_vector({1: 2}), here) is None
    assert backlog.after(CausalContext.from_vector({1: 1, 2: 4}), here) is None
    assert backlog.after(CausalContext.from_vector({1: 2, 2: 4}), here) == [item(1, 3)]


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 400)), max_size=60), st.integers(300, 4000))
def test_every_effect_is_here_or_known_to_be_gone(sizes: list[tuple[int, int]], limit: int) -> None:
    backlog = Backlog(limit)
    last = dict.fromkeys((1, 2, 3), 0)
    for origin, size in sizes:
        last[origin] += 1
        backlog.append(item(origin, last[origin], size))
        kept = backlog.read(backlog.start, len(backlog))
        held = CausalContext((one.origin, one.last) for one in kept)
        assert held | backlog.gone == CausalContext.from_vector(last)
        assert not held & backlog.gone
        assert backlog.bytes <= limit or len(backlog) == 1
