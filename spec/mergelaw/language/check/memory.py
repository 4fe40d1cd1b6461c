"""What checking a file came to, kept for the other programs of one process that import it too.

What becomes of a file depends on its text and its label, on the ids of the names that it sees, on which enums of
the program have the variants that it mentions, and on what it imports. Only files of programs without any error are
kept, and so a file that is known has nothing to report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mergelaw.language import core
from mergelaw.language.check.contexts import Query
from mergelaw.language.check.declared import Declared, Owners
from mergelaw.language.check.imports import File


@dataclass(frozen=True, eq=False)
class Checked:
    """What checking a file came to. Equal to itself only: as part of a key it stands for all that it depends on."""

    elaborated: core.Program
    """The types and functions of the file, as the passes after elaboration see them."""
    finished: core.Program
    """The same after all passes."""
    readers: frozenset[Query]
    """Its queries that read `seen`."""
    enums: frozenset[str]
    """Those that it declares, and those of its imports."""
    mentioned: Mapping[str, Owners]
    """The variants that it mentions, with the enums of the program that have them: none but `enums`."""


_Key = tuple[str, str, frozenset[tuple[str, str]], tuple[Checked, ...]]


class Memory:
    """The files of the last programs that had no errors, at most `size`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[_Key, Checked] = {}
        """What was used last comes last."""

    def known(self, d: Declared, files: list[File]) -> dict[str, Checked]:
        """The files, by label, of which is known what checking them would come to; with a file, all its imports.

        `d` has the names of the files, which come in the order of a program.
        """
        found: dict[str, Checked] = {}
        for f in files if _labels_differ(files) else ():
            key = _key(d, f, found)
            checked = self._kept.pop(key, None) if key is not None else None
            if key is not None and checked is not None:
                self._kept[key] = checked
                if all(d.variants.get(v, ()) == owners for v, owners in checked.mentioned.items()):
                    found[f.label] = checked
        return found

    def keep(
        self,
        d: Declared,
        files: list[File],
        known: Mapping[str, Checked],
        elaborated: core.Program,
        finished: core.Program,
        readers: frozenset[Query],
    ) -> None:
        """Takes note of a program without errors: of what was known of its files, and what came of all others."""
        checked = dict(known)
        for f in files if _labels_differ(files) else ():
            key = _key(d, f, checked)
            if key is None:
                continue
            if f.label not in checked:
                own = frozenset(n for n in d.enums if d.home[n] == f.label)
                enums = own.union(*(c.enums for c in key[-1]))
                mentioned = d.mentioned.get(f.label, {})
                if any(enum not in enums for owners in mentioned.values() for enum, _ in owners):
                    continue  # of an enum that it does not import it depends in more than the name
                checked[f.label] = Checked(
                    _part(d, elaborated, f.label),
                    _part(d, finished, f.label),
                    frozenset(r for r in readers if d.home[r[0]] == f.label),
                    enums,
                    mentioned,
                )
            self._kept[key] = checked[f.label]
        while len(self._kept) > self._size:
            self._kept.pop(next(iter(self._kept)), None)


def _labels_differ(files: list[File]) -> bool:
    """Whether each file has a label of its own, as it has unless a text is given the label of a file."""
    return len({f.label for f in files}) == len(files)


def _key(d: Declared, f: File, checked: Mapping[str, Checked]) -> _Key | None:
    """What a file depends on, but for variants; None iff it imports a file that is not in `checked`."""
    imported = tuple(checked[label] for _, label in f.imports if label in checked)
    if len(imported) < len(f.imports):
        return None
    return f.label, f.text, frozenset(d.visible[f.label].items()), imported


def _part(d: Declared, program: core.Program, label: str) -> core.Program:
    """The types and functions of one file."""
    types = {n: t for n, t in program.types.items() if d.home[n] == label}
    functions = {n: f for n, f in program.functions.items() if d.home[n] == label}
    return core.Program(types, {}, functions, ())
