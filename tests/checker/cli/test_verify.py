"""`mergelaw verify`: verdicts, exit status, text and JSON, what is kept between runs, and proofs/."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.checker.cli.command import LAYERS, mergelaw

GOOD = """\
type Top {
  state { n: Nat }
  merge(a, b) = { n = max(a.n, b.n) }
  update raise_to(n: Nat) = { n = n }
  query value: Nat = n
  theorem raised(s: This, n: Nat, p: Replica): n <= (s.raise_to(n) by p).value
}
"""
REFUTED = GOOD.replace("max(a.n, b.n)", "a.n + b.n").replace("Top", "Sum")
WRONG = "type C {\n  state { n: Nat }\n  query value: Nat = m\n  query other: Nat = k\n}\n"
VACUOUS = GOOD.replace("): n <=", "): n < 0 => n <=").replace("Top", "Never")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"good": GOOD, "refuted": REFUTED, "wrong": WRONG, "vacuous": VACUOUS}.items():
        (tmp_path / f"{name}.crdt").write_text(text)
    (tmp_path / "empty.crdt").write_text("// nothing\n")
    return tmp_path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lawful type and its proofs."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "good.crdt").write_text(GOOD)
    assert mergelaw("verify", "--write-proofs", "good.crdt", cwd=folder).returncode == 0
    return folder


def test_verify_proves_a_lawful_type(folder: Path) -> None:
    run = mergelaw("verify", "good.crdt", cwd=folder)
    assert run.returncode == 0, run.stdout + run.stderr
    header, row, _, summary, claim, trusted = run.stdout.splitlines()
    assert header.split() == ["type", "obligations", "verdicts", "time"]
    assert row.split()[0] == "Top"
    assert summary.startswith("1 type, ")
    assert ", 0 refuted, 0 unknown, 0 bounded; " in summary
    assert claim.startswith("Proved for all states, any number of replicas, and deltas that are lost")
    assert trusted.startswith("Trusted: the type checker, the encoding of obligations and z3 ")
    assert run.stderr == ""


def test_verify_refutes_with_a_counterexample(folder: Path) -> None:
    run = mergelaw("verify", "good.crdt", "refuted.crdt", cwd=folder)
    assert run.returncode == 1
    assert "refuted  Sum: idempotent" in run.stdout
    assert "refuted.crdt:3:3" in run.stdout
    assert "Instance 1" in run.stdout
    assert "Not lawful as it stands" in run.stdout
    assert "refuted  Top" not in run.stdout


def test_verify_prints_json_and_nothing_else(folder: Path) -> None:
    run = mergelaw("verify", "--json", "good.crdt", "refuted.crdt", cwd=folder)
    assert (run.returncode, run.stderr) == (1, "")
    report = json.loads(run.stdout)
    assert set(report) == {"types", "summary", "seconds"}
    assert [(t["name"], t["file"]) for t in report["types"]] == [("Top", "good.crdt"), ("Sum", "refuted.crdt")]
    obligations = [o for t in report["types"] for o in t["obligations"]]
    assert all({"name", "kind", "verdict", "seconds"} <= set(o) for o in obligations)
    refuted = [o for o in obligations if o["verdict"] == "refuted"]
    assert all(("counterexample" in o) == (o in refuted) for o in obligations)
    assert {"idempotent"} <= {o["name"] for o in refuted}
    assert refuted[0]["counterexample"]["timeline"]
    summary = report["summary"]
    assert summary["obligations"] == len(obligations) == sum(summary[v] for v in VERDICTS)
    assert summary["refuted"] == len(refuted)


VERDICTS = ("proved", "refuted", "unknown", "bounded", "vacuous")


def test_verify_tells_all_errors_of_wrong_files_and_exits_2(folder: Path) -> None:
    (folder / "wrong_too.crdt").write_text(WRONG)
    run = mergelaw("verify", "wrong.crdt", "good.crdt", "wrong_too.crdt", cwd=folder)
    assert (run.returncode, run.stdout) == (2, "")
    for place in ("wrong.crdt:3:22: error ML2", "wrong.crdt:4:22: error ML2", "wrong_too.crdt:3:22: error ML2"):
        assert place in run.stderr
    assert "\n  3 |   query value: Nat = m\n    |                      ^\n" in run.stderr


def test_verify_of_nothing_exits_2(folder: Path) -> None:
    run = mergelaw("verify", "empty.crdt", cwd=folder)
    assert (run.returncode, run.stdout) == (2, "")
    assert "the files declare no type" in run.stderr


def test_verify_of_a_vacuous_claim_exits_3(folder: Path) -> None:
    run = mergelaw("verify", "vacuous.crdt", cwd=folder)
    assert run.returncode == 3, run.stdout + run.stderr
    assert "vacuous  Never: witness raised" in run.stdout


def test_verify_looks_at_the_obligations_named(folder: Path) -> None:
    run = mergelaw("verify", "--json", "--obligation", "idempotent", "good.crdt", "refuted.crdt", cwd=folder)
    assert run.returncode == 1
    assert [[o["name"] for o in t["obligations"]] for t in json.loads(run.stdout)["types"]] == [["idempotent"]] * 2
    run = mergelaw("verify", "--obligation", "idempotant", "good.crdt", cwd=folder)
    assert run.returncode == 2
    assert "Did you mean `idempotent`?" in run.stderr


def test_verify_skips_what_is_unchanged_and_says_the_same(folder: Path) -> None:
    first, again = (mergelaw("verify", "--json", "good.crdt", "refuted.crdt", cwd=folder) for _ in range(2))
    assert (again.returncode, again.stderr) == (first.returncode, "")
    assert json.loads(again.stdout)["types"] == json.loads(first.stdout)["types"]
    plain = mergelaw("verify", "good.crdt", cwd=folder)
    assert "cached" in plain.stdout
    assert "(1 type unchanged since an earlier run)" in plain.stdout
    assert "cached" not in mergelaw("verify", "--fresh", "good.crdt", cwd=folder).stdout
    (folder / "good.crdt").write_text(REFUTED)
    assert mergelaw("verify", "good.crdt", cwd=folder).returncode == 1


def test_verify_of_unchanged_types_starts_no_solver_and_no_parser(folder: Path) -> None:
    assert mergelaw("verify", "good.crdt", cwd=folder).returncode == 0
    code = (
        "import sys; from mergelaw.cli.verify import Arguments, verify; "
        "assert verify(Arguments(('good.crdt',))) == 0; "
        "loaded = {'z3', 'cvc5', 'lark', 'rich', 'networkx'} & set(sys.modules); sys.exit(f'{loaded}' if loaded else 0)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": LAYERS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "cached" in run.stdout


def test_verify_takes_the_imports_of_a_file_along(folder: Path) -> None:
    (folder / "box.crdt").write_text(
        'import Top from "good.crdt"\nimport Max from "kernel/max.crdt"\ntype Box { state { top: Top, max: Max } }\n'
    )
    run = mergelaw("verify", "box.crdt", cwd=folder)
    assert run.returncode == 0, run.stdout + run.stderr
    assert [line.split()[0] for line in run.stdout.splitlines()[1:3]] == ["Box", "Top"]
    assert "Rests on the library's Max, which `mergelaw verify` proves." in run.stdout
    assert "cached" in mergelaw("verify", "box.crdt", cwd=folder).stdout
    (folder / "good.crdt").write_text(GOOD.replace("max(a.n, b.n)", "a.n + b.n"))
    run = mergelaw("verify", "box.crdt", cwd=folder)
    assert run.returncode == 1
    assert "refuted  Top: idempotent" in run.stdout


def test_verify_tells_where_the_time_went(folder: Path) -> None:
    run = mergelaw("verify", "--stats", "--fresh", "good.crdt", cwd=folder)
    for word in ("parsing and type checking", "median", "decided by: z3 ", "slowest:", "Top: "):
        assert word in run.stdout


def test_verify_writes_proofs_that_cvc5_confirms(folder: Path) -> None:
    assert mergelaw("verify", "--check-proofs", "good.crdt", cwd=folder).returncode == 1
    run = mergelaw("verify", "--write-proofs", "good.crdt", cwd=folder)
    assert run.returncode == 0, run.stderr
    proofs = {p.name: p.read_text() for p in (folder / "proofs" / "Top").iterdir()}
    assert "commutative.smt2" in proofs
    assert mergelaw("verify", "--check-proofs", "good.crdt", cwd=folder).returncode == 0
    ledger = (folder / "proofs" / "ledger.json").read_text()
    assert mergelaw("verify", "--write-proofs", "good.crdt", cwd=folder).returncode == 0
    assert (folder / "proofs" / "ledger.json").read_text() == ledger
    rechecked = mergelaw("verify", "--recheck", "good.crdt", cwd=folder)
    assert rechecked.returncode == 0, rechecked.stdout
    assert f"proved all {len(proofs)} proof files again" in rechecked.stdout


@pytest.mark.parametrize(
    ("text", "answer", "status"),
    [
        ("(set-logic ALL)\n(check-sat)\n", "sat", 1),
        ("(set-logic ALL)\n(this is no\n", "error", 3),
        ("(set-logic ALL)\n", "error", 3),
        (None, "missing", 3),
    ],
)
def test_verify_recheck_trusts_only_the_file(
    tmp_path: Path, written: Path, text: str | None, answer: str, status: int
) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(written, folder)
    file = folder / "proofs" / "Top" / "commutative.smt2"
    file.unlink()
    if text is not None:
        file.write_text(text)
    run = mergelaw("verify", "--recheck", "--json", "good.crdt", cwd=folder)
    assert run.returncode == status
    (commutative,) = (
        o for t in json.loads(run.stdout)["types"] for o in t["obligations"] if o["name"] == "commutative"
    )
    assert commutative["recheck"].startswith(answer)
    assert mergelaw("verify", "--check-proofs", "good.crdt", cwd=folder).returncode == 1


def test_verify_recheck_without_proofs_is_no_success(folder: Path) -> None:
    run = mergelaw("verify", "--recheck", "good.crdt", cwd=folder)
    assert run.returncode == 3
    assert "missing" in run.stdout


def test_verify_takes_one_type_of_the_library(tmp_path: Path) -> None:
    run = mergelaw("verify", "--json", "GCounter", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    (only,) = json.loads(run.stdout)["types"]
    assert only["name"] == "GCounter"
    assert only["file"].endswith("g_counter.crdt")


def test_verify_on_a_terminal_draws_progress_there_and_pipes_results(folder: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mergelaw.cli.main", "verify", "--fresh", "--json", "good.crdt"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": LAYERS, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    drawn = _until_closed(ours)
    out, _ = process.communicate(timeout=60)
    report: dict[str, Any] = json.loads(out)
    assert process.returncode == 0
    assert report["summary"]["types"] == 1
    assert "types" in drawn
    assert "\x1b[" in drawn


def _until_closed(terminal: int) -> str:
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(terminal)
    return b"".join(chunks).decode(errors="replace")
