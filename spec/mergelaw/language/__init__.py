"""The spec language.

`parse` and `format_module` go from text to syntax tree and back, `check_file` and `check_text` to the typed core.
Lark is loaded only when a text is parsed.
"""

from __future__ import annotations

from pathlib import Path

from mergelaw.language import ast, core
from mergelaw.language.errors import CODES, SpecError, SpecErrors
from mergelaw.language.span import Span

__all__ = [
    "CODES",
    "Span",
    "SpecError",
    "SpecErrors",
    "check_file",
    "check_text",
    "format_module",
    "library_dir",
    "parse",
]


def parse(text: str, file: str) -> ast.Module:
    """The syntax tree of a text; `file` is how spans name it.

    Raises: SpecErrors with all lexical and syntax errors.
    """
    from mergelaw.language import parser

    return parser.parse(text, file)


def format_module(m: ast.Module) -> str:
    """The text of a module in the standard layout, comments included."""
    from mergelaw.language import printer

    return printer.format_module(m)


def library_dir() -> Path:
    """The folder of the library of types."""
    return Path(__file__).resolve().parent.parent / "types"


def check_file(path: Path) -> core.Program:
    """The program that a file and its imports make.

    Imports are looked up beside the importing file, then in the library. `Program.main` names the file's own types.
    Raises: SpecErrors.
    """
    from mergelaw.language import parser

    return _check(parser.read_source(path), str(path), path, ())


def check_text(text: str, file: str = "<text>", search: tuple[Path, ...] = ()) -> core.Program:
    """The program that a text makes; `file` is how errors name it.

    Imports are looked up in the folders `search`, then in the library.
    Raises: SpecErrors.
    """
    return _check(text, file, None, search)


def _check(text: str, label: str, place: Path | None, search: tuple[Path, ...]) -> core.Program:
    from mergelaw.language import parser
    from mergelaw.language.check import check_program
    from mergelaw.language.check.declared import Errors
    from mergelaw.language.check.imports import Loader

    errors = Errors()
    library = library_dir()
    loader = Loader(parser.read_source, parser.parsed, errors, (*search, library))
    known = sorted(f.relative_to(library).as_posix() for f in library.rglob("*.crdt"))
    return check_program(loader.load(text, label, place), errors, known)
