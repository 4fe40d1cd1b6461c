"""Zeros, orders and maps without zeros, for all types."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from mergelaw.language.core import (
    BOOL,
    DOT,
    INT,
    NAT,
    REAL,
    REPLICA,
    TEXT,
    EnumT,
    MapT,
    Named,
    OptionType,
    ParamT,
    RecordT,
    SeqT,
    TupleT,
    Type,
    set_of,
)
from mergelaw.semantics.values import (
    NoZero,
    compare,
    has_zero,
    in_order,
    is_zero,
    lookup,
    make_map,
    make_set,
    store,
    zero,
)
from tests.spec.semantics.programs import PROGRAM
from tests.spec.semantics.strategies import types_of, values_of

TYPES = types_of(PROGRAM)


@given(TYPES.filter(lambda t: has_zero(PROGRAM, t)), st.data())
def test_is_zero_iff_equal_to_the_zero(t: Type, data: st.DataObject) -> None:
    nothing = zero(PROGRAM, t)
    assert is_zero(PROGRAM, t, nothing)
    value = data.draw(values_of(PROGRAM, t))
    assert is_zero(PROGRAM, t, value) == (value == nothing)


@given(TYPES, st.data())
def test_order_is_total_and_agrees_with_equality(t: Type, data: st.DataObject) -> None:
    draw = values_of(PROGRAM, t)
    a, b, c = data.draw(draw), data.draw(draw), data.draw(draw)
    assert (compare(PROGRAM, t, a, b) == 0) == (a == b)
    assert compare(PROGRAM, t, a, b) == -compare(PROGRAM, t, b, a)
    if compare(PROGRAM, t, a, b) <= 0 and compare(PROGRAM, t, b, c) <= 0:
        assert compare(PROGRAM, t, a, c) <= 0
    ordered = in_order(PROGRAM, t, [a, b, c])
    assert all(compare(PROGRAM, t, x, y) <= 0 for x, y in pairwise(ordered))


@pytest.mark.parametrize(
    ("t", "expected"),
    [
        (BOOL, False),
        (REAL, Fraction(0)),
        (TEXT, ""),
        (OptionType(REPLICA), None),
        (set_of(DOT), Map()),
        (SeqT(DOT), ()),
        (TupleT((NAT, TEXT)), (0, "")),
        (EnumT("Shape"), (0,)),
        (EnumT("First", (TEXT,)), (0, "", 0)),
        (Named("Tree"), ("", Map())),
        (Named("Box", (REPLICA,)), (None,)),
    ],
)
def test_zeros(t: Type, expected: Any) -> None:
    assert zero(PROGRAM, t) == expected


@pytest.mark.parametrize(
    "t", [REPLICA, DOT, ParamT("E"), TupleT((NAT, DOT)), EnumT("First", (DOT,)), RecordT((("r", REPLICA),))]
)
def test_types_without_zero_say_so(t: Type) -> None:
    with pytest.raises(NoZero, match="has no zero"):
        zero(PROGRAM, t)


def test_some_zero_is_not_zero() -> None:
    # Both are the raw value (0,).
    assert not is_zero(PROGRAM, OptionType(NAT), (0,))
    assert is_zero(PROGRAM, RecordT((("n", NAT),)), (0,))


def test_no_replica_and_no_dot_is_zero() -> None:
    assert not is_zero(PROGRAM, REPLICA, 0)
    assert not is_zero(PROGRAM, EnumT("First", (REPLICA,)), (0, 0, 0))


@pytest.mark.parametrize(
    ("t", "ascending"),
    [
        (BOOL, [False, True]),
        (INT, [-3, 0, 2]),
        (REAL, [Fraction(1, 3), Fraction(1, 2)]),
        (TEXT, ["", "B", "a", "aa", "b"]),
        (DOT, [(1, 9), (2, 1), (2, 3)]),
        (OptionType(NAT), [None, (0,), (4,)]),
        (SeqT(OptionType(NAT)), [(), (None,), (None, None), ((0,),)]),
        (EnumT("Shape"), [(0,), (1, 0), (1, 7), (2, "a", (1, 1)), (2, "a", (1, 2))]),
        (TupleT((OptionType(TEXT), NAT)), [(None, 5), (("",), 0), (("",), 1)]),
        (set_of(NAT), [Map(), make_set([1]), make_set([1, 5]), make_set([2])]),
    ],
)
def test_order_of_a_type(t: Type, ascending: list[Any]) -> None:
    assert in_order(PROGRAM, t, reversed(ascending)) == ascending


def test_maps_hold_no_zeros() -> None:
    t = MapT(TEXT, NAT)
    assert make_map(PROGRAM, t, [("a", 1), ("b", 0), ("c", 2), ("c", 0), ("a", 3)]) == Map({"a": 3})
    m = store(PROGRAM, t, Map({"a": 1}), "b", 2)
    assert m == Map({"a": 1, "b": 2})
    assert store(PROGRAM, t, store(PROGRAM, t, m, "a", 0), "z", 0) == Map({"b": 2})
    assert lookup(PROGRAM, t, m, "a") == 1
    assert lookup(PROGRAM, t, m, "z") == 0


def test_an_option_map_keeps_some_zero() -> None:
    t = MapT(TEXT, OptionType(NAT))
    assert make_map(PROGRAM, t, [("a", (0,)), ("b", None)]) == Map({"a": (0,)})
