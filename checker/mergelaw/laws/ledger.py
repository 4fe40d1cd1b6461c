"""The folder of proofs: each proved obligation as an SMT-LIB 2 file, and `ledger.json` with every verdict.

    proofs/ledger.json            type -> obligation -> verdict, hash, solver, seconds
    proofs/ORSet/commutative.smt2

It is committed, so that anybody can read what was proved and have another solver prove it. The hash of an obligation
that has a file is the file's SHA-256; of the others, that of the texts it rests on. Entries whose hash and verdict are
as before are left alone, so times and versions of solvers do not churn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from mergelaw.laws.cache import digest
from mergelaw.laws.model import Result, Verdict

LEDGER = "ledger.json"
_KEPT = ("kind", "verdict", "hash", "uses")
"""The parts of an entry that do not depend on the machine and the version of a solver."""


@dataclass(frozen=True)
class TypeRecord:
    """What is to be written about one type."""

    name: str
    file: str
    """As the ledger calls it: within the library relative to it, else the file's name."""
    texts: str
    """Hash of the texts that the type rests on."""
    results: tuple[Result, ...]
    """Of all its obligations, with their SMT-LIB texts."""


Entry = dict[str, Any]
Ledger = dict[str, dict[str, Any]]


def file_name(obligation: str) -> str:
    """The name of an obligation's file: blanks become hyphens, and what a file's name had better not hold, tildes."""
    kept = (c if c.isalnum() or c in "_." else "-" if c == " " else "~" for c in obligation)
    return "".join(kept) + ".smt2"


def read(folder: Path) -> Ledger:
    """The ledger of a folder of proofs: {} if there is none. Raises: LedgerError, if it cannot be understood."""
    try:
        text = (folder / LEDGER).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        types = json.loads(text)["types"]
        if not all(isinstance(t["obligations"], dict) for t in types.values()):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise LedgerError(
            f"{folder / LEDGER} is not a ledger; delete it, then run `mergelaw verify --write-proofs`"
        ) from e
    return dict(types)


class LedgerError(Exception):
    """The folder of proofs is not in a shape that can be read; the message says what to do."""


def write(folder: Path, records: Iterable[TypeRecord], *, whole: bool) -> list[str]:
    """Brings a folder of proofs up to date with `records`; names what changed, as `stale` does.

    Other types stay as they are, unless `records` is the `whole` library: then they go, with their files.
    Raises: LedgerError, OSError.
    """
    records = list(records)
    old = read(folder)
    changes = stale(folder, records, whole=whole)
    types = {} if whole else dict(old)
    for record in records:
        known = old.get(record.name, {}).get("obligations", {})
        types[record.name] = {
            "file": record.file,
            "obligations": {
                r.obligation.name: _merged(known.get(r.obligation.name), r, record) for r in record.results
            },
        }
        _write_files(folder / record.name, _files(record))
    if whole:
        for gone in _type_folders(folder) - {r.name for r in records}:
            _write_files(folder / gone, {})
    text = json.dumps({"format": 1, "types": dict(sorted(types.items()))}, indent=1, ensure_ascii=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    _write_if_changed(folder / LEDGER, text)
    return changes


def stale(folder: Path, records: Iterable[TypeRecord], *, whole: bool) -> list[str]:
    """What in a folder of proofs is not as `records` say, one line each; [] iff it is up to date.

    Times and versions of solvers are not compared. Raises: LedgerError.
    """
    records = list(records)
    old = read(folder)
    return list(_stale(folder, old, records, whole))


def _stale(folder: Path, old: Ledger, records: list[TypeRecord], whole: bool) -> Iterator[str]:
    for record in records:
        known = old.get(record.name)
        if known is None:
            yield f"{record.name}: not in {LEDGER}"
            continue
        fresh = {r.obligation.name: _entry(r, record) for r in record.results}
        entries = known["obligations"]
        for name in [*fresh, *(n for n in entries if n not in fresh)]:
            if name not in entries:
                yield f"{record.name}: {name}: not in {LEDGER}"
            elif name not in fresh:
                yield f"{record.name}: {name}: in {LEDGER}, but no longer an obligation"
            elif different := [k for k in _KEPT if entries[name].get(k) != fresh[name].get(k)]:
                yield f"{record.name}: {name}: another {' and '.join(different)}"
        if known.get("file") != record.file:
            yield f"{record.name}: another file"
        files = _files(record)
        there = {p.name for p in (folder / record.name).glob("*.smt2")}
        for name in sorted(there - set(files)):
            yield f"{record.name}/{name}: proves nothing any more"
        for name, text in files.items():
            if name not in there:
                yield f"{record.name}/{name}: missing"
            elif (folder / record.name / name).read_text(encoding="utf-8") != text:
                yield f"{record.name}/{name}: another text"
    if whole:
        names = {r.name for r in records}
        for name in sorted((set(old) | _type_folders(folder)) - names):
            yield f"{name}: no longer a type of the library"


def proof_files(folder: Path, types: Iterable[str]) -> list[tuple[str, str, Path]]:
    """(type, obligation, file) of every obligation of `types` that the ledger calls proved by a file, in its order.

    The file may be missing. Raises: LedgerError.
    """
    ledger = read(folder)
    return [
        (name, obligation, folder / name / file_name(obligation))
        for name in types
        for obligation, entry in ledger.get(name, {}).get("obligations", {}).items()
        if entry.get("smt2")
    ]


def _merged(old: Entry | None, result: Result, record: TypeRecord) -> Entry:
    new = _entry(result, record)
    return old if old is not None and all(old.get(k) == new.get(k) for k in _KEPT) else new


def _entry(result: Result, record: TypeRecord) -> Entry:
    proved_by_file = _proved_by_file(result)
    name = result.obligation.name
    entry: Entry = {
        "kind": result.obligation.kind.value,
        "verdict": result.verdict.value,
        "hash": sha256((result.smt2 or "").encode()).hexdigest() if proved_by_file else digest([record.texts, name]),
        "solver": result.engine,
        "seconds": round(result.seconds, 4),
    }
    if result.uses:
        entry["uses"] = sorted(result.uses)
    if proved_by_file:
        entry["smt2"] = file_name(name)
    return entry


def _files(record: TypeRecord) -> Mapping[str, str]:
    proved = [r for r in record.results if _proved_by_file(r)]
    files = {file_name(r.obligation.name): r.smt2 or "" for r in proved}
    assert len(files) == len(proved), f"two obligations of {record.name} have one file name"
    return files


def _proved_by_file(result: Result) -> bool:
    return result.verdict is Verdict.PROVED and result.smt2 is not None


def _type_folders(folder: Path) -> set[str]:
    return {p.parent.name for p in folder.glob("*/*.smt2")}


def _write_files(folder: Path, files: Mapping[str, str]) -> None:
    if files:
        folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.smt2"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        _write_if_changed(folder / name, text)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _write_if_changed(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8", newline="\n")
