"""Wrong designs are refuted by exploring them, by traces no longer than the prover's, which replay."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from mergelaw.explore import scenario
from mergelaw.explore.diagram import svg
from mergelaw.explore.model import HOLDS, REFUTED, Outcome, ScenarioError, Story
from mergelaw.explore.run import Arguments, explore
from mergelaw.laws.finder import Finder, Limits
from mergelaw.laws.model import Counterexample
from mergelaw.laws.obligations import obligations
from tests.checker.laws.test_broken import BROKEN, REPAIRED, TABLE, Wrong, program

designs = pytest.mark.parametrize("wrong", TABLE, ids=[w.file for w in TABLE])


def arguments(wrong: Wrong) -> Arguments:
    return Arguments(f"{BROKEN / wrong.file}.crdt:{wrong.type}", updates=max(wrong.refuted.values()))


@cache
def outcome(wrong_file: str) -> Outcome:
    return explore(arguments(next(w for w in TABLE if w.file == wrong_file)))


def story_of(wrong: Wrong) -> Story:
    story = outcome(wrong.file).story
    assert story is not None
    return story


@designs
def test_explore_broken_refutes_by_a_trace_no_longer_than_the_provers(wrong: Wrong) -> None:
    text = program(BROKEN / f"{wrong.file}.crdt")
    obligation = next(o for o in obligations(text, wrong.type) if o.name == wrong.fault)
    proved = Finder(text, wrong.type).refute(obligation, Limits(4, 3, 60.0))
    assert isinstance(proved, Counterexample)
    assert outcome(wrong.file).verdict == REFUTED
    story = story_of(wrong)
    assert (story.updates, len(story.rows)) <= (proved.updates, len(proved.timeline))
    assert len(story.rows) <= len(proved.timeline)


@designs
def test_explore_broken_counterexamples_are_saved_and_replay(wrong: Wrong, tmp_path: Path) -> None:
    story = story_of(wrong)
    scenario.write(tmp_path / "s.json", story, arguments(wrong), "spec")
    again = scenario.replay(scenario.read(tmp_path / "s.json"))
    assert again is not None
    assert again.violation == story.violation
    assert again.rows == story.rows


@designs
def test_explore_broken_counterexamples_are_drawn(wrong: Wrong) -> None:
    from xml.etree import ElementTree

    story = story_of(wrong)
    root = ElementTree.fromstring(svg(story, wrong.type))
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}circle")) == len(story.rows)
    assert story.violation.because in {t.text for t in root.iter(f"{space}text")}


@designs
def test_explore_broken_scenarios_hold_of_the_repaired_twins(wrong: Wrong, tmp_path: Path) -> None:
    """The steps that break the design break its twin no more, where the twin has the same updates."""
    story = story_of(wrong)
    if story.extra:
        pytest.skip("a theorem's scenario names the theorem of its own file")
    record = scenario.to_json(story, arguments(wrong), "spec")
    twin = program(REPAIRED / f"{wrong.file}.crdt")
    record["type"] = f"{REPAIRED / wrong.file}.crdt:{twin.main[-1]}"
    (tmp_path / "twin.json").write_text(json.dumps(record), encoding="utf-8")
    try:
        assert scenario.replay(scenario.read(tmp_path / "twin.json")) is None
    except ScenarioError:
        pytest.skip("the twin has other updates")


@pytest.mark.parametrize("path", sorted(REPAIRED.glob("*.crdt")), ids=lambda p: p.stem)
def test_explore_broken_twins_hold(path: Path) -> None:
    found = explore(Arguments(str(path), 2, 2))
    assert (found.verdict, found.stopped) == (HOLDS, "")


def test_explore_broken_scenario_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"format": 1}', encoding="utf-8")
    with pytest.raises(ScenarioError, match="no scenario"):
        scenario.read(tmp_path / "s.json")
    (tmp_path / "s.json").write_text("{", encoding="utf-8")
    with pytest.raises(ScenarioError, match="not JSON"):
        scenario.read(tmp_path / "s.json")
