"""Literals: what they look like, that they read back, and what wrong ones are told."""

from __future__ import annotations

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
    REPLICA,
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
from mergelaw.semantics.literals import LiteralError, read, show
from mergelaw.semantics.values import make_set
from tests.spec.semantics.programs import PROGRAM
from tests.spec.semantics.strategies import types_of, values_of


@given(types_of(PROGRAM), st.data())
def test_what_is_shown_reads_back(t: Type, data: st.DataObject) -> None:
    value = data.draw(values_of(PROGRAM, t))
    text = show(PROGRAM, t, value)
    assert read(PROGRAM, t, text) == value
    assert show(PROGRAM, t, read(PROGRAM, t, text)) == text


SHOWN: list[tuple[Type, Any, str]] = [
    (BOOL, True, "true"),
    (INT, -3, "-3"),
    (TIME, 17, "17"),
    (REPLICA, 2, "2"),
    (DOT, (1, 2), "1.2"),
    (REAL, Fraction(1, 8), "0.125"),
    (REAL, Fraction(-5, 2), "-2.5"),
    (REAL, Fraction(-1, 20), "-0.05"),
    (REAL, 3, "3"),
    (REAL, Fraction(1, 3), "1/3"),
    (TEXT, 'a"\n\u00e9', '"a\\"\\n\u00e9"'),
    (OptionType(NAT), (0,), "some(0)"),
    (OptionType(NAT), None, "none"),
    (TupleT((TIME, REPLICA)), (5, 1), "(5, 1)"),
    (SeqT(NAT), (1, 2), "[1, 2]"),
    (set_of(TEXT), make_set(["b", "a"]), '{"a", "b"}'),
    (MapT(TEXT, set_of(DOT)), Map({"x": make_set([(1, 2)])}), '{"x": {1.2}}'),
    (RecordT((("a", NAT), ("b", TEXT))), (0, "x"), '{ b = "x" }'),
    (RecordT((("a", NAT), ("b", TEXT))), (0, ""), "{}"),
    (EnumT("Shape"), (0,), "point"),
    (EnumT("Shape"), (2, "n", (3, 4)), 'named("n", 3.4)'),
    (Named("Tree"), ("", Map({"l": ("leaf", Map())})), '{ below = {"l": { label = "leaf" }} }'),
    (Named("Box", (set_of(NAT),)), ((make_set([]),),), "{ item = some({}) }"),
]


@pytest.mark.parametrize(("t", "value", "text"), SHOWN)
def test_shown_and_read(t: Type, value: Any, text: str) -> None:
    assert show(PROGRAM, t, value) == text
    assert read(PROGRAM, t, text) == value


@pytest.mark.parametrize(
    ("t", "text", "value"),
    [
        (MapT(TEXT, NAT), ' { "b" : 2,"a":1 , "c": 0 } ', Map({"a": 1, "b": 2})),
        (RecordT((("a", NAT), ("b", NAT))), "{b=1,a=2}", (2, 1)),
        (NAT, "{}", 0),
        (REAL, "0.50", Fraction(1, 2)),
        (SeqT(NAT), "[ ]", ()),
    ],
)
def test_other_spellings_are_read(t: Type, text: str, value: Any) -> None:
    assert read(PROGRAM, t, text) == value


@pytest.mark.parametrize(
    ("t", "text", "message"),
    [
        (NAT, "-1", "column 1 of `-1`: `-1` is no Nat; found `-1`"),
        (NAT, "1.5", "column 1 of `1.5`: `1.5` is no Nat; found `1.5`"),
        (NAT, "1 2", "column 3 of `1 2`: the literal should end here; found `2`"),
        (NAT, "", "column 1 of ``: a whole number should stand here; found the end"),
        (REAL, "1/0", "column 1 of `1/0`: division by zero; found `1/0`"),
        (
            DOT,
            "1.0",
            "column 1 of `1.0`: `1.0` is no dot; 1.2 is number 2 of replica 1, numbers count from 1; found `1.0`",
        ),
        (REPLICA, "{}", "column 1 of `{}`: {} is no Replica: it has no zero; found `{`"),
        (set_of(NAT), "{1 2}", "column 4 of `{1 2}`: `,` should stand here; found `2`"),
        (MapT(NAT, NAT), "{1}", "column 3 of `{1}`: `:` should stand here; found `}`"),
        (TupleT((NAT, NAT)), "(1)", "column 3 of `(1)`: `,` should stand here; found `)`"),
        (
            RecordT((("a", NAT), ("b", NAT))),
            "{ c = 1 }",
            "column 3 of `{ c = 1 }`: a field should stand here: one of a, b; found `c`",
        ),
        (
            RecordT((("a", NAT), ("r", REPLICA))),
            "{ a = 1 }",
            "column 10 of `{ a = 1 }`: field `r` is missing, and Replica has no zero; found the end",
        ),
        (
            EnumT("Shape"),
            "square",
            "column 1 of `square`: a Shape should stand here: one of point, circle, named; found `square`",
        ),
        (TEXT, '"\\q"', 'column 1 of `"\\q"`: no text: Invalid \\escape; found `"\\q"`'),
        (TEXT, "'a'", "column 1 of `'a'`: `'` starts no literal"),
    ],
)
def test_wrong_literals_are_told_where_and_why(t: Type, text: str, message: str) -> None:
    with pytest.raises(LiteralError) as caught:
        read(PROGRAM, t, text)
    assert str(caught.value) == message
