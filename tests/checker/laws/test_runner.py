"""The runner with a prover that misbehaves: whatever happens to a worker, every obligation has a verdict."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from mergelaw.language.core import Program
from mergelaw.laws.finder import Finder, Limits
from mergelaw.laws.model import Obligation, Result, Verdict
from mergelaw.laws.runner import FileJob, Options, Run, run

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="workers see the fake prover only where they are forked"
)

SPEC = """\
type A { state { n: Nat } merge(a, b) = { n = max(a.n, b.n) } }
type B { state { n: Nat } merge(a, b) = { n = max(a.n, b.n) } }
"""


def fake(misbehave: Callable[[str], None]) -> ModuleType:
    def decide(
        program: Program,
        finder: Finder,
        o: Obligation,
        timeout_ms: int,
        limits: Limits,
        *,
        texts: bool,
        recipe: object,
    ) -> Result:
        if o.type == "A":
            misbehave(o.name)
        return Result(o, Verdict.PROVED, 0.001, "fake")

    module = ModuleType("mergelaw.laws.prove")
    module.decide = decide  # type: ignore[attr-defined]
    module.SEARCH = Limits()  # type: ignore[attr-defined]
    return module


def hang(name: str) -> None:
    while name == "associative":
        time.sleep(1)


def crash(name: str) -> None:
    if name == "associative":
        os.kill(os.getpid(), signal.SIGKILL)


def fail(name: str) -> None:
    if name == "associative":
        raise ValueError("of no value")


def leave_out(name: str) -> None:
    if name == "associative":
        raise SystemExit(0)


def verdicts(outcome: Run) -> dict[tuple[str, str], Result]:
    return {(t.name, r.obligation.name): r for t in outcome.types for r in t.ordered}


@pytest.fixture
def spec(tmp_path: Path) -> FileJob:
    (tmp_path / "ab.crdt").write_text(SPEC)
    return FileJob(tmp_path / "ab.crdt")


@pytest.mark.parametrize(
    ("misbehave", "why"),
    [
        (hang, "no answer within"),
        (crash, "SIGKILL"),
        (fail, "internal error: ValueError: of no value"),
        (leave_out, ""),
    ],
)
def test_runner_gives_one_unknown_and_all_other_verdicts(
    spec: FileJob, monkeypatch: pytest.MonkeyPatch, misbehave: Callable[[str], None], why: str
) -> None:
    monkeypatch.setitem(sys.modules, "mergelaw.laws.prove", fake(misbehave))
    monkeypatch.setattr(Options, "limit_s", 0.5)
    outcome = run([spec], Options(jobs=2, timeout_s=1.0))
    found = verdicts(outcome)
    unknown = {k for k, r in found.items() if r.verdict is Verdict.UNKNOWN}
    assert unknown == {("A", "associative")}
    assert why in found["A", "associative"].detail
    assert all(t.done for t in outcome.types)
    assert [bool(t.faults) for t in outcome.types] == [misbehave is fail, False]


def test_runner_keeps_the_order_of_the_text(spec: FileJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mergelaw.laws.prove", fake(lambda _: None))
    outcome = run([spec], Options(jobs=2, timeout_s=1.0))
    assert [t.name for t in outcome.types] == ["A", "B"]
    for t in outcome.types:
        assert [r.obligation for r in t.ordered] == list(t.obligations)
        assert len(t.obligations) > 4


def test_runner_takes_the_types_and_obligations_named(spec: FileJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mergelaw.laws.prove", fake(lambda _: None))
    outcome = run([FileJob(spec.path, ("B",))], Options(jobs=1, timeout_s=1.0, obligation="commut"))
    assert set(verdicts(outcome)) == {("B", "commutative")}
    outcome = run([spec], Options(jobs=1, timeout_s=1.0, obligation="nonsense"))
    assert outcome.types == []
    assert "commutative" in outcome.unmatched


def test_runner_reads_all_files_before_it_gives_up_on_a_wrong_one(spec: FileJob, tmp_path: Path) -> None:
    (tmp_path / "wrong.crdt").write_text("type W { state { n: Gnat } }")
    (tmp_path / "worse.crdt").write_text("type W {")
    jobs = [FileJob(tmp_path / "wrong.crdt"), spec, FileJob(tmp_path / "worse.crdt")]
    outcome = run(jobs, Options(jobs=1, timeout_s=1.0))
    assert [job.path.name for job, _ in outcome.errors] == ["wrong.crdt", "worse.crdt"]
