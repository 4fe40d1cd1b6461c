"""The README's blocks: what it tells to type works, and prints what it shows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from mergelaw.language import ast, parse
from mergelaw.laws import sources
from tests.checker.cli.command import ROOT
from tests.console import blocks, commands, redacted, run

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = blocks(README)


def test_readme_commands_print_what_it_shows(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    ran = 0
    for block in BLOCKS:
        if block.file is not None:
            (folder / block.file).write_text(block.body)
        if block.mark != "run":
            continue
        for command, shown in commands(block.body):
            assert redacted(run(command, folder, tmp_path / "cache")) == redacted(shown), command
            ran += 1
    assert ran >= 2


def test_readme_first_screen_has_both_make_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:30])
    assert "make verify" in first_screen
    assert "make test" in first_screen


def test_readme_make_targets_exist() -> None:
    targets = {w for b in BLOCKS if b.kind == "sh" for w in re.findall(r"^make ([\w-]+)", b.body, re.MULTILINE)}
    assert {"verify", "test"} <= targets
    for target in targets:
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_readme_names_every_command_and_folder() -> None:
    from mergelaw.cli.main import app

    for command in app.registered_commands:
        assert command.callback is not None
        assert f"mergelaw {command.name or command.callback.__name__}" in README
    for layer in ("spec", "reference", "checker"):
        for package in (ROOT / layer / "mergelaw").glob("*/__init__.py"):
            assert f"{package.parent.name}/" in README, package


def test_readme_names_exactly_the_bounded_theorems() -> None:
    bounded = {
        f"{declaration.name}.{clause.name}"
        for path in sources.library_files()
        for declaration in parse(sources.read(path), path.name).declarations
        if isinstance(declaration, ast.TypeDecl)
        for clause in declaration.clauses
        if isinstance(clause, ast.TheoremClause) and clause.bound is not None
    }
    _, _, after = README.partition("Bounded in the library:")
    assert set(re.findall(r"`(\w+\.\w+)`", after.partition("\n\n")[0])) == bounded
