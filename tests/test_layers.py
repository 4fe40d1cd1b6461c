"""The three layers: what the folders look like, and who imports whom."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("spec", "reference", "checker")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def packages(layer: str) -> list[str]:
    folder = ROOT / layer / "mergelaw"
    return sorted(f"mergelaw.{p.name}" for p in folder.glob("*/") if any(p.glob("*.py")))


def modules() -> list[Path]:
    return sorted(p for layer in LAYERS for p in (ROOT / layer).rglob("*.py"))


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_share_a_namespace_without_code(layer: str) -> None:
    assert not (ROOT / layer / "mergelaw" / "__init__.py").exists()
    for name in packages(layer):
        assert (ROOT / layer / Path(*name.split(".")) / "__init__.py").exists()


def test_layers_contract_names_every_package_in_order() -> None:
    linter = PROJECT["tool"]["importlinter"]
    (contract,) = (c for c in linter["contracts"] if c["id"] == "layers")
    by_layer = {name: rank for rank, layer in enumerate(LAYERS) for name in packages(layer)}
    assert sorted(linter["root_packages"]) == sorted(by_layer)
    ranks = [by_layer[name] for name in contract["layers"]]
    assert sorted(contract["layers"]) == sorted(by_layer)
    assert ranks == sorted(ranks, reverse=True)


def test_layers_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    if not linter.exists():
        pytest.skip("import-linter is in the extra `dev`")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(LAYERS)}
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("library", "home"), [("lark", "mergelaw.language"), ("z3", "mergelaw.laws"), ("cvc5", "mergelaw.laws")]
)
def test_layers_keep_a_library_in_one_place(library: str, home: str) -> None:
    users = {package_of(path) for path in modules() if library in imported(path)}
    assert users == {home}


def package_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parts[1:3])


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {a.name.split(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names
