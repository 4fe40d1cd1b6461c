"""Counterexamples as text and as plain data."""

from __future__ import annotations

from mergelaw.language.span import Span
from mergelaw.laws.model import Counterexample, Obligation, Shown, TimelineStep


def draw(counterexample: Counterexample, obligation: Obligation, verdict: str = "refuted") -> str:
    """The counterexample as a Markdown table with a column for each instance, and what it shows below.

    A row is one step: above all what an instance does, after `→` only what that changed in its state.
    """
    c = counterexample
    lines = [
        f"{verdict}  {obligation.type}: {obligation.name}   ({_size(c)})",
        f"  {_sentence(c.because)}",
    ]
    if c.timeline:
        lines += ["", *("  " + row for row in _table(c.timeline))]
    if c.states:
        lines += ["", *_listed(c.states)]
    if c.results:
        lines += ["", *_listed(c.results)]
    if c.differs:
        lines += ["", f"  They differ at {', '.join(c.differs)}."]
    if c.rule:
        lines += ["", f"  rule {c.rule}"]
    lines += ["", f"  {c.span}"]
    return "\n".join(lines) + "\n"


def to_json(counterexample: Counterexample) -> dict[str, object]:
    """The counterexample as dicts, lists, strings and numbers."""
    c = counterexample
    return {
        "because": c.because,
        "rule": c.rule,
        "span": _span(c.span),
        "updates": c.updates,
        "replicas": c.replicas,
        "timeline": [{"instance": s.instance, "action": s.action, "change": s.change} for s in c.timeline],
        "states": [{"label": s.label, "literal": s.literal} for s in c.states],
        "results": [{"label": s.label, "literal": s.literal} for s in c.results],
        "differs": list(c.differs),
    }


def _table(steps: tuple[TimelineStep, ...]) -> list[str]:
    instances = sorted({s.instance for s in steps})
    rows = [["Time", *(f"Instance {i}" for i in instances)]]
    for number, step in enumerate(steps, 1):
        cell = _cell(step)
        rows.append([f"t{number}", *(cell if i == step.instance else "" for i in instances)])
    widths = [max(len(r[column]) for r in rows) for column in range(len(rows[0]))]
    rows.insert(1, ["-" * w for w in widths])
    return ["| " + " | ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) + " |" for r in rows]


def _cell(step: TimelineStep) -> str:
    """Pipes would end the cell, so they are escaped as Markdown has it."""
    written = f"{step.action} → {step.change}" if step.change else f"{step.action} (no change)"
    return written.replace("|", "\\|")


def _listed(values: tuple[Shown, ...]) -> list[str]:
    width = max(len(v.label) for v in values)
    return [f"  {v.label.ljust(width)} = {v.literal}" for v in values]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _size(c: Counterexample) -> str:
    return f"{_count(c.updates, 'update')}, {_count(c.replicas, 'instance')}"


def _span(span: Span) -> dict[str, object]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
