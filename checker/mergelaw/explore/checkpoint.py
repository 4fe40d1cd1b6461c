"""How far a search of histories is, as a file that it can go on from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mergelaw.explore.histories import Histories
from mergelaw.explore.history import Calls, Explored
from mergelaw.explore.model import ExploreError, Progress
from mergelaw.laws.recipes import from_json, to_json

FORMAT = 1


def save(path: Path, search: Histories, found: Explored, of: str) -> None:
    """Writes the last complete level; `of` tells what is explored, so that nothing else goes on from it.

    Raises: OSError.
    """
    record = {
        "format": FORMAT,
        "of": of,
        "updates": found.updates,
        "states": found.progress.states,
        "transitions": found.progress.transitions,
        "executions": found.executions,
        "ran": found.ran,
        "concurrent": sorted(found.concurrent),
        "level": [[[b, s, u, to_json(a), w] for b, s, u, a, w in search.dump(node)] for node in found.level],
    }
    # Written aside and moved, so that a run that is broken off leaves the last checkpoint whole.
    aside = path.with_name(path.name + ".tmp")
    aside.write_text(json.dumps(record), encoding="utf-8")
    os.replace(aside, path)


def load(path: Path, search: Histories, of: str) -> Explored | None:
    """Where a file says that a search had come to; None if there is no such file.

    Raises: ExploreError, if the file is of another search, or no checkpoint; OSError.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        record = json.loads(text)
        if record["format"] != FORMAT or record["of"] != of:
            raise ExploreError(f"{path} is the checkpoint of another search; name another file, or delete it")
        progress = Progress(record["states"], record["transitions"], record["updates"])
        return Explored(
            progress,
            record["updates"],
            [search.load(_calls(node)) for node in record["level"]],
            record["executions"],
            concurrent={(a, b) for a, b in record["concurrent"]},
            ran=dict(record["ran"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise ExploreError(f"{path} is no checkpoint; name another file, or delete it") from problem


def _calls(node: Any) -> Calls:
    return tuple((bit, saw, update, from_json(args), when) for bit, saw, update, args, when in node)
