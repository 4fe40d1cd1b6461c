"""Progress of a verification on a terminal: a table that fills, redrawn in place; nothing where there is no terminal.

It goes to stderr and is gone when the command prints its results, so what is piped on is only results.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from mergelaw.laws.model import Verdict
from mergelaw.laws.report import TypeReport, verdicts
from mergelaw.laws.runner import Run

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

REDRAW_S = 0.1
COLOURS = {
    Verdict.PROVED: "green",
    Verdict.REFUTED: "red",
    Verdict.UNKNOWN: "yellow",
    Verdict.BOUNDED: "cyan",
    Verdict.VACUOUS: "yellow",
}


class Watch:
    """Shows a run as it grows on `stream`; draws from the caller's thread only, so that processes can be forked."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live: Live | None = None
        self._cached: list[TypeReport] = []
        self._started = self._drawn = 0.0

    def __enter__(self) -> Watch:
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, cached: Iterable[Iterable[TypeReport]]) -> None:
        """Begins to draw, with what is known from earlier runs."""
        self._cached = [t for types in cached for t in types]
        if not self._stream.isatty() or os.environ.get("TERM") == "dumb":
            return
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(file=self._stream), auto_refresh=False, transient=True)
        self._live.start()

    def see(self, run: Run) -> None:
        """Draws a run, unless it was drawn just now."""
        if self._live is not None and self._due():
            self._live.update(self._table(run), refresh=True)

    def count(self, what: str, done: int, total: int) -> None:
        """Draws how far something got."""
        if self._live is not None and self._due():
            self._live.update(f"{what} {done} of {total}   {self._elapsed()}", refresh=True)

    def stop(self) -> None:
        """Wipes what was drawn."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _due(self) -> bool:
        now = time.monotonic()
        due = now - self._drawn >= REDRAW_S
        if due:
            self._drawn = now
        return due

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._started:.1f} s"

    def _table(self, run: Run) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        table.add_column("type")
        table.add_column("obligations", justify="right")
        table.add_column("verdicts")
        table.add_column("time", justify="right")
        # What moves is at the end; a screen that is too short for all should show that.
        room = max(4, self._lines() - 4)
        rows = [(t, t.done) for t in sorted(run.types, key=lambda t: not t.done)]
        for t, done in rows[-room:]:
            shown = TypeReport(t.name, t.label, t.ordered)
            text = Text(verdicts(shown))
            for verdict, colour in COLOURS.items():
                text.highlight_regex(rf"\d+ {verdict.value}", colour)
            seconds = f"{shown.seconds:.2f} s"
            table.add_row(t.name, f"{len(t.results)}/{len(t.obligations)}", text, seconds if done else f"… {seconds}")
        found = sum(len(t.results) for t in run.types)
        total = sum(len(t.obligations) for t in run.types)
        table.caption = (
            f"{sum(done for _, done in rows)} of {len(rows)} types, {found} of {total} obligations"
            + (f", {len(self._cached)} types unchanged" if self._cached else "")
            + f"   {self._elapsed()}"
        )
        table.caption_justify = "left"
        return table

    def _lines(self) -> int:
        assert self._live is not None
        return self._live.console.size.height
