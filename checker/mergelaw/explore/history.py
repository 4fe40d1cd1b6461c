"""Histories as data: their updates, what comes of one by one more update, and how far a search of them is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mergelaw.explore.model import Progress
from mergelaw.semantics.values import Raw

Node = tuple[int, ...]
"""The numbers of the events of a history, ascending."""

Call = tuple[int, int, str, tuple[Raw, ...], int]
"""An update as it was asked for: its bit, what its replica had received, name, arguments, time."""

Calls = tuple[Call, ...]


@dataclass(frozen=True)
class Event:
    """One update of a history."""

    bit: int
    """(replica - 1) * updates + n for the replica's n-th update, from 0."""
    delta: int
    when: int
    """Its time where clocks run well; else 0."""
    saw: int
    """What its replica had received."""
    request: int
    """One of the calls that make this delta; it does not tell events apart."""


@dataclass
class Grown:
    """What comes of one history by one more update."""

    longer: dict[Node, Node] = field(default_factory=dict)
    """The longer histories, by what is the same for all renamings of each."""
    executions: int = 0
    transitions: int = 0
    ran: dict[str, int] = field(default_factory=dict)
    """How often each update was made."""
    concurrent: set[tuple[str, str]] = field(default_factory=set)
    """The pairs of updates of which the second was made without knowing of the first."""
    fault: tuple[Event, ...] | None = None


@dataclass
class Explored:
    """How far a search is, and in the end what it came to."""

    progress: Progress = field(default_factory=Progress)
    updates: int = 0
    """All histories of so many updates were looked at."""
    level: list[Node] = field(default_factory=list)
    """Those histories, one for each class under renaming; none of the last level."""
    executions: int = 0
    """How many updates were run at the end of a history, each with its checks."""
    fault: tuple[Event, ...] | None = None
    """The history in which a check fails."""
    stopped: str = ""
    concurrent: set[tuple[str, str]] = field(default_factory=set)
    ran: dict[str, int] = field(default_factory=dict)

    def add(self, grown: Grown) -> None:
        """Counts what came of one history."""
        self.executions += grown.executions
        self.progress.transitions += grown.transitions
        self.concurrent |= grown.concurrent
        for name, times in grown.ran.items():
            self.ran[name] = self.ran.get(name, 0) + times
        self.fault = grown.fault


OnLevel = Callable[[Explored], None]
Expand = Callable[[list[Node], bool], Iterable[Grown]]
