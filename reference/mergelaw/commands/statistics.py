"""What the dispatcher counts of commands and errors, for INFO, SLOWLOG and LATENCY."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class CommandStatistics:
    """Of one command."""

    calls: int = 0
    usec: int = 0
    """Time spent in it, in microseconds."""
    rejected: int = 0
    """Refused before it ran: arity, NOAUTH, OOM."""
    failed: int = 0
    """Replied an error."""
    histogram: Counter[int] = field(default_factory=Counter)
    """How many calls took less than 2^k microseconds and no less than 2^(k-1): k -> calls."""


@dataclass(slots=True)
class Statistics:
    """Of one instance since its start or the last CONFIG RESETSTAT."""

    commands: dict[str, CommandStatistics] = field(default_factory=dict)
    """By full name in small letters: `get`, `config|get`."""
    errors: dict[str, int] = field(default_factory=dict)
    """By code: `ERR`, `WRONGTYPE`."""
    processed: int = 0
    keyspace_hits: int = 0
    keyspace_misses: int = 0
    expired_keys: int = 0
    """Deleted by this instance because their time had come."""

    def of(self, name: str) -> CommandStatistics:
        """The counts of the command `name`, made when it is first asked for."""
        found = self.commands.get(name)
        if found is None:
            found = self.commands[name] = CommandStatistics()
        return found

    def failed(self, message: bytes) -> None:
        """An error reply was given."""
        code = message.split(b" ", 1)[0].decode("latin-1")[:64]
        if code in self.errors or len(self.errors) < 128:
            self.errors[code] = self.errors.get(code, 0) + 1

    def reset(self) -> None:
        """Count from zero again."""
        self.commands.clear()
        self.errors.clear()
        self.processed = self.keyspace_hits = self.keyspace_misses = self.expired_keys = 0


@dataclass(frozen=True, slots=True)
class SlowEntry:
    """A command that took long."""

    number: int
    time_s: int
    usec: int
    args: list[bytes]
    """Shortened: SLOWLOG keeps 32 arguments of 128 bytes."""
    address: bytes
    name: bytes


class SlowLog:
    """The latest commands that took longer than a limit.

    Source: redis 7.0, `src/slowlog.c`.
    """

    _ARGUMENTS = 32
    _BYTES = 128

    def __init__(self, slower_than_us: int = 10_000, longest: int = 128) -> None:
        """Keeps the `longest` latest commands that took `slower_than_us` or more; negative: none. Both may be set."""
        self.slower_than_us = slower_than_us
        self.longest = longest
        self.entries: deque[SlowEntry] = deque()
        self._next = 0

    def note(self, args: list[bytes], usec: int, time_s: int, address: bytes, name: bytes) -> None:
        """Keep a command, the newest first; the caller has compared `slower_than_us`."""
        self.entries.appendleft(SlowEntry(self._next, time_s, usec, self._shortened(args), address, name))
        self._next += 1
        while len(self.entries) > max(0, self.longest):
            self.entries.pop()

    def reset(self) -> None:
        """Forget them all; the numbers go on."""
        self.entries.clear()

    def _shortened(self, args: list[bytes]) -> list[bytes]:
        kept = args if len(args) <= self._ARGUMENTS else args[: self._ARGUMENTS - 1]
        shown = [
            a if len(a) <= self._BYTES else a[: self._BYTES] + b"... (%d more bytes)" % (len(a) - self._BYTES)
            for a in kept
        ]
        if len(kept) < len(args):
            shown.append(b"... (%d more arguments)" % (len(args) - len(kept)))
        return shown
