"""Runs the command as a person would, in a process and a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LAYERS = os.pathsep.join(str(ROOT / layer) for layer in ("spec", "reference", "checker"))


def mergelaw(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What `mergelaw ARGUMENTS` prints and its exit status."""
    return subprocess.run(
        [sys.executable, "-m", "mergelaw.cli.main", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": LAYERS, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
