"""Where time comes from.

Wall time stamps writes and ends keys; it may step. Monotonic time measures. Convergence depends on neither: a wrong
clock only changes who wins among concurrent writes, and when a key dies.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Reads time."""

    def now_ms(self) -> int:
        """Wall clock: milliseconds since 1970."""
        ...

    def now_us(self) -> int:
        """Wall clock: microseconds since 1970."""
        ...

    def monotonic_us(self) -> int:
        """Microseconds of a clock that never steps."""
        ...


class SystemClock:
    """The clock of the machine."""

    __slots__ = ()

    def now_ms(self) -> int:
        """Wall clock: milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def now_us(self) -> int:
        """Wall clock: microseconds since 1970."""
        return time.time_ns() // 1_000

    def monotonic_us(self) -> int:
        """Microseconds of a clock that never steps."""
        return time.monotonic_ns() // 1_000


class ManualClock:
    """A clock that stands still until it is told to go on: for simulated networks and tests."""

    __slots__ = ("elapsed_us", "wall_us")

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.wall_us = now_ms * 1_000
        self.elapsed_us = 0

    def now_ms(self) -> int:
        """Wall clock: milliseconds since 1970."""
        return self.wall_us // 1_000

    def now_us(self) -> int:
        """Wall clock: microseconds since 1970."""
        return self.wall_us

    def monotonic_us(self) -> int:
        """Microseconds that `advance` has let pass."""
        return self.elapsed_us

    def advance(self, ms: int) -> None:
        """Time goes on by `ms`. Raises: ValueError, if it would go back."""
        if ms < 0:
            raise ValueError("time does not go back; see `step`")
        self.wall_us += ms * 1_000
        self.elapsed_us += ms * 1_000

    def step(self, ms: int) -> None:
        """The wall clock is set by `ms` forward or back; no time passes."""
        self.wall_us += ms * 1_000
