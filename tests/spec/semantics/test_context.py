"""A causal context is a set of dots: every operation against Python's own sets."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergelaw.semantics.context import EMPTY, CausalContext

dots = st.tuples(st.integers(0, 3), st.integers(1, 9))
dot_sets = st.frozensets(dots, max_size=14)


@given(dot_sets)
def test_context_holds_exactly_its_dots(held: frozenset[tuple[int, int]]) -> None:
    context = CausalContext.of(held)
    assert list(context) == sorted(held)
    assert len(context) == len(held)
    assert bool(context) == bool(held)
    for replica in range(5):
        for number in range(1, 11):
            assert ((replica, number) in context) == ((replica, number) in held)


@given(dot_sets, dot_sets)
def test_set_operations_agree_with_sets(left: frozenset[tuple[int, int]], right: frozenset[tuple[int, int]]) -> None:
    a, b = CausalContext.of(left), CausalContext.of(right)
    assert set(a | b) == left | right
    assert set(a & b) == left & right
    assert set(a - b) == left - right
    assert (a <= b) == (left <= right)
    assert (a == b) == (left == right)
    assert a.add(right) == a | b


@given(dot_sets, dot_sets)
def test_equal_sets_are_equal_however_made(left: frozenset[tuple[int, int]], right: frozenset[tuple[int, int]]) -> None:
    whole = CausalContext.of(left | right)
    merged = CausalContext.of(left) | CausalContext.of(right)
    one_by_one = EMPTY
    for dot in sorted(left | right, key=lambda d: (d[1], d[0])):
        one_by_one = one_by_one.add([dot])
    assert whole.runs == merged.runs == one_by_one.runs
    assert hash(whole) == hash(merged) == hash(one_by_one)
    assert (whole - whole) is EMPTY
    assert pickle.loads(pickle.dumps(whole)) == whole


@given(dot_sets, st.integers(0, 3), st.integers(1, 9), st.integers(0, 5))
def test_runs_of_dots(held: frozenset[tuple[int, int]], replica: int, first: int, more: int) -> None:
    context, run = CausalContext.of(held), {(replica, n) for n in range(first, first + more + 1)}
    assert context.with_run(replica, first, first + more) == CausalContext.of(held | run)
    assert context.meets(replica, first, first + more) == bool(held & run)
    assert (context.with_run(replica, first, first + more) is context) == (run <= held)
    for wrong in ((0, 3), (3, 2)):
        with pytest.raises(ValueError, match="no dots"):
            context.with_run(replica, *wrong)


@given(dot_sets)
def test_vector_and_beyond_split_the_context(held: frozenset[tuple[int, int]]) -> None:
    context = CausalContext.of(held)
    below = CausalContext.from_vector(context.vector())
    assert set(below) | context.beyond() == held
    assert not set(below) & context.beyond()
    for replica, n in context.vector().items():
        assert (replica, n + 1) not in context
    assert CausalContext.from_runs(context.runs) == context


@given(dot_sets, st.integers(0, 4))
def test_next_number_was_never_used(held: frozenset[tuple[int, int]], replica: int) -> None:
    used = [number for r, number in held if r == replica]
    assert CausalContext.of(held).next_number(replica) == max(used, default=0) + 1


def test_huge_context_costs_its_runs() -> None:
    huge = CausalContext.from_vector({1: 5_000_000, 2: 7})
    assert (1, 5_000_000) in huge
    assert (1, 5_000_001) not in huge
    assert len(huge) == 5_000_007
    grown = huge.add([(1, 5_000_001), (2, 9)])
    assert grown.runs == ((1, 1, 5_000_001), (2, 1, 7), (2, 9, 9))
    assert huge <= grown and not grown <= huge
    assert list(grown - huge) == [(1, 5_000_001), (2, 9)]
    assert CausalContext.of([(1, 4_999_999)]) <= huge


def test_union_with_a_subset_makes_nothing_new() -> None:
    huge = CausalContext.from_vector({1: 10, 2: 10, 3: 10})
    assert huge.add([(2, 5)]) is huge
    assert CausalContext.of([(2, 5)]) | huge is huge
    assert huge | EMPTY is huge


def test_numbers_count_from_one() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        CausalContext.of([(1, 0)])


def test_repr_shows_runs() -> None:
    assert repr(CausalContext.of([(1, 1), (1, 2), (2, 3)])) == "{1.1-1.2, 2.3}"
