"""What a verification says in sum: counts, exit status, lines of text and JSON."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from mergelaw.laws.model import Result, Verdict

SLOWEST_SHOWN = 10


class Status(IntEnum):
    """Exit status of the commands that judge."""

    HOLDS = 0
    REFUTED = 1
    WRONG_INPUT = 2
    UNKNOWN = 3


@dataclass(frozen=True)
class TypeReport:
    """The verdicts on the obligations of one type."""

    name: str
    file: str
    results: tuple[Result, ...]
    cached: bool = False
    """Whether they are those of an earlier run on the same texts."""

    @property
    def seconds(self) -> float:
        """What the verdicts cost when they were found."""
        return sum(r.seconds for r in self.results)

    def count(self, *verdicts: Verdict) -> int:
        """How many obligations have one of `verdicts`."""
        return sum(r.verdict in verdicts for r in self.results)


@dataclass(frozen=True)
class Recheck:
    """What a second solver said of one proof file."""

    type: str
    obligation: str
    answer: str
    """`unsat` confirms the proof, `sat` contradicts it; all else leaves it open, and says why."""
    seconds: float


@dataclass(frozen=True)
class Report:
    """All that one command found."""

    types: tuple[TypeReport, ...]
    seconds: float
    """Wall time."""
    parse_s: float = 0.0
    """Of which parsing and type checking."""
    rechecks: tuple[Recheck, ...] = ()
    rechecked_by: str = ""
    rests_on: tuple[str, ...] = ()
    """Types of the library whose laws were taken for granted, as they were not to be verified."""

    @property
    def results(self) -> list[Result]:
        """The results of all types."""
        return [r for t in self.types for r in t.results]

    @property
    def counts(self) -> Counter[Verdict]:
        """How many obligations have which verdict."""
        return Counter(r.verdict for r in self.results)

    @property
    def status(self) -> Status:
        """HOLDS iff every obligation is proved or bounded, and no proof was contradicted or left open by a recheck."""
        counts, answers = self.counts, {r.answer for r in self.rechecks}
        if not self.results:
            return Status.WRONG_INPUT
        if counts[Verdict.REFUTED] or "sat" in answers:
            return Status.REFUTED
        if counts[Verdict.UNKNOWN] or counts[Verdict.VACUOUS] or answers - {"unsat"}:
            return Status.UNKNOWN
        return Status.HOLDS

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        answers = {(r.type, r.obligation): r.answer for r in self.rechecks}
        summary: dict[str, Any] = {"types": len(self.types), "obligations": len(self.results)}
        summary |= {v.value: self.counts[v] for v in Verdict}
        if self.rechecks:
            summary["rechecked"] = {
                "solver": self.rechecked_by,
                "files": len(self.rechecks),
                "confirmed": sum(r.answer == "unsat" for r in self.rechecks),
            }
        if self.rests_on:
            summary["rests_on"] = list(self.rests_on)
        return {
            "types": [
                {
                    "name": t.name,
                    "file": t.file,
                    "obligations": [_obligation_json(r, answers.get((t.name, r.obligation.name))) for r in t.results],
                }
                for t in self.types
            ],
            "summary": summary,
            "seconds": round(self.seconds, 3),
        }


def _obligation_json(result: Result, recheck: str | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "name": result.obligation.name,
        "kind": result.obligation.kind.value,
        "verdict": result.verdict.value,
        "seconds": round(result.seconds, 6),
    }
    if result.verdict is not Verdict.PROVED and result.detail:
        record["detail"] = result.detail
    if result.counterexample is not None:
        from mergelaw.laws.timeline import to_json

        record["counterexample"] = to_json(result.counterexample)
    if recheck is not None:
        record["recheck"] = recheck
    return record


def columns(types: Iterable[TypeReport]) -> list[tuple[str, str, str, str]]:
    """The table as text: type, obligations, verdict counts, seconds."""
    return [(t.name, str(len(t.results)), verdicts(t), "cached" if t.cached else f"{t.seconds:.2f} s") for t in types]


def verdicts(t: TypeReport) -> str:
    """`12 proved, 1 refuted`: the verdicts that occur, in the order of `Verdict`."""
    return ", ".join(f"{n} {v.value}" for v in Verdict if (n := t.count(v)))


def table(types: Sequence[TypeReport]) -> list[str]:
    """The table in plain lines."""
    rows = [("type", "obligations", "verdicts", "time"), *columns(types)]
    name, number, verdict = (max(len(r[i]) for r in rows) for i in range(3))
    return [f"{a:<{name}}  {b:>{number}}  {c:<{verdict}}  {d:>8}".rstrip() for a, b, c, d in rows]


def summary(report: Report) -> str:
    """`12 types, 300 obligations: 299 proved, 1 refuted, 0 unknown, 0 bounded; 2.1 s`."""
    counts = report.counts
    shown = [Verdict.PROVED, Verdict.REFUTED, Verdict.UNKNOWN, Verdict.BOUNDED]
    if counts[Verdict.VACUOUS]:
        shown.append(Verdict.VACUOUS)
    cached = sum(t.cached for t in report.types)
    return (
        f"{_number(len(report.types), 'type')}, {_number(len(report.results), 'obligation')}: "
        + ", ".join(f"{counts[v]} {v.value}" for v in shown)
        + f"; {report.seconds:.2f} s"
        + (f" ({_number(cached, 'type')} unchanged since an earlier run)" if cached else "")
    )


def claim(report: Report) -> list[str]:
    """What may be concluded from the verdicts, and what has to be trusted for it."""
    if report.status is Status.WRONG_INPUT:
        return ["Nothing was proved: there is no obligation."]
    if report.status is not Status.HOLDS:
        open_ = sum(r.answer != "unsat" for r in report.rechecks)
        if open_ and not any(r.verdict not in (Verdict.PROVED, Verdict.BOUNDED) for r in report.results):
            return [f"Proved, but {report.rechecked_by} did not confirm {_number(open_, 'proof')}."]
        verdict = "Not lawful as it stands" if report.counts[Verdict.REFUTED] else "Not all of it is proved"
        return [f"{verdict}: only what is proved holds for all states and any number of replicas."]
    lines = ["Proved for all states, any number of replicas, and deltas that are lost, doubled, late or out of order."]
    if report.counts[Verdict.BOUNDED]:
        lines.append("Bounded means explored up to the bound that the spec names, and not proved.")
    if report.rests_on:
        lines.append(f"Rests on the library's {_and(report.rests_on)}, which `mergelaw verify` proves.")
    trusted = ["the type checker", "the encoding of obligations"]
    if report.rechecks:
        files = _number(len(report.rechecks), "proof file")
        lines.append(f"{report.rechecked_by} proved all {files} again, from the files alone.")
        trusted.append("one of the two solvers")
    else:
        engines = {r.engine for r in report.results if r.verdict is Verdict.PROVED}
        trusted += sorted(e for e in engines if e.startswith("z3"))
    return [*lines, f"Trusted: {_and(trusted)}."]


def stats(report: Report) -> list[str]:
    """Where the time went: totals, median and slowest obligations."""
    results = report.results
    if not results:
        return []
    milliseconds = sorted((1000 * r.seconds for r in results), reverse=True)
    engines = Counter(r.engine for r in results)
    slowest = sorted(results, key=lambda r: -r.seconds)[:SLOWEST_SHOWN]
    return [
        f"wall {report.seconds:.2f} s; parsing and type checking {report.parse_s:.2f} s",
        f"obligations: median {statistics.median(milliseconds):.1f} ms, slowest {milliseconds[0]:.0f} ms, "
        f"total {sum(milliseconds) / 1000:.2f} s",
        "decided by: " + ", ".join(f"{engine} {n}" for engine, n in engines.most_common()),
        "slowest:",
        *(f"  {1000 * r.seconds:8.1f} ms  {r.obligation.type}: {r.obligation.name}" for r in slowest),
    ]


def _number(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
