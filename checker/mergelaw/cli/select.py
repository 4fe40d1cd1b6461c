"""What the words after `mergelaw verify` name: files, or types of the library."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from mergelaw.laws import sources
from mergelaw.laws.runner import FileJob


class WrongInput(Exception):
    """The user's input names nothing that can be verified; the message says what to do."""


def select(specs: Iterable[str]) -> list[FileJob]:
    """The files to verify and which of their types, in the order of their names; the whole library if `specs` is empty.

    A word that ends in `.crdt`, or has a slash, is a file; any other a type of the library. The proof of a type takes
    the laws of its parts for granted, so the files that a file imports come along, but those of the library, which
    are proved already (`rests_on` names them). Raises: WrongInput.
    """
    specs = list(specs)
    if not specs:
        return [FileJob(short(path)) for path in sources.library_files()]
    chosen: dict[Path, list[str] | None] = {}
    for spec in specs:
        if _is_file_name(spec):
            if not Path(spec).is_file():
                raise WrongInput(_no_file(spec))
            for source in sources.closure(Path(spec)):
                if source.path is not None and (source.path == Path(spec) or not source.of_library):
                    chosen[_same(source.path, chosen)] = None
        else:
            path = _declaring(spec)
            types = chosen.setdefault(path, [])
            if types is not None and spec not in types:
                types.append(spec)
    return [FileJob(path, None if types is None else tuple(types)) for path, types in chosen.items()]


def rests_on(jobs: Iterable[FileJob]) -> tuple[str, ...]:
    """The types of the library whose laws are taken for granted by `jobs` without being among them, sorted."""
    jobs = list(jobs)
    verified = {(j.path.resolve(), t) for j in jobs for t in j.types or sources.declared(sources.read(j.path))}
    taken = {
        (source.path.resolve(), name)
        for job in jobs
        for source in sources.closure(job.path)
        if source.path is not None and source.of_library
        for name in sources.declared(source.text)
    }
    return tuple(sorted(name for _, name in taken - verified))


def short(path: Path) -> Path:
    """`path` from the current folder if it lies below it, so that reports stay short and can be clicked."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def suggestion(word: str, known: Iterable[str]) -> str:
    """` Did you mean `X`?` with the nearest of `known`, or nothing."""
    by_lower = {k.lower(): k for k in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean `{by_lower[near[0]]}`?" if near else ""


def _same(path: Path, known: Iterable[Path]) -> Path:
    """`path`, or what it is called in `known`."""
    return next((k for k in known if k.resolve() == path.resolve()), path)


def _is_file_name(spec: str) -> bool:
    return spec.endswith(".crdt") or "/" in spec or "\\" in spec


def _declaring(name: str) -> Path:
    types = {t: path for path in sources.library_files() for t in sources.declared(sources.read(path))}
    if name in types:
        return short(types[name])
    hint = suggestion(name, types) or f" Its types are: {', '.join(sorted(types))}."
    raise WrongInput(f"the library has no type `{name}`.{hint} (A file's name ends in .crdt.)")


def _no_file(spec: str) -> str:
    path = Path(spec)
    if path.is_dir():
        return f"{spec} is a folder; name the files in it: {path / '*.crdt'}"
    near = [str(p) for p in path.parent.glob("*.crdt")] if path.parent.is_dir() else []
    return f"there is no file {spec}.{suggestion(spec, near)}"
