"""`mergelaw new`: the first version is well formed, refuted, and mended as its comment says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergelaw.cli.new import file_name
from tests.checker.cli.command import mergelaw

MENDS = [
    ("state { total: Nat }", "state { counts: Map[Replica, Nat] }"),
    ("{ total = max(a.total, b.total) }", "{ counts = { r -> max(a.counts[r], b.counts[r]) } }"),
    ("{ total = total + n }", "{ counts[r] = counts[r] + n }"),
    ("query value: Nat = total", "query value: Nat = sum(counts)"),
    ("  theorem", "  home own(p, mine, other): other.counts[p] <= mine.counts[p]\n\n  theorem"),
]


@pytest.mark.parametrize(
    ("name", "file"), [("Cart", "cart.crdt"), ("BoundedCounter", "bounded_counter.crdt"), ("ORSet2", "or_set2.crdt")]
)
def test_new_names_files_as_the_library_does(name: str, file: str) -> None:
    assert file_name(name) == file


def test_new_is_refuted_by_two_instances_and_mended_as_it_says(tmp_path: Path) -> None:
    assert mergelaw("new", "Visits", cwd=tmp_path).returncode == 0
    file = tmp_path / "visits.crdt"
    assert mergelaw("fmt", "--check", file.name, cwd=tmp_path).returncode == 0
    refuted = mergelaw("verify", file.name, cwd=tmp_path)
    assert refuted.returncode == 1, refuted.stdout + refuted.stderr
    assert "refuted  Visits: theorem all_count" in refuted.stdout
    assert refuted.stdout.count("refuted  Visits") == 1
    text = file.read_text()
    for old, new in MENDS:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    mended = mergelaw("verify", file.name, cwd=tmp_path)
    assert mended.returncode == 0, mended.stdout + mended.stderr


def test_new_overwrites_nothing_and_wants_a_name_for_a_type(tmp_path: Path) -> None:
    (tmp_path / "cart.crdt").write_text("mine")
    for name, complaint in [("Cart", "cart.crdt is already there"), ("my-cart", "no name for a type")]:
        run = mergelaw("new", name, cwd=tmp_path)
        assert run.returncode == 2
        assert complaint in run.stderr
    assert (tmp_path / "cart.crdt").read_text() == "mine"
