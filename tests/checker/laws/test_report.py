"""What a report says: exit status, summary, claim, JSON."""

from __future__ import annotations

import pytest

from mergelaw.language.span import NOWHERE
from mergelaw.laws import report
from mergelaw.laws.model import Kind, Obligation, Result, Verdict
from mergelaw.laws.report import Recheck, Report, Status, TypeReport


def result(verdict: Verdict, name: str = "a", seconds: float = 0.002) -> Result:
    engine = "z3 5.4.1" if verdict is Verdict.PROVED else "finder"
    return Result(Obligation("T", Kind.THEOREM, name, None, NOWHERE), verdict, seconds, engine, "why")


def of(*verdicts: Verdict, rechecks: tuple[Recheck, ...] = ()) -> Report:
    results = tuple(result(v, f"t{i}") for i, v in enumerate(verdicts))
    return Report((TypeReport("T", "t.crdt", results),), 1.5, 0.25, rechecks, "cvc5 1.4.2")


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ((), Status.WRONG_INPUT),
        ((Verdict.PROVED,), Status.HOLDS),
        ((Verdict.PROVED, Verdict.BOUNDED), Status.HOLDS),
        ((Verdict.PROVED, Verdict.UNKNOWN), Status.UNKNOWN),
        ((Verdict.PROVED, Verdict.VACUOUS), Status.UNKNOWN),
        ((Verdict.UNKNOWN, Verdict.REFUTED), Status.REFUTED),
    ],
)
def test_report_status_is_that_of_the_worst_verdict(verdicts: tuple[Verdict, ...], status: Status) -> None:
    found = of(*verdicts)
    assert found.status is status
    assert report.claim(found)[0].startswith("Proved for all states") == (status is Status.HOLDS)


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        (["unsat", "unsat"], Status.HOLDS),
        (["unsat", "sat"], Status.REFUTED),
        (["unsat", "unknown"], Status.UNKNOWN),
        (["missing", "sat"], Status.REFUTED),
        (["no answer within 15 s"], Status.UNKNOWN),
    ],
)
def test_report_status_needs_every_recheck_to_confirm(answers: list[str], status: Status) -> None:
    rechecks = tuple(Recheck("T", f"t{i}", a, 0.01) for i, a in enumerate(answers))
    assert of(*[Verdict.PROVED] * len(answers), rechecks=rechecks).status is status


def test_report_sums_up_in_one_line() -> None:
    found = of(Verdict.PROVED, Verdict.PROVED, Verdict.BOUNDED)
    assert report.summary(found) == "1 type, 3 obligations: 2 proved, 0 refuted, 0 unknown, 1 bounded; 1.50 s"
    _, bounded, trusted = report.claim(found)
    assert bounded.startswith("Bounded means explored")
    assert trusted == "Trusted: the type checker, the encoding of obligations and z3 5.4.1."
    assert report.summary(of(Verdict.VACUOUS)).endswith("0 bounded, 1 vacuous; 1.50 s")


def test_report_table_lines_up() -> None:
    types = [TypeReport("ORSet", "f", (result(Verdict.PROVED),)), TypeReport("A", "f", (), cached=True)]
    assert report.table(types) == [
        "type   obligations  verdicts      time",
        "ORSet            1  1 proved    0.00 s",
        "A                0              cached",
    ]


def test_report_json_has_the_verdicts_and_why_not() -> None:
    found = of(Verdict.PROVED, Verdict.UNKNOWN, rechecks=(Recheck("T", "theorem t0", "unsat", 0.1),)).to_json()
    assert found == {
        "types": [
            {
                "name": "T",
                "file": "t.crdt",
                "obligations": [
                    {
                        "name": "theorem t0",
                        "kind": "theorem",
                        "verdict": "proved",
                        "seconds": 0.002,
                        "recheck": "unsat",
                    },
                    {"name": "theorem t1", "kind": "theorem", "verdict": "unknown", "seconds": 0.002, "detail": "why"},
                ],
            }
        ],
        "summary": {
            "types": 1,
            "obligations": 2,
            "proved": 1,
            "refuted": 0,
            "unknown": 1,
            "bounded": 0,
            "vacuous": 0,
            "rechecked": {"solver": "cvc5 1.4.2", "files": 1, "confirmed": 1},
        },
        "seconds": 1.5,
    }


def test_report_stats_name_median_and_slowest() -> None:
    results = tuple(result(Verdict.PROVED, n, s) for n, s in [("slow", 0.9), ("mid", 0.02), ("fast", 0.001)])
    lines = report.stats(Report((TypeReport("T", "f", results),), 1.0, 0.25))
    assert lines[1] == "obligations: median 20.0 ms, slowest 900 ms, total 0.92 s"
    assert lines[2] == "decided by: z3 5.4.1 3"
    assert lines[4].endswith("T: theorem slow")


def test_report_claims_no_confirmation_that_was_not_given() -> None:
    found = of(Verdict.PROVED, rechecks=(Recheck("T", "t0", "unknown", 0.1),))
    assert report.claim(found) == ["Proved, but cvc5 1.4.2 did not confirm 1 proof."]
