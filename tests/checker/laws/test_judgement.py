"""What a theorem says of a run does not depend on whether its body is interpreted or compiled."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from mergelaw.language import check_file, library_dir
from mergelaw.laws import claims
from mergelaw.laws.claims import Judgement, TheoremCheck
from mergelaw.laws.finder import Finder
from mergelaw.laws.system import Unreachable
from mergelaw.semantics.engine import UpdateRefused

LOOKED_AT = 12
"""Runs of each theorem."""
FILES = sorted(p.relative_to(library_dir()).as_posix() for p in library_dir().rglob("*.crdt"))


def truth(judgement: Judgement, run: claims.Run) -> bool | str:
    try:
        return judgement.holds(run)
    except (Unreachable, UpdateRefused) as e:
        return type(e).__name__


@pytest.mark.parametrize("file", FILES)
def test_compiled_theorems_say_what_interpreted_ones_do(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = check_file(Path(library_dir() / file))
    for name in program.main:
        definition = program.types.get(name)
        for theorem in definition.theorems if definition else ():
            system = Finder(program, name).system(2, causal=theorem.causal, given=True)
            check = TheoremCheck(system, theorem)
            bodies = (check.theorem.body, claims.premises(check.theorem.body))
            monkeypatch.setattr(claims, "_COMPILED_AFTER", 1)
            updates = check.theorem.updates + 1
            found = (islice(check.instances(n, lambda: None), LOOKED_AT) for n in (updates - 1, updates))
            runs = [run for instances in found for _, run in instances]
            for body in bodies:
                compiled = Judgement(check.theorem, body)
                said = [truth(compiled, run) for run in runs]
                monkeypatch.setattr(claims, "_COMPILED_AFTER", 1_000_000)
                interpreted = Judgement(check.theorem, body)
                assert said == [truth(interpreted, run) for run in runs], f"{name}: {theorem.name}"
                monkeypatch.setattr(claims, "_COMPILED_AFTER", 1)
