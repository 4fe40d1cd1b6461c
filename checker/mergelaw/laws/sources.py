"""Spec files as texts: what is in the library, what a file declares and imports, told without parsing.

Looking for unchanged files must not cost what parsing them costs. A scan may therefore see a little more than
the parser would (an import too many, which makes a hash depend on one text more), never less.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_COMMENT_OR_TEXT = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"')
_IMPORT = re.compile(r'\bimport\b[^"]*?\bfrom\s*("(?:[^"\\\n]|\\.)*")')
_DECLARATION = re.compile(r"\b(?:type|store)\s+([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)?\{")


@cache
def library() -> Path:
    """The folder of the library's `.crdt` files."""
    from mergelaw import types

    return Path(types.__path__[0])


def library_files() -> list[Path]:
    """All files of the library: those of its top folder first, then by folder."""
    return sorted(library().rglob("*.crdt"), key=lambda p: (p.parent != library(), p))


def read(path: Path) -> str:
    """The text of a file; bytes that are no UTF-8 become U+FFFD. Raises: OSError."""
    return path.read_text(encoding="utf-8", errors="replace")


def declared(text: str) -> list[str]:
    """Names of the types and stores that a text declares, in order."""
    return _DECLARATION.findall(_without_comments(text))


def imported(text: str) -> list[str]:
    """The paths that a text imports from, as written there, in order."""
    return list(_imported(_without_comments(text)))


@dataclass(frozen=True)
class Source:
    """One file that the meaning of another rests on."""

    name: str
    """Within the library its path there, else the path as imported and where that led."""
    path: Path | None
    """None: the import leads nowhere; then the text is empty."""
    text: str

    @property
    def of_library(self) -> bool:
        """Whether it is a file of the library."""
        return self.path is not None and of_library(self.path)


def closure(path: Path) -> list[Source]:
    """The file and all that it imports, which its meaning rests on. Raises: OSError, if `path` cannot be read."""
    found = {"": Source(path.name, path, read(path))}
    todo = [(path.parent, name) for name in imported(found[""].text)]
    while todo:
        folder, name = todo.pop()
        at = next((p for p in (folder / name, library() / name) if p.is_file()), None)
        key = f"{name} at {at}" if at is None or not of_library(at) else in_library(at)
        if key not in found:
            found[key] = Source(key, at, "" if at is None else read(at))
            if at is not None:
                todo += [(at.parent, n) for n in imported(found[key].text)]
    return list(found.values())


def of_library(path: Path) -> bool:
    """Whether a file lies in the library."""
    return path.resolve().is_relative_to(library().resolve())


def in_library(path: Path) -> str:
    """The path of a file of the library below its folder."""
    return path.resolve().relative_to(library().resolve()).as_posix()


def _imported(text: str) -> Iterator[str]:
    for literal in _IMPORT.findall(text):
        try:
            yield json.loads(literal)
        except ValueError:
            continue


def _without_comments(text: str) -> str:
    return _COMMENT_OR_TEXT.sub(lambda m: " " if m[0].startswith("//") else m[0], text)
