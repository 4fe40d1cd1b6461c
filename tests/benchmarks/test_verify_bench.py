"""How long the library takes. `make bench` shows the figures; the limits are those that the README names."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from mergelaw.language import check_file
from mergelaw.laws import sources
from tests.checker.cli.command import mergelaw

FRESH_S_MAX = 10.0
AGAIN_S_MAX = 1.0
CHECK_S_MAX = 2.0
MEDIAN_MS_MAX = 30.0
HELP_S_MAX = 0.4

pytestmark = pytest.mark.slow


def run(*arguments: str, cwd: Path) -> tuple[float, str]:
    start = time.perf_counter()
    done = mergelaw(*arguments, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.perf_counter() - start, done.stdout


def test_bench_verify_fresh(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    seconds, out = benchmark.pedantic(lambda: run("verify", "--fresh", "--json", "--jobs", "2", cwd=tmp_path), rounds=2)
    obligations = [o for t in json.loads(out)["types"] for o in t["obligations"]]
    median_ms = 1000 * statistics.median(o["seconds"] for o in obligations)
    benchmark.extra_info.update(obligations=len(obligations), median_ms=round(median_ms, 2))
    assert seconds <= FRESH_S_MAX
    assert median_ms <= MEDIAN_MS_MAX


def test_bench_verify_again(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    run("verify", cwd=tmp_path)
    seconds, out = benchmark.pedantic(lambda: run("verify", cwd=tmp_path), rounds=3)
    assert "unchanged since an earlier run" in out
    assert seconds < AGAIN_S_MAX


def test_bench_parse_and_check(benchmark: BenchmarkFixture) -> None:
    def check() -> float:
        start = time.perf_counter()
        for path in sources.library_files():
            check_file(path)
        return time.perf_counter() - start

    assert benchmark.pedantic(check, rounds=3) < CHECK_S_MAX


def test_bench_help(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    seconds, _ = benchmark.pedantic(lambda: run("--help", cwd=tmp_path), rounds=5)
    assert seconds < HELP_S_MAX
