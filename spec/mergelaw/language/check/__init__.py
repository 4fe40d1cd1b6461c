"""The checker: from the surface trees of a program's files to its typed core.

Passes, each one with its own errors, all of a pass at once: names and types (`declarations`, `clauses` with
the modules that elaborate expressions), then totality (`support`, `recursion`). They leave out the files that
`memory` knows from earlier programs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import PurePath
from typing import TypeVar

from mergelaw.language import core
from mergelaw.language.check import binders, calls, expressions, operators, patterns, records
from mergelaw.language.check.clauses import function, type_definition
from mergelaw.language.check.contexts import check_contexts
from mergelaw.language.check.declarations import check_declarations, sign
from mergelaw.language.check.declared import Declared, Errors
from mergelaw.language.check.imports import File
from mergelaw.language.check.memory import Memory
from mergelaw.language.check.names import collect
from mergelaw.language.check.places import check_places
from mergelaw.language.check.recursion import check_recursion
from mergelaw.language.check.support import Support
from mergelaw.language.errors import SpecErrors

MEMORY = Memory(64)
"""The files checked last in this process."""

ELABORATED_BY = (binders, calls, expressions, operators, patterns, records)
"""The modules that say how surface expressions are elaborated; importing them registers their rules."""

FRAMES = 20_000
"""Python frames that the deepest tree that the parser lets through needs, with a wide margin."""


def check_program(files: list[File], errors: Errors, library: Iterable[str] = ()) -> core.Program:
    """The program of these files; the last one is the one that was asked for.

    `library` are the paths of the files that could be imported from the library, for hints.
    Raises: SpecErrors with all errors of the first pass that found any, beside those in `errors`.
    """
    with _deep():
        return _check(files, errors, {_plain(PurePath(p).stem): p for p in library})


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _check(files: list[File], errors: Errors, library: Mapping[str, str]) -> core.Program:
    d = Declared(errors, library=library)
    kept = collect(d, files)
    if any(e.code in ("ML206", "ML207", "ML208") for e in errors.found):
        raise SpecErrors(errors.found)  # what is missing would only be missed again at every use
    sign(d, kept)
    known = MEMORY.known(d, files)
    new = {f.label for f in files if f.label not in known}
    check_declarations(d, [(n, decl) for n, decl in kept if d.home[n] in new])
    elaborated = core.Program(
        functions={n: function(d, n) for n in d.functions if d.home[n] in new},
        types={n: type_definition(d, n) for n in d.types if d.home[n] in new},
        enums=d.enums,
        main=tuple(n for n in d.types if d.home[n] == files[-1].label),
    )
    _stop_if_any(errors)
    program = _whole(d, elaborated, [k.elaborated for k in known.values()])
    readers = check_contexts(elaborated, frozenset().union(*(k.readers for k in known.values())), errors)
    check_places(program, elaborated, errors)
    support = Support(program, errors)
    finished = replace(
        elaborated,
        types={n: _sourced_type(support, t) for n, t in elaborated.types.items()},
        functions={n: replace(f, body=support.sourced(f.body)) for n, f in elaborated.functions.items()},
    )
    others = [k.finished for k in known.values()]
    recursive = check_recursion(_whole(d, finished, others), finished, errors)
    _stop_if_any(errors)
    functions = {n: replace(f, recursive=n in recursive) for n, f in finished.functions.items()}
    finished = replace(finished, functions=functions)
    MEMORY.keep(d, files, known, elaborated, finished, readers)
    return _whole(d, finished, others)


def _whole(d: Declared, news: core.Program, others: list[core.Program]) -> core.Program:
    """All that is declared, in order."""
    types = dict(chain(news.types.items(), *(p.types.items() for p in others)))
    functions = dict(chain(news.functions.items(), *(p.functions.items() for p in others)))
    return replace(news, types={n: types[n] for n in d.types}, functions={n: functions[n] for n in d.functions})


def _stop_if_any(errors: Errors) -> None:
    if errors.found:
        raise SpecErrors(errors.found)


C = TypeVar("C", core.MergeDef, core.QueryDef, core.Property, core.TheoremDef)


def _sourced_type(support: Support, t: core.TypeDef) -> core.TypeDef:
    def body(c: C) -> C:
        return replace(c, body=support.sourced(c.body))

    def update(u: core.UpdateDef) -> core.UpdateDef:
        requires = support.sourced(u.requires) if u.requires is not None else None
        return replace(u, requires=requires, body=support.sourced(u.body))

    return replace(
        t,
        merge=body(t.merge) if t.merge is not None else None,
        dots=support.sourced(t.dots) if t.dots is not None else None,
        updates=tuple(map(update, t.updates)),
        queries=tuple(map(body, t.queries)),
        properties=tuple(map(body, t.properties)),
        theorems=tuple(map(body, t.theorems)),
    )


@contextmanager
def _deep() -> Iterator[None]:
    """Lets trees be as deep as the parser lets them be."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
