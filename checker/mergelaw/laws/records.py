"""Results as JSON and back, for what is kept between runs."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from mergelaw.language.span import Span
from mergelaw.laws.model import Counterexample, Kind, Obligation, Result, Shown, TimelineStep, Verdict

Json = dict[str, Any]


def result_to_json(result: Result) -> Json:
    """`result` as JSON without its SMT-LIB text, which lives in files of its own."""
    o, c = result.obligation, result.counterexample
    return {
        "type": o.type,
        "kind": o.kind.value,
        "subject": o.subject,
        "step": o.step,
        "span": _span_to_json(o.span),
        "bound": o.bound,
        "verdict": result.verdict.value,
        "seconds": result.seconds,
        "engine": result.engine,
        "detail": result.detail,
        "uses": list(result.uses),
        "counterexample": None if c is None else {**asdict(c), "span": _span_to_json(c.span)},
    }


def result_from_json(record: Json) -> Result:
    """The result that `result_to_json` was given, without its SMT-LIB text. Raises: KeyError, TypeError, ValueError."""
    obligation = Obligation(
        record["type"],
        Kind(record["kind"]),
        record["subject"],
        record["step"],
        _span_from_json(record["span"]),
        record["bound"],
    )
    c = record["counterexample"]
    return Result(
        obligation,
        Verdict(record["verdict"]),
        float(record["seconds"]),
        record["engine"],
        record["detail"],
        None if c is None else _counterexample(c),
        tuple(record["uses"]),
    )


def _counterexample(record: Json) -> Counterexample:
    assert set(record) == {f.name for f in fields(Counterexample)}, f"fields of a counterexample: {sorted(record)}"
    return Counterexample(
        **{
            **record,
            "states": tuple(Shown(**s) for s in record["states"]),
            "results": tuple(Shown(**s) for s in record["results"]),
            "differs": tuple(record["differs"]),
            "timeline": tuple(TimelineStep(**s) for s in record["timeline"]),
            "span": _span_from_json(record["span"]),
        }
    )


def _span_to_json(span: Span) -> list[str | int]:
    return [span.file, span.line, span.column, span.end_line, span.end_column]


def _span_from_json(record: list[Any]) -> Span:
    file, line, column, end_line, end_column = record
    return Span(file, line, column, end_line, end_column)
