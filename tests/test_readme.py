"""The README's blocks: what it tells to type works, and prints what it shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mergelaw.language import ast, parse
from mergelaw.laws import sources
from tests.checker.cli.command import LAYERS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
REDACTED = [(r"\b\d+\.\d+ s\b", "N s"), (r"\b(z3|cvc5) [\d.]*\d", r"\1 N"), (r"[ ]+(?=N s$)", " ")]


@dataclass(frozen=True)
class Block:
    mark: str
    """What the HTML comment right above says: `run`, or `file NAME` for a text that the commands read."""
    kind: str
    body: str


BLOCKS = [Block(m["mark"] or "", m["kind"], m["body"]) for m in BLOCK.finditer(README)]


def redacted(text: str) -> str:
    for pattern, replacement in REDACTED:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text.rstrip()


def commands(body: str) -> list[tuple[str, str]]:
    """The commands after `$ ` with what is shown below each."""
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (p.partition("\n") for p in parts)]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    shim = tmp_path / "bin" / "mergelaw"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mergelaw.cli.main "$@"\n')
    shim.chmod(0o755)
    path = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": LAYERS,
        "COLUMNS": "100",
        "MERGELAW_CACHE": str(tmp_path / "cache"),
    }


def test_readme_commands_print_what_it_shows(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    ran = 0
    for block in BLOCKS:
        if block.mark.startswith("file "):
            (folder / block.mark.removeprefix("file ")).write_text(block.body)
        if block.mark != "run":
            continue
        for command, shown in commands(block.body):
            run = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert redacted(run.stdout) == redacted(shown), command
            ran += 1
    assert ran >= 2


def test_readme_first_screen_has_both_make_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:30])
    assert "make verify" in first_screen
    assert "make test" in first_screen


def test_readme_make_targets_exist() -> None:
    targets = {w for b in BLOCKS if b.kind == "sh" for w in re.findall(r"^make (\w+)", b.body, re.MULTILINE)}
    assert {"verify", "test"} <= targets
    for target in targets:
        run = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr


def test_readme_names_every_command_and_folder() -> None:
    from mergelaw.cli.main import app

    for command in app.registered_commands:
        assert command.callback is not None
        assert f"mergelaw {command.callback.__name__}" in README
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
