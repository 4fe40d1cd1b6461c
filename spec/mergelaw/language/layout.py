"""Documents that choose their own line breaks, and comments that end lines.

A `Group` is printed on one line if it fits, else all its own `Line`s break. A comment needs a line break behind it, so
the groups that go on after it break; where it stands among nested documents that end at the same word makes no
difference. Source: P. Wadler, A prettier printer, 2003; C. Lindig, Strictly pretty, 2000.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 100
"""Columns of a line, trailing comments apart."""

INDENT = 2


class Doc:
    """Base of documents."""

    words: bool = False
    """Whether it prints anything but comments."""
    before: bool = False
    """Whether a comment stands before its first word."""
    after: bool = False
    """Whether a comment stands after its last word."""
    broken: bool = False
    """Whether there must be a line break between its first and its last word."""


@dataclass(frozen=True)
class Text(Doc):
    """Words that stay together."""

    text: str

    words = True


@dataclass(frozen=True)
class Line(Doc):
    """A line break, or `flat` where the group is on one line."""

    flat: str = " "


@dataclass(frozen=True)
class Hard(Doc):
    """A line break in any case."""

    words = True
    broken = True


@dataclass(frozen=True)
class Note(Doc):
    """A comment: behind the words before it, or on a line of its own."""

    text: str
    own_line: bool

    before = True
    after = True


class Seq(Doc):
    """One after the other."""

    def __init__(self, parts: Iterable[Doc]) -> None:
        self.parts: Sequence[Doc] = tuple(parts)
        pending = False
        for part in self.parts:
            self.broken = self.broken or part.broken or (self.words and part.words and (pending or part.before))
            if part.words:
                self.before = self.before or (not self.words and (pending or part.before))
                self.words = True
                pending = part.after
            else:
                pending = pending or part.after
        self.after = pending
        if not self.words:
            self.before = pending


class Nest(Doc):
    """Its line breaks are followed by more indentation."""

    def __init__(self, doc: Doc, levels: int = 1) -> None:
        self.doc = doc
        self.levels = levels
        self.words, self.before, self.after, self.broken = doc.words, doc.before, doc.after, doc.broken


class Group(Doc):
    """On one line if it fits there."""

    def __init__(self, doc: Doc) -> None:
        self.doc = doc
        self.words, self.before, self.after, self.broken = doc.words, doc.before, doc.after, doc.broken


class Hang(Doc):
    """What follows a `=`, and can break between brackets.

    It stands behind the `=` if all fits there, on the next line if it fits there, else it starts behind the `=`.
    """

    def __init__(self, doc: Doc) -> None:
        self.doc = doc
        self.words, self.before, self.after, self.broken = doc.words, doc.before, doc.after, doc.broken


NOTHING = Seq(())
LINE = Line()
SOFT = Line("")
HARD = Hard()


def seq(*parts: Doc | str) -> Doc:
    """The parts one after the other; strings are words."""
    return Seq(Text(p) if isinstance(p, str) else p for p in parts)


def group(*parts: Doc | str) -> Doc:
    """The same, on one line if it fits there."""
    return Group(seq(*parts))


def nest(*parts: Doc | str) -> Doc:
    """The same, with one more level of indentation."""
    return Nest(seq(*parts))


def join(separator: Doc, docs: Iterable[Doc]) -> Doc:
    """The documents with a separator between two."""
    parts: list[Doc] = []
    for doc in docs:
        if parts:
            parts.append(separator)
        parts.append(doc)
    return Seq(parts)


def comment(text: str) -> str:
    """The comment as it is written; the lexer reads `text` back from it."""
    return f"//{text}" if text.startswith("/") else f"// {text}".rstrip()


def render(doc: Doc, width: float = WIDTH, indent: int = 0) -> str:
    """The text of a document, without a line break at its end."""
    return _Renderer(width).run(doc, indent)


_Command = tuple[int, bool, Doc]
"""Indentation, whether its group is on one line, document."""


class _Renderer:
    def __init__(self, width: float) -> None:
        self.width = width
        self.lines: list[str] = []
        self.line = ""
        self.trailing: list[str] = []
        """Comments that go to the end of the line."""
        self.must_break = False
        """Whether a comment has ended the line."""

    def run(self, doc: Doc, indent: int) -> str:
        stack: list[_Command] = [(indent, False, doc)]
        self.line = " " * indent
        while stack:
            level, flat, doc = stack.pop()
            if isinstance(doc, Text):
                self._text(doc.text, level)
            elif isinstance(doc, Seq):
                stack.extend((level, flat, p) for p in reversed(doc.parts))
            elif isinstance(doc, Nest):
                stack.append((level + INDENT * doc.levels, flat, doc.doc))
            elif isinstance(doc, Group):
                stack.append((level, flat or self._fits(level, doc, stack), doc.doc))
            elif isinstance(doc, Hang):
                stack.append(self._hang(doc, level, flat))
            elif isinstance(doc, Note):
                self._note(doc, level)
            elif isinstance(doc, Line) and flat:
                if self.trailing or self.must_break:
                    self._newline(level)
                else:
                    self.line += doc.flat
            else:
                self._newline(level)
        self._end_line()
        return "\n".join(self.lines)

    def _text(self, text: str, level: int) -> None:
        if self.must_break or (self.trailing and text != ","):
            self._newline(level)
        self.line += text.lstrip(" ") if not self.line.strip() else text

    def _note(self, note: Note, level: int) -> None:
        if not note.own_line:
            self.trailing.append(note.text)
            return
        if self.line.strip() or self.trailing or self.must_break:
            self._newline(level)
        self.line += comment(note.text)
        self.must_break = True

    def _hang(self, doc: Hang, level: int, flat: bool) -> _Command:
        column = level + INDENT
        indented = len(self.line) - len(self.line.lstrip(" ")) > level
        if not flat and (indented or doc.before or self._fits(column, Group(doc.doc), (), from_column=column)):
            self._newline(column)
            return column, False, doc.doc
        self._text(" ", level)
        return level, flat, doc.doc

    def _newline(self, level: int) -> None:
        self._end_line()
        self.line = " " * level

    def _end_line(self) -> None:
        if self.trailing:
            self.line = f"{self.line.rstrip()}  {' '.join(map(comment, self.trailing))}"
        self.lines.append(self.line.rstrip())
        self.line = ""
        self.trailing.clear()
        self.must_break = False

    def _fits(self, level: int, doc: Group, rest: Sequence[_Command], from_column: int | None = None) -> bool:
        """Whether the group, and what follows it up to the next possible line break, fits on the line."""
        if doc.broken:
            return False
        if from_column is None:
            from_column = level if doc.before or self.trailing or self.must_break else len(self.line)
        left = self.width - from_column
        stack: list[tuple[bool, Doc]] = [(True, doc.doc)]
        following = len(rest)
        inside = True
        words = False
        while left >= 0:
            if not stack:
                if not following:
                    return True
                following -= 1
                inside = False
                stack.append((rest[following][1], rest[following][2]))
            flat, item = stack.pop()
            if isinstance(item, Text):
                left -= len(item.text)
                words = True
            elif isinstance(item, Seq):
                stack.extend((flat, p) for p in reversed(item.parts))
            elif isinstance(item, Nest):
                stack.append((flat, item.doc))
            elif isinstance(item, Group):
                stack.append((flat and not item.broken if inside else False, item.doc))
            elif isinstance(item, Hang) and flat:
                stack += [(flat, item.doc), (flat, LINE)]
            elif isinstance(item, Note):
                if words:
                    return True
            elif isinstance(item, Line) and flat:
                left -= len(item.flat)
            else:
                return True
        return False
