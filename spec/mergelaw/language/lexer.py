"""Text to tokens: words, marks, numbers, text literals; comments are collected beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from mergelaw.language.errors import SpecError
from mergelaw.language.span import Span

RESERVED = frozenset(
    (
        "and", "desc", "each", "else", "exists", "false", "for", "forall", "forget", "forgetting", "greatest", "if",
        "in", "least", "let", "match", "none", "not", "or", "then", "true", "where", "_",
    )
)  # fmt: skip
"""Keywords that can never be names. The other keywords are names wherever the grammar has no use for them."""

ERRORS_MAX = 100
"""Lexical errors reported of one file."""

DIGITS_MAX = 1000
"""Digits of one number."""

CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
"""Characters that are invisible or turn the writing round: errors even in comments, escaped in text literals."""

_PIECE = re.compile(
    rf"""
      (?P<blank>   [ \t\r\n]+ )
    | (?P<comment> //[^\n]* )
    | (?P<word>    [A-Za-z_][A-Za-z0-9_]* )
    | (?P<mark>    => | -> | == | != | <= | >= | \+\+ | [-+*&|<>=.,:(){{}}\[\]] )
    | (?P<number>  [0-9][0-9A-Za-z_.]* )
    | (?P<text>    "(?:[^"\\\n]|\\[^\n])*" )
    | (?P<open>    "[^\n]* )
    | (?P<control> [{CONTROL}]+ )
    | (?P<unknown> [^\x00-\x20"()*+,\-.0-9:<=>A-Z\[\]_a-z{{|}}&{CONTROL}]+ | [\s\S] )
    """,
    re.VERBOSE,
)
_CONTROL = re.compile(f"[{CONTROL}]")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}|(?P<bad>u[0-9a-fA-F]{0,3}|[\s\S]))')
_OPENERS = {"(": ")", "[": "]", "{": "}"}


@final
@dataclass(slots=True, eq=False)
class Lexeme:
    """A token that knows its place."""

    type: str
    """The terminal of the grammar."""
    value: str
    """As it is written."""
    span: Span
    doc: tuple[str, ...] = ()
    """The comment lines right above, if it is the first token of its line."""


@dataclass(frozen=True)
class Lexed:
    """The tokens of a text, an `$END` last; its comments; its lexical errors."""

    tokens: tuple[Lexeme, ...]
    comments: tuple[tuple[Span, str], ...]
    """Place and text, without the slashes, one blank after them, and blanks at the end."""
    errors: tuple[SpecError, ...]


def lex(text: str, file: str, terminals: Mapping[str, str]) -> Lexed:
    """The tokens of `text`. `terminals` maps each keyword and mark to its name in the grammar.

    Keywords have their own types; where one is used as a name, the parser takes it as such.
    """
    return _Lexer(text, file, terminals).run()


def number_value(token: Lexeme) -> int | Fraction:
    """What a NUMBER means: an int, or a Fraction if it has a decimal point."""
    return Fraction(token.value) if "." in token.value else int(token.value)


def text_value(token: Lexeme) -> str:
    """What a TEXT means, escapes resolved."""
    value = json.loads(token.value, strict=False)
    assert isinstance(value, str)
    return value


def comment_text(comment: str) -> str:
    """The text of a `//` comment: `// a` and `//a` are both `a`."""
    return comment[2:].rstrip().removeprefix(" ")


class _Lexer:
    """One run over one text."""

    def __init__(self, text: str, file: str, terminals: Mapping[str, str]) -> None:
        self.text = text
        self.file = file
        self.terminals = terminals
        self.line = 1
        self.line_start = 0
        self.tokens: list[Lexeme] = []
        self.comments: list[tuple[Span, str]] = []
        self.errors: list[SpecError] = []
        self.doc: list[str] = []
        """The comment lines so far that would document a token on the next line."""
        self.scopes: list[str] = []
        """What is open: brackets, `let` (its `in` to come), `forall`/`exists` (their colon to come)."""

    def run(self) -> Lexed:
        for piece in _PIECE.finditer(self.text):
            kind = piece.lastgroup
            if kind == "blank":
                self._blank(piece.group(), piece.start())
            elif kind == "comment":
                self._comment(piece)
            elif kind == "word":
                word = piece.group()
                self._token(self.terminals.get(word, "NAME"), piece)
            elif kind == "mark":
                self._token(self.terminals[piece.group()], piece)
            elif kind == "number":
                self._number(piece)
            elif kind == "text":
                self._text(piece)
            else:
                self._bad(piece)
            if len(self.errors) >= ERRORS_MAX:
                break
        end = self._span(len(self.text), len(self.text))
        if self.tokens:
            last = self.tokens[-1].span
            end = Span(self.file, last.end_line, last.end_column, last.end_line, last.end_column)
        self._append("$END", "", end)
        return Lexed(tuple(self.tokens), tuple(self.comments), tuple(self.errors))

    def _span(self, start: int, end: int) -> Span:
        return Span(self.file, self.line, start - self.line_start + 1, self.line, end - self.line_start + 1)

    def _blank(self, blank: str, start: int) -> None:
        lines = blank.count("\n")
        if lines:
            self.line += lines
            self.line_start = start + blank.rindex("\n") + 1
            if lines > 1:
                self.doc.clear()

    def _comment(self, piece: re.Match[str]) -> None:
        span = self._span(piece.start(), piece.end())
        for control in _CONTROL.finditer(piece.group()):
            self._control(piece.start() + control.start(), control.group())
        text = comment_text(piece.group())
        self.comments.append((span, text))
        if not self.tokens or self.tokens[-1].span.line != self.line:
            self.doc.append(text)

    def _append(self, kind: str, text: str, span: Span) -> None:
        self.tokens.append(Lexeme(kind, text, span, tuple(self.doc)))
        self.doc.clear()

    def _token(self, kind: str, piece: re.Match[str]) -> None:
        if kind == "IN":
            kind = self._in_kind()
        elif kind != "NAME":
            self._scope(piece.group())
        self._append(kind, piece.group(), self._span(piece.start(), piece.end()))

    def _scope(self, word: str) -> None:
        if word in ("let", "forall", "exists") or word in _OPENERS:
            self.scopes.append(word)
        elif word == ":":
            if self.scopes and self.scopes[-1] in ("forall", "exists"):
                self.scopes.pop()
        elif word in ")]}":
            while self.scopes and self.scopes.pop() not in _OPENERS:
                pass

    def _in_kind(self) -> str:
        """The first bare `in` after a `let` ends its value: an operator `in` there needs parentheses."""
        after_not = bool(self.tokens) and self.tokens[-1].type == "NOT"
        if self.scopes and self.scopes[-1] == "let" and not after_not:
            self.scopes.pop()
            return "LET_IN"
        return "IN"

    def _number(self, piece: re.Match[str]) -> None:
        number = piece.group()
        span = self._span(piece.start(), piece.end())
        if not _NUMBER.fullmatch(number):
            hint = "Numbers look like 12 or 0.5; a name starts with a letter."
            self._error("ML004", f"`{_short(number)}` is not a number", span, hint)
        elif len(number) > DIGITS_MAX:
            self._error("ML004", f"a number of {len(number)} digits", span, f"At most {DIGITS_MAX} digits are allowed.")
        self._append("NUMBER", number, span)

    def _text(self, piece: re.Match[str]) -> None:
        text = piece.group()
        start = piece.start()
        good = True
        for escape in _ESCAPE.finditer(text):
            if escape["bad"] is not None:
                good = False
                self._error(
                    "ML003",
                    f"`{_short(escape.group())}` is not an escape",
                    self._span(start + escape.start(), start + escape.end()),
                    'Escapes are those of JSON: \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four hexadecimal digits.',
                )
        for control in _CONTROL.finditer(text):
            self._control(start + control.start(), control.group())
        span = self._span(start, piece.end())
        if good and any("\ud800" <= c <= "\udfff" for c in json.loads(text, strict=False)):
            self._error(
                "ML003",
                "half of a surrogate pair is not a character",
                span,
                "Write both halves, `\\ud83d\\ude00`, or the character itself.",
            )
        self._append("TEXT", text, span)

    def _bad(self, piece: re.Match[str]) -> None:
        text = piece.group()
        span = self._span(piece.start(), piece.end())
        if piece.lastgroup == "open":
            hint = 'Close it with `"`. A line break inside a text literal is written `\\n`.'
            self._error("ML002", "this text literal does not end on its line", span, hint)
            self._append("TEXT", '""', span)
        elif piece.lastgroup == "control":
            self._control(piece.start(), text)
        else:
            hint = 'Names are made of ASCII letters, digits and `_`; other characters stand in comments and "text".'
            self._error("ML001", f"unknown {_characters(text)}", span, _HINTS.get(text, hint))

    def _control(self, start: int, text: str) -> None:
        hint = "Delete it; in a text literal write it as an escape."
        self._error("ML006", f"invisible control {_characters(text)}", self._span(start, start + len(text)), hint)

    def _error(self, code: str, message: str, span: Span, hint: str) -> None:
        self.errors.append(SpecError(code, message, span, hint))


_HINTS = {
    ";": "Nothing ends a clause or an expression: leave it out.",
    "'": 'Text literals are written "…".',
    "!": "Negation is written `not x`, and inequality `x != y`.",
    "/": "There is no division. Comments start with `//`.",
    "\\": "Set difference is written `a - b`.",
    "∧": "Write `and`.",
    "∨": "Write `or`.",
    "¬": "Write `not`.",
    "≤": "Write `<=`.",
    "≥": "Write `>=`.",
    "≠": "Write `!=`.",
    "→": "Write `->` in a comprehension and `=>` elsewhere.",
    "∪": "Union is written `a | b`.",
    "∩": "Intersection is written `a & b`.",
    "∈": "Membership is written `x in s`.",
}


def _characters(text: str) -> str:
    shown = " ".join(f"`{c}`" if c.isprintable() else f"U+{ord(c):04X}" for c in text[:3])
    return ("character " if len(text) == 1 else "characters ") + shown + (" …" if len(text) > 3 else "")


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
