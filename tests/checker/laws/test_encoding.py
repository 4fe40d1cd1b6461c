"""The logic that obligations are encoded in: instances of universals, and texts that are the same every time."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from mergelaw.language import check_file
from mergelaw.language.core import Program
from mergelaw.laws import smt
from mergelaw.laws.memo import per_program
from mergelaw.laws.obligations import ONE_PLACE, obligations
from mergelaw.laws.prover import attempts, encodings
from mergelaw.laws.smt import INT, TRUE, Term
from mergelaw.laws.sources import library
from mergelaw.laws.symbolic import Logic


def number(n: int) -> Term:
    return smt.integer(n)


def test_every_row_of_ground_values_is_instantiated_once() -> None:
    logic = Logic(max_level=0)
    rows: list[tuple[str, ...]] = []

    def body(a: Term, b: Term, c: Term) -> Term:
        rows.append((a.name, b.name, c.name))
        if a is number(1):
            # Some are found on the way, some are too deep for now.
            logic.ground("B", number(12))
            logic.ground("A", number(3))
            logic.level = 0
            logic.ground("C", number(22), level=1)
        return TRUE

    logic.universal(["A", "B", "C"], body)
    for t, n in (("A", 1), ("A", 2), ("B", 11), ("C", 21)):
        logic.ground(t, number(n))
    logic.saturate()
    assert sorted(rows) == sorted(product(("1", "2", "3"), ("11", "12"), ("21",)))
    logic.max_level = 1
    logic.saturate()
    assert sorted(rows) == sorted(product(("1", "2", "3"), ("11", "12"), ("21", "22")))


def test_a_ground_value_that_is_found_less_deep_later_is_instantiated() -> None:
    logic = Logic(max_level=0)
    rows: list[str] = []
    logic.universal(["A"], lambda a: rows.append(a.name) or TRUE)  # type: ignore[func-returns-value]
    logic.ground("A", number(1), level=1)
    logic.ground("A", number(2))
    logic.saturate()
    assert rows == ["2"]
    logic.ground("A", number(1))
    logic.saturate()
    assert rows == ["2", "1"]


def test_terms_made_aside_leave_no_trace() -> None:
    smt.reset()
    a = smt.const("a", INT)
    with smt.aside():
        assert smt.const("a", INT) is not a
        b = smt.const("b", INT)
    assert smt.const("a", INT) is a
    assert smt.const("b", INT) is not b


def test_a_text_does_not_depend_on_what_was_encoded_before() -> None:
    # On the way to the first text, the updates of JSON's parts are looked into; later it is known what they do.
    program = replace(check_file(library() / "json.crdt"))
    o = next(o for o in obligations(program, "JSON") if o.name == f"compatible {ONE_PLACE} by delta of edit")

    def texts() -> list[str]:
        return [e.script() for e in encodings(program, o, attempts(program, o)[0])]

    first = texts()
    assert first
    assert texts() == first


def test_results_are_remembered_for_the_program_they_are_about() -> None:
    asked: list[str] = []

    @per_program
    def looked_up(program: Program, name: str) -> bool:
        asked.append(name)
        return name in program.types

    one, other = Program({}, {}, {}, ()), Program({}, {}, {}, ())
    assert [looked_up(one, "A"), looked_up(one, "A"), looked_up(other, "A"), looked_up(one, "B")] == [False] * 4
    assert asked == ["A", "A", "B"]
