"""Builds the wheel into a folder and fails unless it holds all modules, the grammar and every `.crdt` file."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

root = Path(__file__).resolve().parents[1]
folder = Path(sys.argv[1]) / "wheel"
pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
subprocess.run([*pip, "--wheel-dir", str(folder), str(root)], check=True)
(wheel,) = folder.glob("*.whl")
held = set(zipfile.ZipFile(wheel).namelist())
expected = {
    path.relative_to(root / layer).as_posix()
    for layer in ("spec", "reference", "checker")
    for suffix in ("*.py", "*.lark", "*.crdt")
    for path in (root / layer / "mergelaw").rglob(suffix)
}
if missing := sorted(expected - held):
    sys.exit(f"the wheel lacks {', '.join(missing)}")
print(f"{wheel.name}: {len(expected)} files of the layers")
