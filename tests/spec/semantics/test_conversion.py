"""Python values stand for raw values and come back; wrong ones are told why."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
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
    TEXT,
    TIME,
    EnumT,
    MapT,
    Named,
    OptionType,
    RecordT,
    SeqT,
    TupleT,
    Type,
    set_of,
)
from mergelaw.semantics.conversion import from_python, to_python
from mergelaw.semantics.values import make_set
from tests.spec.semantics.programs import PROGRAM
from tests.spec.semantics.strategies import types_of, values_of


@given(types_of(PROGRAM), st.data())
def test_what_goes_out_comes_back(t: Type, data: st.DataObject) -> None:
    value = data.draw(values_of(PROGRAM, t))
    assert from_python(PROGRAM, t, to_python(PROGRAM, t, value)) == value
    hash(to_python(PROGRAM, t, value, hashable=True))


RECORD = RecordT((("a", NAT), ("d", DOT)))


@pytest.mark.parametrize(
    ("t", "raw", "python"),
    [
        (REAL, 2, Fraction(2)),
        (OptionType(NAT), (0,), 0),
        (OptionType(OptionType(NAT)), (None,), (None,)),
        (set_of(TEXT), make_set(["b", "a"]), {"a", "b"}),
        (MapT(TEXT, set_of(NAT)), Map({"x": make_set([1])}), {"x": {1}}),
        (MapT(TEXT, RECORD), Map({"x": (1, (1, 2))}), {"x": (1, (1, 2))}),
        (SeqT(BOOL), (True,), (True,)),
        (EnumT("Shape"), (0,), "point"),
        (EnumT("Shape"), (1, 4), ("circle", 4)),
        (Named("Box", (NAT,)), ((3,),), (3,)),
    ],
)
def test_python_form(t: Type, raw: Any, python: Any) -> None:
    assert to_python(PROGRAM, t, raw) == python
    assert from_python(PROGRAM, t, python) == raw


def test_records_have_named_fields() -> None:
    assert to_python(PROGRAM, RECORD, (4, (1, 2))).a == 4


@pytest.mark.parametrize(
    ("t", "python", "raw"),
    [
        (REAL, Decimal("0.1"), Fraction(1, 10)),
        (set_of(NAT), [2, 2, 1], make_set([1, 2])),
        (MapT(TEXT, NAT), {"a": 0, "b": 1}, Map({"b": 1})),
        (SeqT(NAT), [1, 2], (1, 2)),
        (RECORD, {"d": (1, 2)}, (0, (1, 2))),
        (Named("Tree"), {"below": {"x": {"label": "leaf"}}}, ("", Map({"x": ("leaf", Map())}))),
    ],
)
def test_other_python_forms_are_taken(t: Type, python: Any, raw: Any) -> None:
    assert from_python(PROGRAM, t, python) == raw


@pytest.mark.parametrize(
    ("t", "python", "kind", "message"),
    [
        (NAT, -1, ValueError, "a Nat is not negative, -1 is"),
        (TIME, -1, ValueError, "a Time is not negative, -1 is"),
        (INT, True, TypeError, r"expected Int (int), not True"),
        (BOOL, 1, TypeError, "expected Bool (bool), not 1"),
        (REAL, 0.5, TypeError, "expected Real (int or Fraction or Decimal), not 0.5"),
        (TEXT, b"x", TypeError, "expected Text (str), not b'x'"),
        (DOT, (1, 0), ValueError, "the numbers of dots count from 1, that of (1, 0) does not"),
        (DOT, (1, 2, 3), TypeError, "expected Dot ((replica, number)), not (1, 2, 3)"),
        (set_of(TEXT), "abc", TypeError, "expected Set[Text] (a set), not 'abc'"),
        (MapT(TEXT, NAT), [1], TypeError, "expected Map[Text, Nat] (a dict), not [1]"),
        (SeqT(NAT), {1}, TypeError, "expected Seq[Nat] (a list or tuple), not {1}"),
        (TupleT((NAT, NAT)), (1,), TypeError, "expected (Nat, Nat) (a tuple of 2), not (1,)"),
        (
            OptionType(OptionType(NAT)),
            1,
            TypeError,
            "expected Option[Option[Nat]] (None, or the inner option in a 1-tuple), not 1",
        ),
        (RECORD, {"a": 1}, ValueError, "field 'd' of { a: Nat, d: Dot } is missing, and Dot has no zero"),
        (RECORD, {"b": 1}, ValueError, "{ a: Nat, d: Dot } has no field 'b'; its fields are: a, d"),
        (RECORD, 3, TypeError, "expected { a: Nat, d: Dot } (a dict with keys among a, d), not 3"),
        (EnumT("Shape"), "square", ValueError, "Shape has no variant 'square'; it has: point, circle, named"),
        (EnumT("Shape"), "circle", ValueError, "variant `circle` of Shape holds 1 values, not 0"),
        (EnumT("Shape"), 3, TypeError, "expected Shape (the name of a variant, or (name, payload...)), not 3"),
    ],
)  # fmt: skip
def test_wrong_values_are_told_why(t: Type, python: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        from_python(PROGRAM, t, python)
    assert str(caught.value) == message
