"""The files of a program: the file itself and, through its imports, all files that it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mergelaw.language import ast
from mergelaw.language.check.declared import Errors, did_you_mean
from mergelaw.language.errors import SpecErrors

Parse = Callable[[str, str], ast.Module]
Read = Callable[[Path], str]


@dataclass(frozen=True)
class File:
    """One file of a program."""

    label: str
    """How spans name it."""
    text: str
    module: ast.Module
    imports: tuple[tuple[ast.Import, str], ...]
    """Each import with the label of the file it is from; those that failed are missing."""


class Loader:
    """Reads files and what they import, each once."""

    def __init__(self, read: Read, parse: Parse, errors: Errors, search: tuple[Path, ...]) -> None:
        self._read = read
        self._parse = parse
        self._errors = errors
        self._search = search
        self._loaded: dict[Path | str, File] = {}
        self._open: list[tuple[Path | str, str]] = []

    def load(self, text: str, label: str, place: Path | None) -> list[File]:
        """The files of the program of a text, what is imported before what imports it.

        `place` is the file that the text is in, if any.
        Raises: SpecErrors if a file is not well formed, with what else is known by then.
        """
        try:
            self._add(text, label, place.resolve() if place is not None else label, place.parent if place else None)
        except SpecErrors as e:
            raise SpecErrors([*self._errors.found, *e.errors]) from None
        return list(self._loaded.values())

    def _add(self, text: str, label: str, key: Path | str, folder: Path | None) -> None:
        module = self._parse(text, label)
        self._open.append((key, label))
        found = []
        for d in module.declarations:
            if isinstance(d, ast.Import):
                imported = self._import(d, folder)
                if imported is not None:
                    found.append((d, imported))
        self._open.pop()
        self._loaded[key] = File(label, text, module, tuple(found))

    def _import(self, d: ast.Import, folder: Path | None) -> str | None:
        path = self._find(d.path, folder)
        if path is None:
            self._not_found(d, folder)
            return None
        key = path.resolve()
        open_keys = [k for k, _ in self._open]
        if key in open_keys:
            circle = [Path(label).name for _, label in self._open[open_keys.index(key) :]]
            names = " -> ".join([*circle, path.name])
            self._errors.add(
                "ML208", f"imports in a circle: {names}", d.span, "Move what both files need into a third one."
            )
            return None
        if key not in self._loaded:
            try:
                text = self._read(path)
            except SpecErrors as e:
                self._errors.add("ML206", f"`{d.path}`: {e.errors[0].message}", d.span, f"The file is {path}.")
                return None
            self._add(text, str(path), key, path.parent)
        return self._loaded[key].label

    def _find(self, wanted: str, folder: Path | None) -> Path | None:
        """The file beside the importing one, or in a searched folder, or the only one of its name below such a one."""
        for place in (folder, *self._search):
            if place is not None and (place / wanted).is_file():
                return place / wanted
        for place in self._search:
            below = sorted(place.rglob(Path(wanted).name)) if "/" not in wanted and place.is_dir() else []
            if len(below) == 1:
                return below[0]
        return None

    def _not_found(self, d: ast.Import, folder: Path | None) -> None:
        places = [p for p in (folder, *self._search) if p is not None and p.is_dir()]
        known = {f.relative_to(p).as_posix() for p in places for f in p.rglob("*.crdt")} if len(places) < 8 else set()
        hint = did_you_mean(d.path, known) or "The path is relative to the importing file, or to the library."
        self._errors.add("ML206", f"there is no file `{d.path}`", d.span, hint)
