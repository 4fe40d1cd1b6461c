"""What `--type` names is checked and proved before it is served."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mergelaw.cli import types_served as module
from mergelaw.cli.types_served import NotServed, types_served
from mergelaw.commands.custom import Refused
from mergelaw.laws.report import Status
from mergelaw.semantics.context import EMPTY

ROOT = Path(__file__).resolve().parents[3]
NEWCOMER = ROOT / "tests" / "spec" / "newcomer"
BROKEN = ROOT / "tests" / "broken"

LABELS = """\
import DotSet from "kernel/dot_set.crdt"
import Max from "kernel/max.crdt"

// Labels, and the greatest number that any of them had.
store Labels {
  state { labels: Map[Text, DotSet], most: Max }

  update put(label: Text, n: Nat) at d = { labels[label] = {d}, most = max(most, n) }
  update take(label: Text) = { forget labels[label] }

  query labelled: Set[Text] = { k where labels[k] != {} }
  query greatest_ever: Nat = most
}
"""


def refused(*words: str | Path) -> NotServed:
    with pytest.raises(NotServed) as caught:
        types_served([str(word) for word in words])
    return caught.value


def test_proved_types_are_served() -> None:
    words = [NEWCOMER / "cart.crdt", NEWCOMER / "bounded_counter.crdt", "GCounter", "ORSet"]
    found = types_served([str(word) for word in words])
    assert [(t.name, t.prefix, t.deletes_by) for t in found] == [
        ("Cart", "CART", "clear"),
        ("BoundedCounter", "BOUNDEDCOUNTER", None),
        ("GCounter", "GCOUNTER", None),
        ("ORSet", "ORSET", "clear"),
    ]
    for t in found:
        assert t.engine.type.name == t.name
        assert t.engine.dots(t.engine.zero()) == frozenset()


def test_nothing_is_nothing() -> None:
    assert types_served([]) == ()


def test_a_proved_delete_is_added_to_a_store() -> None:
    (flag,) = types_served([str(NEWCOMER / "enable_wins_flag.crdt")])
    assert flag.deletes_by == "delete"
    on = flag.engine.update("enable", flag.engine.zero(), EMPTY, (), 1, ((1, 1),), 0)
    off = flag.engine.update("delete", on.value, on.context, (), 1, ((1, 2),), 0)
    assert flag.engine.apply(on.value, on.context, off) == flag.engine.zero()


def test_a_delete_that_leaves_something_is_not_added(tmp_path: Path) -> None:
    file = tmp_path / "labels.crdt"
    file.write_text(LABELS)
    (labels,) = types_served([str(file)])
    assert labels.deletes_by is None
    with pytest.raises(Refused, match="not proved that nothing is left of it where all its dots are forgotten"):
        labels.engine.update("delete", labels.engine.zero(), EMPTY, (), 1, ((1, 1),), 0)


def test_what_was_proved_once_is_served_at_once() -> None:
    words = [str(NEWCOMER / "enable_wins_flag.crdt")]
    types_served(words)
    started = time.perf_counter()
    with pytest.MonkeyPatch.context() as patch:
        # Nothing is proved a second time.
        patch.setattr(module, "Pool", None)
        types_served(words)
    assert time.perf_counter() - started < 5


def test_a_file_may_declare_many_types(tmp_path: Path) -> None:
    counter = (ROOT / "spec/mergelaw/types/classics/g_counter.crdt").read_text()
    file = tmp_path / "two.crdt"
    file.write_text(counter.replace("GCounter", "Ups") + "\n" + counter.replace("GCounter", "Downs"))
    assert [t.name for t in types_served([str(file)])] == ["Downs"]
    assert [t.name for t in types_served([f"{file}:Ups", str(file)])] == ["Ups", "Downs"]
    assert "no type 'Upps'; did you mean Ups?" in str(refused(f"{file}:Upps"))


def test_types_beside_one_that_is_not_proved_are_served(tmp_path: Path) -> None:
    file = tmp_path / "two.crdt"
    counter = (ROOT / "spec/mergelaw/types/classics/g_counter.crdt").read_text()
    file.write_text((BROKEN / "average.crdt").read_text() + "\n" + counter)
    assert [t.name for t in types_served([str(file)])] == ["GCounter"]
    assert refused(f"{file}:Mean").status is Status.REFUTED


def test_arguments_of_types() -> None:
    (orset,) = types_served(["ORSet[(Text, Nat)]"])
    assert str(orset.engine.type) == "ORSet[(Text, Nat)]"


def test_an_unproved_type_is_refused_unless_asked_for() -> None:
    file = BROKEN / "average.crdt"
    problem = refused(file)
    assert problem.status is Status.REFUTED
    text = str(problem)
    assert "Mean is not proved, so it is not served" in text
    assert "refuted  Mean: associative" in text
    assert "mergelaw verify" in text and str(file.name) in text
    (mean,) = types_served([str(file)], unproved=True)
    assert mean.name == "Mean"


def test_a_type_that_rests_on_an_unproved_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mean.crdt").write_text((BROKEN / "average.crdt").read_text())
    file = tmp_path / "means.crdt"
    file.write_text(
        'import Mean from "mean.crdt"\n\ntype Means {\n  state { by_name: Map[Text, Mean] }\n\n'
        "  query named(name: Text): Mean = by_name[name]\n}\n"
    )
    problem = refused(file)
    assert problem.status is Status.REFUTED
    assert "refuted  Mean: associative" in str(problem)


def test_errors_of_a_spec_have_carets(tmp_path: Path) -> None:
    file = tmp_path / "wrong.crdt"
    file.write_text(
        'import Max from "kernel/max.crdt"\n'
        "type Wrong {\n  state { n: Max }\n  query one: Nat = m\n  query two: Text = n\n}\n"
    )
    problem = refused(file)
    assert problem.status is Status.WRONG_INPUT
    lines = str(problem).splitlines()
    assert lines[0] == f"{file}:4:20: error ML201: " + lines[0].partition("error ML201: ")[2]
    assert lines[2].strip(" |") == "^"
    assert "ML301" in str(problem)


def test_a_syntax_error_of_an_imported_file(tmp_path: Path) -> None:
    (tmp_path / "part.crdt").write_text("type Part {\n  state { n: Nat\n}\n")
    file = tmp_path / "whole.crdt"
    file.write_text('import Part from "part.crdt"\n\ntype Whole {\n  state { part: Part }\n}\n')
    problem = refused(file)
    assert problem.status is Status.WRONG_INPUT
    assert "part.crdt:" in str(problem) and "^" in str(problem)


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("gone.crdt", "there is no file gone.crdt"),
        ("folder/gone.crdt:Cart", "there is no file folder/gone.crdt"),
        ("folder/cart", "ends in .crdt"),
        ("GCountr", "no type 'GCountr'; did you mean GCounter?"),
        ("Hash", "`hash` already; give Hash another name"),
        ("", "no type ''"),
        (str(NEWCOMER / "cart.crdt") + ":", "a type should follow the colon"),
        (str(NEWCOMER / "cart.crdt") + ":Kart", "no type 'Kart'; did you mean Cart?"),
    ],
)
def test_wrong_words(word: str, why: str) -> None:
    problem = refused(word)
    assert problem.status is Status.WRONG_INPUT
    assert str(problem).startswith("error: --type") and why in str(problem)


def test_a_file_without_types(tmp_path: Path) -> None:
    file = tmp_path / "none.crdt"
    file.write_text("fun twice(n: Nat): Nat = n + n\n")
    assert "declares no type" in str(refused(file))


def test_two_types_of_one_name(tmp_path: Path) -> None:
    file = tmp_path / "own.crdt"
    file.write_text((ROOT / "spec/mergelaw/types/classics/g_counter.crdt").read_text())
    problem = refused("GCounter", file)
    assert problem.status is Status.WRONG_INPUT
    assert "commands of the same name" in str(problem)
