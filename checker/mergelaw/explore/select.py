"""Which type to explore, and what is known about it: `ORSet`, `ORMap[Text, PNCounter]`, `my/cart.crdt:Cart`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mergelaw.explore.model import ExploreError
from mergelaw.language.core import Named, Program
from mergelaw.laws import cache, ledger, sources
from mergelaw.laws.instances import instance, with_given_values
from mergelaw.laws.model import Kind, Verdict
from mergelaw.semantics.library import UnknownType, resolved

_PATH = re.compile(r"(.*\.crdt)(?::(.*))?", re.DOTALL)
LAWS = (Kind.COMMUTATIVE.value, Kind.ASSOCIATIVE.value, Kind.IDEMPOTENT.value)


@dataclass(frozen=True)
class Subject:
    """A type to explore."""

    program: Program
    type: Named
    path: Path
    """The file that declares it."""
    given: bool
    """It has no updates: values out of the blue take their place."""


def subject(written: str) -> Subject:
    """The type that `written` names; a file's last type if none is named.

    Raises: ExploreError, if there is none; SpecErrors, if its file is wrong; OSError.
    """
    found = _PATH.fullmatch(written)
    try:
        program, t = resolved(written) if found is None else resolved(found[2], Path(found[1]))
    except UnknownType as problem:
        raise ExploreError(f"{problem}. Name a type of the library, or a file that ends in .crdt") from problem
    path = Path(program.types[t.name].file)
    if program.types[t.name].updates:
        return Subject(program, t, path, given=False)
    program, t = instance(program, t.name)
    given = with_given_values(program, t.name)
    if given is None:
        raise ExploreError(f"{t.name} has no updates, so nothing happens in it; explore a type that it is part of")
    return Subject(given, t, path, given=True)


def proof_of_laws(of: Subject) -> str:
    """Where merge is proved commutative, associative and idempotent, and every delta's frame; empty: nowhere.

    A proof counts only if it is about the very texts that are explored.
    """
    if of.given or not of.path.is_file():
        return ""
    name = of.type.name
    texts = sources.closure(of.path)
    for label in _labels(of.path):
        results = (cache.load(cache.key(label, texts)) or {}).get(name, [])
        proved = {r.obligation.name for r in results if r.verdict is Verdict.PROVED}
        if results and _all_proved(of, proved):
            return f"verified: {', '.join(LAWS)}, frame"
    if not sources.of_library(of.path):
        return ""
    folder = sources.library().parents[2] / "proofs"
    try:
        entries = ledger.read(folder).get(name, {}).get("obligations", {})
    except ledger.LedgerError:
        return ""
    # An entry without a file is hashed with the texts that it rests on, which tells whether the ledger is up to date.
    digest = cache.texts_digest(texts)
    dated = [o for o, e in entries.items() if "smt2" not in e]
    current = dated and all(entries[o]["hash"] == cache.digest([digest, o]) for o in dated)
    proved = {o for o, e in entries.items() if e["verdict"] == Verdict.PROVED.value}
    return f"ledger of proofs: {', '.join(LAWS)}, frame" if current and _all_proved(of, proved) else ""


def _all_proved(of: Subject, proved: Iterable[str]) -> bool:
    frames = {f"{Kind.FRAME.value} {u.name}" for u in of.program.types[of.type.name].updates}
    return {*LAWS, *frames} <= {*proved}


def _labels(path: Path) -> tuple[str, ...]:
    """What a run of `verify` may have called the file."""
    here = Path.cwd()
    names = [path, path.resolve()]
    if path.resolve().is_relative_to(here):
        names.append(path.resolve().relative_to(here))
    return tuple(dict.fromkeys(str(n) for n in names))
