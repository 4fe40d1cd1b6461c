"""Errors in spec files: what is wrong, where, and what to do about it.

`CODES` lists every code. Only the user's text raises a `SpecError`; a fault of ours is an `assert`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from mergelaw.language.span import Span

LEXICAL = {
    "ML001": "a character that no token starts with",
    "ML002": "a text literal that does not end on its line",
    "ML003": "an escape that JSON does not have in a text literal",
    "ML004": "an invalid number",
    "ML005": "the file is not UTF-8 text",
    "ML006": "an invisible control character",
    "ML007": "the file cannot be read",
}

SYNTAX = {
    "ML101": "a token that cannot stand where it stands",
    "ML102": "the file ends too early",
    "ML103": "a bracket that is never closed, or closed by one of another kind",
    "ML104": "a closing bracket that was never opened",
    "ML105": "nested too deeply",
    "ML106": "a keyword used as a name",
    "ML107": "operators in a row that need parentheses",
    "ML108": "parts of a clause in the wrong order, or twice",
    "ML109": "braces that mix two forms",
    "ML110": "a name, a place in the state or a whole number expected, another expression found",
    "ML111": "an unknown kind of declaration or clause",
    "ML112": "a parameter or a result without its type",
    "ML113": "`=`, `==` and `:` taken for each other",
    "ML114": "`if` without `else`",
    "ML115": "empty brackets where something is needed",
    "ML116": "a part of a clause is missing",
}

NAMES: dict[str, str] = {
    "ML201": "a name that nothing in scope has",
    "ML202": "an unknown type",
    "ML203": "a field, query or update that its subject does not have",
    "ML204": "an unknown function",
    "ML205": "a name defined twice",
    "ML206": "an imported file that is not there",
    "ML207": "an imported name that the file does not declare",
    "ML208": "imports in a circle",
    "ML209": "a name of another file that is not imported",
    "ML210": "a rule about an update that the type does not have",
    "ML211": "something that cannot be used in this clause",
    "ML212": "two entries of a delta for the same place",
    "ML213": "dots handed on wrongly, or one dot for several atoms",
    "ML214": "aliases in a circle",
    "ML215": "a clause that is missing or stands twice",
    "ML216": "a reserved name",
    "ML217": "a variant that several enums have",
    "ML218": "something to forget that has no dots",
    "ML219": "`seen` of something that is not a state",
}

TYPES: dict[str, str] = {
    "ML301": "a value of another type than expected",
    "ML302": "a type that cannot be told; annotate",
    "ML303": "an operator on types that it does not work on",
    "ML304": "a wrong number of arguments",
    "ML305": "a wrong number of type arguments",
    "ML306": "a match that misses a case",
    "ML307": "a case of a match that is never reached",
    "ML308": "a pattern that does not fit its subject",
    "ML309": "an index, a loop or a choice over something that has no keys or members",
    "ML310": "`seen` used for something else than membership",
    "ML311": "an update applied to something that is not a state",
}

BOUNDS: dict[str, str] = {
    "ML401": "a type argument outside the bound of its parameter",
    "ML402": "a type without a zero where one is needed",
    "ML403": "a type whose zero would be infinite",
    "ML404": "a state with a part that has no merge",
    "ML405": "a `type` that needs to be a `store`",
    "ML406": "an order on a type that has none",
    "ML407": "`merge` of values of a type without a merge",
    "ML408": "`merge` of stores where their contexts are not known",
}

TOTALITY: dict[str, str] = {
    "ML501": "a comprehension whose support may be infinite",
    "ML502": "a recursion that need not end",
    "ML503": "a quantifier over a whole type outside of logic",
}

CODES: dict[str, str] = {**LEXICAL, **SYNTAX, **NAMES, **TYPES, **BOUNDS, **TOTALITY}
"""Every code with its meaning; the first digit tells the pass that finds it."""


@dataclass(frozen=True)
class SpecError:
    """One error in a spec file."""

    code: str
    """A key of `CODES`."""
    message: str
    """What is wrong: one line, no full stop; names from the text stand in backquotes."""
    span: Span
    """The text at fault."""
    hint: str = ""
    """What to do, in whole sentences; may be empty or several lines."""

    def __post_init__(self) -> None:
        assert self.code in CODES, f"{self.code} is missing in CODES"

    def __str__(self) -> str:
        return f"{self.span}: error {self.code}: {self.message}"

    def render(self, source: str) -> str:
        """The error with the line of `source` it is in, carets under its span, and its hint.

        `source` is the text of the file `span.file`; where it has no such line, only message and hint come back.
        """
        parts = [str(self)]
        lines = source.split("\n")
        if source and self.span.line <= len(lines):
            line = lines[self.span.line - 1].rstrip("\r")
            end = self.span.end_column - 1 if self.span.end_line == self.span.line else len(line)
            number = str(self.span.line)
            start = self.span.column - 1
            parts.append(f"  {number} | {_visible(line)}".rstrip())
            parts.append(f"  {' ' * len(number)} | {_padding(line[:start])}{'^' * max(1, _width(line[start:end]))}")
        if self.hint:
            parts.append(self.hint)
        return "\n".join(parts)


class SpecErrors(Exception):
    """All errors that one pass found in a file, in the order of the text; at least one."""

    def __init__(self, errors: Iterable[SpecError]) -> None:
        self.errors: tuple[SpecError, ...] = tuple(
            sorted(errors, key=lambda e: (e.span.file, e.span.line, e.span.column))
        )
        assert self.errors, "SpecErrors without an error"
        super().__init__(self.errors)

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))

    def render(self, source: str) -> str:
        """All errors rendered, with a blank line between two."""
        return "\n\n".join(e.render(source) for e in self.errors)


def _visible(line: str) -> str:
    """`line` with what a terminal would obey or hide replaced, column for column."""
    return "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def _padding(before: str) -> str:
    """Blanks as wide as `before`: tabs stay tabs."""
    return "".join("\t" if c == "\t" else " " * _width(c) for c in before)


def _width(text: str) -> int:
    """Columns that a terminal gives to `text`."""
    return sum(_columns(c) for c in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
