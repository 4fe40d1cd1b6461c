"""Scenario files: a counterexample that replays with one command, on spec, replica and network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mergelaw.explore.checks import Checks
from mergelaw.explore.model import ScenarioError, Step, Story
from mergelaw.explore.plain import Plain, Setting
from mergelaw.explore.run import Arguments
from mergelaw.explore.select import subject
from mergelaw.explore.story import Replay
from mergelaw.explore.tables import Tables
from mergelaw.explore.theorems import Theorems

FORMAT = 1


@dataclass(frozen=True)
class Scenario:
    """What a scenario file holds."""

    arguments: Arguments
    on: str
    check: str
    because: str
    steps: tuple[Step, ...]
    extra: Mapping[str, Any]


def to_json(story: Story, arguments: Arguments, on: str) -> dict[str, Any]:
    """A counterexample as dicts, lists, strings and numbers; `from_json` reads it back."""
    return {
        "format": FORMAT,
        "type": arguments.spec,
        "on": on,
        "replicas": arguments.replicas,
        "updates": arguments.updates,
        "faults": list(arguments.faults),
        "causal": arguments.causal,
        "messages": arguments.messages,
        "check": story.violation.check,
        "because": story.violation.because,
        "steps": [_step_to_json(s) for s in story.steps],
        "extra": dict(story.extra),
    }


def from_json(record: Any) -> Scenario:
    """The scenario that `to_json` wrote. Raises: ScenarioError, if it is none."""
    try:
        if record["format"] != FORMAT:
            raise ScenarioError(f"the scenario has format {record['format']}, and this version reads {FORMAT}")
        arguments = Arguments(
            str(record["type"]),
            int(record["replicas"]),
            int(record["updates"]),
            tuple(record["faults"]),
            bool(record["causal"]),
            str(record["messages"]),
        )
        steps = tuple(_step_from_json(s) for s in record["steps"])
        return Scenario(arguments, record["on"], record["check"], record["because"], steps, record["extra"])
    except (KeyError, TypeError, ValueError) as problem:
        raise ScenarioError(f"this is no scenario: {type(problem).__name__} {problem}; save one by --save") from problem


def write(path: Path, story: Story, arguments: Arguments, on: str) -> None:
    """Saves a counterexample. Raises: OSError."""
    text = json.dumps(to_json(story, arguments, on), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> Scenario:
    """The scenario in a file. Raises: ScenarioError, OSError."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise ScenarioError(f"{path} is not JSON: {problem}") from problem
    return from_json(record)


def replay(scenario: Scenario) -> Story | None:
    """Runs a scenario on the spec: the story it tells if a check fails, None if all hold.

    Raises: ScenarioError, if a step cannot be made; ExploreError, SpecErrors, OSError.
    """
    arguments = scenario.arguments
    arguments.check()
    of = subject(arguments.spec)
    if "theorem" in scenario.extra:
        theorems = Theorems(
            of.program, of.type, arguments.replicas, calls=arguments.calls, causal=arguments.causal, given=of.given
        )
        try:
            return theorems.again(scenario.extra)
        except (KeyError, TypeError, ValueError) as problem:
            raise ScenarioError(f"the theorem of the scenario cannot be looked at: {problem}") from problem
    updates = max(arguments.updates, *(sum(s.do == "update" for s in scenario.steps), 1))
    tables = Tables(of.program, of.type, arguments.replicas, calls=arguments.calls, given=of.given)
    setting = Setting(updates, frozenset(arguments.faults), arguments.causal, arguments.messages == "states")
    run = Replay(Plain(tables, setting, Checks(tables)))
    violation = run.run(scenario.steps)
    if violation is None:
        return None
    system, state, rows = run.system, run.system.initial(), []
    for action in run.trace:
        rows.append(system.show(state, action))
        state = system.step(state, action)
    return Story(scenario.steps[: len(run.trace)], tuple(rows), violation)


def _step_to_json(step: Step) -> dict[str, Any]:
    found: dict[str, Any] = {"do": step.do, "at": step.at}
    if step.update is not None:
        found |= {"update": step.update, "args": list(step.args), "when": step.when}
    if step.delta is not None:
        found["delta"] = step.delta
    if step.source is not None:
        found["from"] = step.source
    return found | ({"more": dict(step.more)} if step.more else {})


def _step_from_json(record: Mapping[str, Any]) -> Step:
    return Step(
        str(record["do"]),
        int(record["at"]),
        record.get("update"),
        tuple(str(a) for a in record.get("args", ())),
        int(record.get("when", 0)),
        record.get("delta"),
        record.get("from"),
        record.get("more", {}),
    )
