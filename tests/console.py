"""READMEs as tests read them: blocks, the commands in them, and what running those prints."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.checker.cli.command import LAYERS

BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
_REDACTED = [(r"\b\d+\.\d+ s\b", "N s"), (r"\b(z3|cvc5) [\d.]*\d", r"\1 N"), (r"[ ]+(?=N s$)", " ")]


@dataclass(frozen=True)
class Block:
    """A fenced block of a Markdown text."""

    mark: str
    """What the HTML comment right above says: `run`, or `file NAME` for a text that later blocks read."""
    kind: str
    body: str

    @property
    def file(self) -> str | None:
        """The name of the file that the block shows, if it shows one."""
        return self.mark.removeprefix("file ") if self.mark.startswith("file ") else None


def blocks(text: str) -> list[Block]:
    """All blocks of a text, in order."""
    return [Block(m["mark"] or "", m["kind"], m["body"]) for m in BLOCK.finditer(text)]


def redacted(text: str) -> str:
    """What a command printed, without times and versions."""
    for pattern, replacement in _REDACTED:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text.rstrip()


def commands(body: str) -> list[tuple[str, str]]:
    """The commands after `$ ` with what is shown below each."""
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (p.partition("\n") for p in parts)]


def run(command: str, folder: Path, cache: Path) -> str:
    """What a command prints, with `mergelaw` as the code of this checkout."""
    shim = cache / "bin" / "mergelaw"
    shim.parent.mkdir(parents=True, exist_ok=True)
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mergelaw.cli.main "$@"\n')
    shim.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": LAYERS,
            "COLUMNS": "100",
            "MERGELAW_CACHE": str(cache),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout
