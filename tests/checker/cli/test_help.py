"""Help is quick and complete, and what is mistyped is told with exit status 2."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.checker.cli.command import LAYERS, ROOT, mergelaw

HELP_S_MAX = 0.4
HEAVY = {"z3", "cvc5", "lark", "networkx", "rich", "mergelaw.laws.prove", "multiprocessing"}


def test_help_names_every_command_and_the_exit_statuses(tmp_path: Path) -> None:
    run = mergelaw("--help", cwd=tmp_path)
    assert run.returncode == 0
    for word in ("verify", "fmt", "new", "Exit status: 0 holds, 1 refuted or failed, 2 wrong input, 3 unknown"):
        assert word in run.stdout


def test_help_of_verify_names_every_option(tmp_path: Path) -> None:
    run = mergelaw("verify", "--help", cwd=tmp_path)
    options = "--jobs --timeout --json --fresh --recheck --obligation --stats --write-proofs --check-proofs"
    assert all(o in run.stdout for o in options.split())


def test_help_is_quick(tmp_path: Path) -> None:
    def seconds() -> float:
        start = time.perf_counter()
        assert mergelaw("--help", cwd=tmp_path).returncode == 0
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < HELP_S_MAX


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, mergelaw.cli.main; print(sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": LAYERS},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not HEAVY & set(ast.literal_eval(run.stdout))


def test_mistyped_words_exit_2_and_are_corrected(tmp_path: Path) -> None:
    for words, hint in [
        (["verifi"], "Did you mean 'verify'?"),
        (["verify", "--obligatoin", "x"], "--obligation"),
        (["verify", "ORSett"], "Did you mean `ORSet`?"),
        (["verify", "GCountre"], "Did you mean `GCounter`?"),
        (["verify", "Xyzzy"], "Its types are: "),
        (["verify", "nowhere.crdt"], "there is no file nowhere.crdt"),
        (["verify", str(ROOT / "spec") + "/"], "is a folder"),
        (["verify", "--timeout", "0"], "--timeout"),
        (["fmt"], "FILE"),
    ]:
        run = mergelaw(*words, cwd=tmp_path)
        assert run.returncode == 2, words
        assert hint in run.stderr, words
        assert run.stdout == "", words
        assert "Traceback" not in run.stderr, words
