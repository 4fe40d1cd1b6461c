"""Recipes: followed where they lead to a proof, and worth nothing where they do not."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from immutables import Map

from mergelaw.language import check_text
from mergelaw.laws import prover, recipes
from mergelaw.laws.finder import Finder, Limits
from mergelaw.laws.model import Obligation, Verdict
from mergelaw.laws.obligations import obligations
from mergelaw.laws.prove import SEARCH, decide

COUNTER = """
type Counter {
  state { counts: Map[Replica, Nat] }
  merge(a, b) = { counts = { r -> max(a.counts[r], b.counts[r]) } }
  update inc(n: Nat) by r = { counts[r] = counts[r] + n }
  query value: Nat = sum(counts)
  theorem grows(s: This, n: Nat, p: Replica): 0 < n => s.value < (s.inc(n) by p).value
  theorem shrinks(s: This, n: Nat, p: Replica): (s.inc(n) by p).value < s.value
}
"""
PROGRAM = check_text(COUNTER, "counter.crdt")


def named(name: str) -> Obligation:
    return next(o for o in obligations(PROGRAM, "Counter") if o.name == name)


def test_proof_is_found_again_by_its_recipe() -> None:
    for name in ("commutative", "theorem grows", "frame inc"):
        made = prover.prove(PROGRAM, named(name), texts=True)
        assert made.recipe is not None
        recipe = json.loads(json.dumps(made.recipe))
        assert prover._cooked(PROGRAM, named(name), recipe, 5_000) is not None
        assert prover.prove(PROGRAM, named(name), recipe=recipe).proved


@pytest.mark.parametrize(
    "recipe",
    [
        {"attempt": 0, "pieces": [[0, []]]},
        {"attempt": 0, "pieces": [[9, [0]]]},
        {"attempt": 99, "pieces": []},
        {"attempt": 0, "pieces": [[0, [10_000]]]},
        {"attempt": "0"},
        [],
        7,
    ],
)
def test_wrong_recipe_is_as_none(recipe: object) -> None:
    assert prover._cooked(PROGRAM, named("theorem grows"), recipe, 5_000) is None
    assert prover.prove(PROGRAM, named("theorem grows"), recipe=recipe).proved
    assert not prover.prove(PROGRAM, named("theorem shrinks"), recipe=recipe).proved


def test_recipe_of_another_obligation_proves_nothing_false() -> None:
    made = prover.prove(PROGRAM, named("theorem grows"), texts=True)
    finder = Finder(PROGRAM, "Counter")
    result = decide(PROGRAM, finder, named("theorem shrinks"), 5_000, SEARCH, recipe=made.recipe)
    assert result.verdict is Verdict.REFUTED


def test_witness_is_found_again_by_its_recipe() -> None:
    for name in ("witness grows", "witness laws"):
        finder = Finder(PROGRAM, "Counter")
        found = decide(PROGRAM, finder, named(name), 5_000, SEARCH, texts=True)
        recipe = json.loads(json.dumps(found.recipe))
        again = Finder(PROGRAM, "Counter").met_again(named(name), recipe, Limits())
        assert found.detail == f"met after {again} updates"


@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"calls": []},
        {"calls": [[1, "no", [], 0, 0]]},
        {"calls": [[1, "inc", [-1], 0, 0]]},
        {"calls": 3},
        None,
    ],
)
def test_wrong_recipe_of_a_witness_leads_nowhere(recipe: object) -> None:
    assert Finder(PROGRAM, "Counter").met_again(named("witness laws"), recipe, Limits()) is None


def test_recipe_for_a_state_is_none_for_the_premises_of_a_theorem() -> None:
    finder = Finder(PROGRAM, "Counter")
    decide(PROGRAM, finder, named("witness laws"), 5_000, SEARCH, texts=True)
    recipe = finder.recipe(named("witness laws"))
    assert recipe is not None
    assert finder.met_again(named("witness laws"), recipe, Limits()) == 1
    assert finder.met_again(named("witness grows"), recipe, Limits()) is None


def test_values_come_back_from_json() -> None:
    inner: Map[str, bool] = Map([("k", True)])
    outer: Map[tuple[int, int], Map[str, bool]] = Map([((1, 2), inner)])
    value = (1, "x", None, True, Fraction(1, 3), outer)
    assert recipes.from_json(json.loads(json.dumps(recipes.to_json(value)))) == value


def test_folder_without_recipes_has_none(tmp_path: Path) -> None:
    assert recipes.read(tmp_path) == {}
    (tmp_path / recipes.FILE).write_text("{")
    assert recipes.read(tmp_path) == {}
