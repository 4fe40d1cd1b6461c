"""Writing statements of generated Python, and small questions about its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mergelaw.language.core import Expr


class Statements:
    """The lines of one generated function, and what is known while they are written."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._known: list[dict[Expr, str]] = [{}]

    def line(self, text: str) -> None:
        """Write one statement."""
        self.lines.append(text)

    @contextmanager
    def captured(self) -> Iterator[list[str]]:
        """What is written inside goes to the list; names given inside are unknown outside."""
        outer, self.lines = self.lines, []
        self._known.append({})
        try:
            yield self.lines
        finally:
            self.lines = outer
            self._known.pop()

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """What is written inside is the body of `header`; if that is nothing, neither is written."""
        with self.captured() as inner:
            yield
        self.indent(header, inner)

    def indent(self, header: str, inner: Sequence[str]) -> None:
        """Write `inner` as the body of `header`, unless it is empty."""
        if inner:
            self.line(header)
            self.lines += ["    " + text for text in inner]

    def branches(self, condition: str, then: Sequence[str], orelse: Sequence[str]) -> None:
        """An `if` statement of captured branches, without those that are empty."""
        if then and orelse:
            self.indent(f"if {bare(condition)}:", then)
            self.indent("else:", orelse)
        elif then:
            self._alone(condition, then)
        else:
            self._alone(opposite(condition), orelse)

    def _alone(self, condition: str, inner: Sequence[str]) -> None:
        """An `if` without `else`; one with the `if` that is all of its body."""
        if inner and inner[0].startswith("if ") and all(text.startswith("    ") for text in inner[1:]):
            nested = inner[0][len("if ") : -1]
            if " or " not in nested and " if " not in nested:
                condition = f"({condition} and {nested})"
                inner = [text[4:] for text in inner[1:]]
        self.indent(f"if {bare(condition)}:", inner)

    def chain(self, tests: Sequence[str], bodies: Sequence[Sequence[str]]) -> None:
        """An `if` statement with a body for each test, and a last one for all else."""
        if not tests:
            self.lines += bodies[0]
            return
        for i, (test, body) in enumerate(zip(tests, bodies, strict=False)):
            self.indent(f"{'elif' if i else 'if'} {bare(test)}:", body or ["pass"])
        self.indent("else:", bodies[-1])

    def know(self, e: Expr, text: str) -> None:
        """From here on in this block, `text` is the value of `e`."""
        self._known[-1][e] = text

    def known(self, e: Expr) -> str | None:
        """The text that stands for `e` here, if it has been computed."""
        for scope in reversed(self._known):
            if e in scope:
                return scope[e]
        return None


def bare(text: str) -> str:
    """`text` without parentheses around the whole of it (a tuple keeps them)."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    quote = ""
    previous = ""
    for i, c in enumerate(text):
        if quote:
            if c == quote and previous != "\\":
                quote = ""
            previous = "" if previous == "\\" else c
            continue
        if c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0 and i < len(text) - 1:
                return text
        elif c == "," and depth == 1:
            return text
        previous = c
    return text[1:-1] or text


def opposite(text: str) -> str:
    """The text of the negation of a condition."""
    words = text[1:-1].split(" ") if text.startswith("(") else []
    if len(words) == 3 and words[1] == "in":
        return f"({words[0]} not in {words[2]})"
    if len(words) == 4 and words[1:3] == ["not", "in"]:
        return f"({words[0]} in {words[3]})"
    if words[1:] == ["is", "not", "None"]:
        return f"({words[0]} is None)"
    return f"(not {text})"


def reads(line: str, name: str) -> bool:
    """Whether variable `name` occurs in a line of generated code."""
    at = line.find(name)
    while at >= 0:
        before, after = line[at - 1 : at], line[at + len(name) : at + len(name) + 1]
        if not (before.isalnum() or before == "_") and not (after.isalnum() or after == "_"):
            return True
        at = line.find(name, at + 1)
    return False
