"""Places in a spec file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A piece of one file: from (line, column) up to, not including, (end_line, end_column).

    Lines and columns count from 1; a tab counts as one column.
    """

    file: str
    """Path of the file as it was given, or a label such as `<text>`."""
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def to(self, end: Span) -> Span:
        """The span from the start of this one to the end of `end`."""
        return Span(self.file, self.line, self.column, end.end_line, end.end_column)


NOWHERE = Span("<none>", 1, 1, 1, 1)
"""The span of nodes that no text stands behind."""
