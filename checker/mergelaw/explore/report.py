"""What came out of an exploration, as text and as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mergelaw.explore.model import HOLDS, REFUTED, Outcome
from mergelaw.explore.story import told


def text(outcome: Outcome) -> str:
    """The outcome for a reader."""
    o = outcome
    b = o.bound
    lines = []
    if o.story is not None:
        lines += [told(o.type, o.story)]
    speed = f", {o.states / o.seconds:,.0f} a second" if o.seconds >= 1 else ""
    steps = f"{b.replicas} replicas, {b.updates} updates" + (f" of {b.calls} calls" if b.calls else "")
    lines.append(f"{o.type} on {o.on}: {o.verdict}")
    lines.append(f"  bound      {steps}; messages: {b.messages}; faults: {', '.join(b.faults) or 'none'}")
    lines.append(f"  looked at  {o.states:,} states, {o.transitions:,} transitions, {o.seconds:.2f} s{speed}")
    if o.executions:
        lines[-1] += f"; {o.executions:,} executions"
    lines.append(f"  checked    {'; '.join(_grouped(o.checks))}")
    lines += [f"  used       {used}" for used in o.used]
    if o.coverage is not None and o.verdict == HOLDS:
        met, cells = o.coverage.cells
        lines.append(f"  met        {met} of {cells} pairs of updates ran concurrently{_missed(outcome)}")
        never = [name for name, n in o.coverage.updates.items() if not n]
        if never:
            lines.append(f"  never ran  {', '.join(never)}: refused in every state reached, or no argument was found")
    if o.stopped:
        lines.append(f"  stopped    {o.stopped}; all is well up to {_depth(outcome)}")
    elif o.verdict == HOLDS:
        lines.append("  exhausted  the bound; of more updates or replicas it says nothing: `mergelaw verify` does")
    return "\n".join(lines)


def _grouped(checks: tuple[str, ...]) -> list[str]:
    """The checks with all theorems in one."""
    theorems = [c.removeprefix("theorem ") for c in checks if c.startswith("theorem ")]
    others = [c for c in checks if not c.startswith("theorem ")]
    if not theorems:
        return others
    return [*others, ("theorem " if len(theorems) == 1 else "theorems ") + ", ".join(theorems)]


def _missed(outcome: Outcome) -> str:
    coverage = outcome.coverage
    if coverage is None or not coverage.missed_cells:
        return ""
    shown = ", ".join(f"{a} ‖ {b}" for a, b in coverage.missed_cells[:5])
    more = len(coverage.missed_cells) - 5
    return f"; not: {shown}" + (f" and {more} more" if more > 0 else "")


def _depth(outcome: Outcome) -> str:
    unit = "update" if outcome.executions else "step"
    return f"{outcome.depth} {unit}" + ("" if outcome.depth == 1 else "s")


def to_json(outcome: Outcome, scenario: dict[str, Any] | None) -> dict[str, Any]:
    """The outcome as dicts, lists, strings and numbers; `scenario` is that of its counterexample."""
    o = outcome
    record: dict[str, Any] = {
        "type": o.type,
        "on": o.on,
        "verdict": o.verdict,
        "bound": asdict(o.bound),
        "states": o.states,
        "transitions": o.transitions,
        "executions": o.executions,
        "traces": o.traces,
        "depth": o.depth,
        "seconds": round(o.seconds, 3),
        "stopped": o.stopped or None,
        "checks": list(o.checks),
        "used": list(o.used),
        "coverage": None if o.coverage is None else asdict(o.coverage),
    }
    if o.story is not None:
        v = o.story.violation
        record["counterexample"] = {
            "check": v.check,
            "because": v.because,
            "states": [asdict(d) for d in v.details],
            "differs": list(v.differs),
            "timeline": [asdict(r) for r in o.story.rows],
            "scenario": scenario,
        }
    return record


def status(outcome: Outcome) -> int:
    """The exit status: 0 holds, 1 refuted, 3 unknown."""
    return {HOLDS: 0, REFUTED: 1}.get(outcome.verdict, 3)
