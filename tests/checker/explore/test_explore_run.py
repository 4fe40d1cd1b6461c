"""Worker processes, checkpoints, limits and the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx
import pytest

from mergelaw.explore.model import HOLDS, UNKNOWN, ExploreError, Limits, Outcome, Progress
from mergelaw.explore.run import Arguments, explore
from tests.checker.cli.command import mergelaw

BROKEN = Path(__file__).resolve().parents[2] / "broken"


def counts(outcome: Outcome) -> tuple[Any, ...]:
    return (
        outcome.verdict,
        outcome.states,
        outcome.transitions,
        outcome.executions,
        outcome.depth,
        outcome.coverage,
    )


@pytest.mark.parametrize("name", ["ORSet", "List"])
def test_explore_run_counts_the_same_on_several_processes(name: str) -> None:
    arguments = Arguments(name, 2, 3, theorems=False)
    assert counts(explore(replace(arguments, jobs=2))) == counts(explore(arguments))


def test_explore_run_finds_the_same_on_several_processes() -> None:
    arguments = Arguments(str(BROKEN / "below_zero.crdt"), updates=3)
    assert explore(replace(arguments, jobs=2)).story == explore(arguments).story


def test_explore_run_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    whole = Arguments("ORSet", 2, 4, theorems=False)
    saved = replace(whole, checkpoint=tmp_path / "c.json")

    def interrupt(progress: Progress) -> None:
        if progress.depth == 2:
            raise KeyboardInterrupt

    first = explore(replace(saved, watch=interrupt))
    assert (first.verdict, first.stopped, first.depth) == (UNKNOWN, "interrupted", 2)
    looked: list[int] = []
    resumed = explore(replace(saved, watch=lambda progress: looked.append(progress.depth)))
    assert counts(resumed) == counts(explore(whole))
    assert min(looked) == 2
    with pytest.raises(ExploreError, match="another search"):
        explore(replace(saved, spec="GSet"))


def test_explore_run_out_of_memory_or_time_is_unknown_and_says_how_far_it_holds() -> None:
    little = explore(Arguments("ORSet", limits=Limits(memory_mb=1)))
    assert little.verdict == UNKNOWN
    assert "--memory" in little.stopped
    late = explore(Arguments("Hash", 3, 9, limits=Limits(seconds=0.2)))
    assert (late.verdict, late.story) == (UNKNOWN, None)
    assert "out of time" in late.stopped
    assert late.depth < 9


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"faults": ("flood",)}, "there are: reorder"),
        ({"messages": "letters"}, "deltas or states"),
        ({"replicas": 0}, "--replicas"),
        ({"updates": 99}, "--updates"),
        ({"spec": "ORSett"}, "ORSet"),
        ({"traces": True}, "--traces"),
        ({"jobs": 2, "reduce": False}, "--jobs"),
    ],
)
def test_explore_run_tells_what_is_wrong_with_its_input(wrong: dict[str, Any], hint: str) -> None:
    with pytest.raises(ExploreError, match=hint):
        explore(replace(Arguments("ORSet"), **wrong))


# -- the command -----------------------------------------------------------------------------------


def test_explore_command_holds(tmp_path: Path) -> None:
    run = mergelaw("explore", "ORSet", "--replicas", "2", "--json", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    record = json.loads(run.stdout)
    assert (record["verdict"], record["depth"], record["stopped"]) == (HOLDS, 3, None)
    assert record["bound"]["faults"] == ["reorder", "duplicate", "drop", "partition", "sync", "clock"]
    assert record["states"] > 1
    assert "counterexample" not in record


def test_explore_command_refutes_draws_saves_and_replays(tmp_path: Path) -> None:
    files = ("--save", "s.json", "--svg", "s.svg", "--graph", "g.graphml")
    run = mergelaw("explore", BROKEN / "below_zero.crdt", *files, cwd=tmp_path)
    assert run.returncode == 1, run.stderr
    assert "refuted  Stock: invariant never_negative   (3 updates, 2 instances)" in run.stdout
    assert "| Time | Instance 1" in run.stdout
    again = mergelaw("explore", "--replay", "s.json", cwd=tmp_path)
    assert again.returncode == 1, again.stderr
    table = [line for line in run.stdout.splitlines() if line.startswith("  |")]
    assert table == [line for line in again.stdout.splitlines() if line.startswith("  |")]
    assert ElementTree.parse(tmp_path / "s.svg").getroot().tag.endswith("svg")
    assert len(networkx.read_graphml(tmp_path / "g.graphml")) > 1


def test_explore_command_exits_2_for_wrong_input_and_3_out_of_time(tmp_path: Path) -> None:
    for words, hint in [
        (("explore",), "name a type"),
        (("explore", "ORSett"), "ORSet"),
        (("explore", "ORSet", "--faults", "flood"), "there is no fault `flood`"),
        (("explore", "ORSet", "--on", "moon"), "--on is spec"),
        (("explore", "nowhere.crdt"), "nowhere.crdt"),
        (("explore", "--replay", "nowhere.json"), "nowhere.json"),
    ]:
        run = mergelaw(*words, cwd=tmp_path)
        assert (run.returncode, run.stdout) == (2, "")
        assert hint in run.stderr
    (tmp_path / "wrong.crdt").write_text("type {", encoding="utf-8")
    assert mergelaw("explore", "wrong.crdt", cwd=tmp_path).returncode == 2
    late = mergelaw("explore", "Hash", "--until-stopped", "--seconds", "0.5", cwd=tmp_path)
    assert late.returncode == 3
    assert "all is well up to" in late.stdout


def test_explore_command_without_reductions_and_by_traces(tmp_path: Path) -> None:
    plain = mergelaw("explore", "ORSet", "--replicas", "2", "--updates", "2", "--no-reduce", cwd=tmp_path)
    assert plain.returncode == 0, plain.stderr
    assert "every interleaving" in plain.stdout
    traced = mergelaw("explore", "ORSet", "--replicas", "2", "--updates", "2", "--traces", "--json", cwd=tmp_path)
    assert traced.returncode == 0, traced.stderr
    record = json.loads(traced.stdout)
    assert record["traces"] == record["executions"] > 0
