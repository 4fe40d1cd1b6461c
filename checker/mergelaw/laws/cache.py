"""What earlier runs found, kept in the user's cache folder, so that unchanged types are not verified again.

A verdict depends on the texts that a file rests on and on the tool; both are in the key, so an entry never gets
wrong, only useless. The cache is a convenience: where it cannot be read or written, everything is verified.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from mergelaw.laws.model import Result, Verdict
from mergelaw.laws.records import result_from_json, result_to_json
from mergelaw.laws.sources import Source

FORMAT = 1
ENTRIES_MAX = 500
SETTLED = frozenset({Verdict.PROVED, Verdict.REFUTED, Verdict.BOUNDED})
"""Verdicts that do not change with more time or a faster machine."""


def folder() -> Path:
    """Where entries live: `$MERGELAW_CACHE`, else `mergelaw` in `$XDG_CACHE_HOME`, else in `~/.cache`."""
    if named := os.environ.get("MERGELAW_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mergelaw"


def digest(parts: Iterable[str]) -> str:
    """One hash of several texts; where one ends and the next starts matters."""
    h = hashlib.sha256()
    for part in parts:
        data = part.encode()
        h.update(b"%d:" % len(data))
        h.update(data)
    return h.hexdigest()


def texts_digest(texts: Iterable[Source]) -> str:
    """One hash of what a file rests on, in whatever order."""
    return digest(x for s in sorted(texts, key=lambda s: s.name) for x in (s.name, s.text))


@cache
def tool_digest() -> str:
    """A hash of all that turns a text into a verdict: language, semantics and laws of this installation, and Z3."""
    import mergelaw.language
    import mergelaw.laws
    import mergelaw.semantics

    parts = [importlib.metadata.version("z3-solver")]
    for package in (mergelaw.language, mergelaw.semantics, mergelaw.laws):
        root = Path(package.__path__[0])
        for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".lark")):
            parts += [f"{package.__name__}/{path.relative_to(root).as_posix()}", path.read_text(encoding="utf-8")]
    return digest(parts)


def key(label: str, texts: Iterable[Source]) -> str:
    """The name of the entry of a file that reports call `label` and that rests on `texts`."""
    return digest([str(FORMAT), tool_digest(), label, texts_digest(texts)])


def load(entry: str) -> dict[str, list[Result]] | None:
    """The results by type that were stored under `entry`; None iff there are none that can be read."""
    try:
        record = json.loads((folder() / f"{entry}.json").read_text(encoding="utf-8"))
        return {name: [result_from_json(r) for r in results] for name, results in record.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError):
        return None


def store(entry: str, results: Mapping[str, list[Result]]) -> None:
    """Keeps the results of types of one file, of each type all its obligations, beside those stored before.

    Types with a verdict that is not settled are left out. Errors of the file system are ignored.
    """
    settled = {name: rs for name, rs in results.items() if rs and all(r.verdict in SETTLED for r in rs)}
    if not settled:
        return
    record = {**(load(entry) or {}), **settled}
    text = json.dumps({name: [result_to_json(r) for r in rs] for name, rs in record.items()})
    with contextlib.suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
        # Written aside and moved, so that a run beside this one never reads half an entry.
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder(), suffix=".tmp", delete=False) as aside:
            aside.write(text)
        os.replace(aside.name, folder() / f"{entry}.json")
        _prune()


def _prune() -> None:
    entries = sorted(folder().glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in entries[ENTRIES_MAX:]:
        old.unlink(missing_ok=True)
