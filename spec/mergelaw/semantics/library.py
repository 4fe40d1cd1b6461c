"""From the written name of a type to the program that declares it: the library and files beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from mergelaw.language import check_text
from mergelaw.language.core import TEXT, Named, Program, Type

LIBRARY = Path(__file__).resolve().parent.parent / "types"
"""The folder of the library's specs."""


class UnknownType(LookupError):
    """No declaration of that name was found."""


@dataclass(frozen=True)
class Declaration:
    """A declaration, as the first line of its text tells it."""

    path: Path
    kind: str
    """type, store, enum or alias."""
    bounds: tuple[str | None, ...]
    """Of its parameters."""


_DECLARATION = re.compile(r"^(type|store|enum|alias)\s+(\w+)\s*(?:\[([^\]]*)\])?", re.MULTILINE)

_DEFAULTS = {None: "Text", "Ordered": "Text", "Lattice": "Max", "Store": "ORSet[Text]"}
"""What a parameter stands for where no argument is given, by its bound."""

_WANTED = "LoadedFromPython"
"""The declaration by which the checker is asked for a type."""


def declarations(path: Path) -> dict[str, Declaration]:
    """What the file at `path` declares, by name, in order; the file may be wrong otherwise. Raises: OSError."""
    found: dict[str, Declaration] = {}
    for kind, name, params in _DECLARATION.findall(path.read_text(encoding="utf-8")):
        bounds = (p.partition(":")[2].strip() or None for p in params.split(",") if p.strip())
        found[name] = Declaration(path.resolve(), kind, tuple(bounds))
    return found


@lru_cache(maxsize=1)
def library() -> dict[str, Declaration]:
    """What the files of the library declare, by name; of two alike the one in the first file."""
    found: dict[str, Declaration] = {}
    for path in sorted(LIBRARY.rglob("*.crdt")):
        for name, declaration in declarations(path).items():
            found.setdefault(name, declaration)
    return found


def resolved(written: str | None, path: Path | None = None) -> tuple[Program, Named]:
    """The type that `written` means and a program that declares it.

    Names are looked up in the file at `path`, then in the library; None is the last type of the file.
    Raises: UnknownType; SpecErrors, if a file is wrong or an argument does not fit; OSError.
    """
    own = {} if path is None else declarations(path)
    known = {**library(), **own}
    if written is None:
        written = next((n for n, d in reversed(own.items()) if d.kind in ("type", "store")), None)
        if written is None:
            raise UnknownType(f"{path} declares no type")
    head = re.match(r"\s*(\w+)", written)
    name = head[1] if head else written
    if name not in known or known[name].kind not in ("type", "store"):
        raise _unknown(name, (n for n, d in known.items() if d.kind in ("type", "store")))
    applied = re.sub(r"\w+(?!\s*\[|\w)", lambda found: _with_defaults(found[0], known), written)
    names = dict.fromkeys(n for n in re.findall(r"\w+", applied) if n in known)
    imports = "".join(f"import {n} from {json.dumps(str(known[n].path))}\n" for n in names)
    program = check_text(f"{imports}store {_WANTED} {{\n  state {applied}\n}}\n", f"<{written}>", (LIBRARY,))
    t = program.types[_WANTED].state
    assert isinstance(t, Named), t
    types = {n: d for n, d in program.types.items() if n != _WANTED}
    return replace(program, types=types, main=(t.name,)), t


def declared_in(program: Program, name: str | None) -> Named:
    """The type `name` of `program`, or its last own one, with defaults for its parameters. Raises: UnknownType."""
    if name is None:
        if not program.main:
            raise UnknownType("the program declares no type")
        name = program.main[-1]
    if name not in program.types:
        raise _unknown(name, program.types)
    arguments: dict[str | None, Type] = {
        None: TEXT,
        "Ordered": TEXT,
        "Lattice": Named("Max"),
        "Store": Named("ORSet", (TEXT,)),
    }
    args = tuple(arguments[p.bound] for p in program.types[name].params)
    for arg in args:
        if isinstance(arg, Named) and arg.name not in program.types:
            raise UnknownType(f"{name} needs arguments, and its program does not declare {arg}: name the instance")
    return Named(name, args)


def _with_defaults(name: str, known: dict[str, Declaration]) -> str:
    if name not in known or not known[name].bounds:
        return name
    return f"{name}[{', '.join(_DEFAULTS[b] for b in known[name].bounds)}]"


def _unknown(name: str, names: Iterable[str]) -> UnknownType:
    names = sorted(names)
    near = get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
    return UnknownType(f"no type {name!r}; {hint}")
