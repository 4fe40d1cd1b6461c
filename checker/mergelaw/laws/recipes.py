"""How the obligations of the library were decided, kept beside their proofs: what to do first when they are again.

A recipe names the attempt, stage and facts that made a proof, or the timeline that met the premises of a theorem.
Whoever follows it checks what comes out as if it had been searched for, so a recipe that is wrong or out of date costs
time and nothing else. `recipes.json` beside `ledger.json`: type -> obligation -> recipe.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from immutables import Map

from mergelaw.laws.model import Result
from mergelaw.semantics.values import Raw

FILE = "recipes.json"

Recipes = Mapping[str, Mapping[str, object]]


def read(folder: Path) -> Recipes:
    """The recipes of a folder of proofs; none where there is no such file, or it cannot be understood."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))["types"]
        return {str(name): dict(recipes) for name, recipes in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write(folder: Path, results: Mapping[str, Iterable[Result]], *, whole: bool) -> None:
    """Brings the recipes of these types up to date; those of other types stay, unless this is the `whole` library.

    Raises: OSError.
    """
    known = {} if whole else dict(read(folder))
    for name, of_type in results.items():
        known[name] = {r.obligation.name: r.recipe for r in of_type if r.recipe is not None}
    lines = []
    for name in sorted(known):
        entries = ",\n".join(f"  {json.dumps(o)}: {_compact(r)}" for o, r in sorted(known[name].items()))
        lines.append(f" {json.dumps(name)}: {{\n{entries}\n }}")
    text = '{"format": 1, "types": {\n' + ",\n".join(lines) + "\n}}\n"
    path = folder / FILE
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def _compact(recipe: object) -> str:
    return json.dumps(recipe, separators=(",", ":"), ensure_ascii=False)


def to_json(value: Raw) -> Any:
    """A raw value of any type as JSON; `from_json` reads it back."""
    if isinstance(value, tuple):
        return [to_json(v) for v in value]
    if isinstance(value, Fraction):
        return {"real": str(value)}
    if isinstance(value, Map):
        return {"map": sorted(([to_json(k), to_json(v)] for k, v in value.items()), key=json.dumps)}
    return value


def from_json(record: Any) -> Raw:
    """The raw value that `to_json` was given. Raises: KeyError, TypeError, ValueError, if it was given none."""
    if isinstance(record, list):
        return tuple(from_json(r) for r in record)
    if isinstance(record, dict):
        if "real" in record:
            return Fraction(record["real"])
        return Map((from_json(k), from_json(v)) for k, v in record["map"])
    return record
