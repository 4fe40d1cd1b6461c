"""`mergelaw fmt`: formats, checks, and leaves alone what it cannot parse."""

from __future__ import annotations

from pathlib import Path

from tests.checker.cli.command import ROOT, mergelaw

MESSY = "// Counts.\ntype  C{state{n:Nat}\n merge(a,b)={n=max(a.n,b.n)} // by max\n}\n"
WRONG = "type C { state { n: Nat }\n merge(a, b) = \n}\n"


def test_fmt_formats_once_and_keeps_comments(tmp_path: Path) -> None:
    file = tmp_path / "c.crdt"
    file.write_text(MESSY)
    assert mergelaw("fmt", "c.crdt", cwd=tmp_path).returncode == 0
    formatted = file.read_text()
    assert formatted != MESSY
    assert "// Counts." in formatted
    assert "// by max" in formatted
    assert mergelaw("fmt", "--check", "c.crdt", cwd=tmp_path).returncode == 0
    assert mergelaw("fmt", "c.crdt", cwd=tmp_path).returncode == 0
    assert file.read_text() == formatted


def test_fmt_check_names_the_files_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "c.crdt").write_text(MESSY)
    run = mergelaw("fmt", "--check", "c.crdt", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (1, "c.crdt\n")
    assert (tmp_path / "c.crdt").read_text() == MESSY


def test_fmt_leaves_a_wrong_file_alone_and_formats_the_others(tmp_path: Path) -> None:
    (tmp_path / "wrong.crdt").write_text(WRONG)
    (tmp_path / "c.crdt").write_text(MESSY)
    run = mergelaw("fmt", "wrong.crdt", "gone.crdt", "c.crdt", cwd=tmp_path)
    assert run.returncode == 2
    assert "wrong.crdt:" in run.stderr
    assert "gone.crdt" in run.stderr
    assert "Traceback" not in run.stderr
    assert (tmp_path / "wrong.crdt").read_text() == WRONG
    assert (tmp_path / "c.crdt").read_text() != MESSY


def test_fmt_has_formatted_the_library(tmp_path: Path) -> None:
    files = sorted((ROOT / "spec" / "mergelaw" / "types").rglob("*.crdt"))
    run = mergelaw("fmt", "--check", *files, cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
