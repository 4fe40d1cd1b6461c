"""Causal contexts: sets of dots, kept compact.

A dot (replica, number) names one update atom; numbers count from 1. What a replica has seen of
another is nearly always a gap-free run 1..n, so a context keeps runs, not dots: a version vector is
one run a replica, and a few short runs hold what lies beyond it. A run costs the same wherever it
starts, so the context of a single delta is as small as its dots are few.

Source: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018), section 7.2, causal
context compression; runs generalise its "compact vector plus dot cloud".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping

Dot = tuple[int, int]
"""(replica, number)."""

Run = tuple[int, int, int]
"""(replica, first, last): all dots of one replica from first up to and including last."""

_AFTER_ALL = float("inf")
_FEW = 4
"""So many runs are gone through one by one."""


class CausalContext:
    """An immutable set of dots; equal sets are equal and hash alike.

    `runs` is canonical: ascending, and no two runs of a replica overlap or adjoin.
    """

    __slots__ = ("_hash", "runs")

    runs: tuple[Run, ...]

    def __init__(self, dots: Iterable[Dot] = ()) -> None:
        """The context of exactly `dots`. Raises: ValueError, if a number is below 1."""
        self.runs = _normal([(replica, number, number) for replica, number in dots])
        self._hash: int | None = None

    @staticmethod
    def of(dots: Iterable[Dot]) -> CausalContext:
        """The context of exactly `dots`. Raises: ValueError, if a number is below 1."""
        return CausalContext(dots)

    @staticmethod
    def from_runs(runs: Iterable[Run]) -> CausalContext:
        """The union of `runs`, which may overlap. Raises: ValueError, if a run starts below 1 or is empty."""
        runs = list(runs)
        if len(runs) == 1 and 1 <= runs[0][1] <= runs[0][2]:
            return _context((runs[0],))
        return _context(_normal(list(runs)))

    @staticmethod
    def from_vector(vector: Mapping[int, int]) -> CausalContext:
        """All dots (r, 1) up to (r, n) for each r -> n of the version vector `vector`."""
        return _context(tuple((replica, 1, n) for replica, n in sorted(vector.items()) if n > 0))

    def __contains__(self, dot: object) -> bool:
        if not isinstance(dot, tuple):
            return False
        replica, number = dot
        runs = self.runs
        if len(runs) <= _FEW:
            for run, first, last in runs:  # noqa: SIM110 - a generator costs more than the loop
                if run == replica and first <= number <= last:
                    return True
            return False
        i = bisect_right(runs, (replica, number, _AFTER_ALL)) - 1
        return i >= 0 and runs[i][0] == replica and bool(number <= runs[i][2])

    def __iter__(self) -> Iterator[Dot]:
        """All dots, ascending."""
        for replica, first, last in self.runs:
            for number in range(first, last + 1):
                yield replica, number

    def __len__(self) -> int:
        return sum(last - first + 1 for _, first, last in self.runs)

    def __bool__(self) -> bool:
        return bool(self.runs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CausalContext) and self.runs == other.runs

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self.runs)
        return self._hash

    def __reduce__(self) -> tuple[object, tuple[tuple[Run, ...]]]:
        return _context, (self.runs,)

    def __repr__(self) -> str:
        """The runs in the syntax of dots: `{1.1-1.5, 2.3}`."""
        return "{" + ", ".join(f"{r}.{a}" if a == b else f"{r}.{a}-{r}.{b}" for r, a, b in self.runs) + "}"

    def __or__(self, other: CausalContext) -> CausalContext:
        return self.union(other)

    def union(self, other: CausalContext) -> CausalContext:
        """The dots of either; costs the runs of the smaller where it is much smaller."""
        if self is other or not other.runs:
            return self
        if not self.runs:
            return other
        big, small = (self, other) if len(self.runs) >= len(other.runs) else (other, self)
        if len(small.runs) * 4 > len(big.runs) + 8:
            runs = _normal([*big.runs, *small.runs])
        else:
            runs = big.runs
            for run in small.runs:
                runs = _inserted(runs, run)
        if runs == big.runs:
            return big
        return _context(runs)

    def add(self, dots: Iterable[Dot]) -> CausalContext:
        """This context and `dots`."""
        return self.union(CausalContext(dots))

    def with_run(self, replica: int, first: int, last: int) -> CausalContext:
        """This context and the dots (replica, first) to (replica, last); where they extend a run, that costs its place.

        Raises: ValueError, if the run starts below 1 or is empty.
        """
        if first < 1 or last < first:
            raise ValueError(f"no dots: {replica}.{first} to {replica}.{last}; numbers count from 1")
        runs = _inserted(self.runs, (replica, first, last))
        return self if runs is self.runs else _context(runs)

    def meets(self, replica: int, first: int, last: int) -> bool:
        """Whether any of the dots (replica, first) to (replica, last) is in it."""
        i = bisect_right(self.runs, (replica, last, _AFTER_ALL)) - 1
        return i >= 0 and self.runs[i][0] == replica and self.runs[i][2] >= first

    def __and__(self, other: CausalContext) -> CausalContext:
        """The dots of both."""
        return self - (self - other)

    def __sub__(self, other: CausalContext) -> CausalContext:
        """The dots that `other` lacks; costs the runs of both."""
        result: list[Run] = []
        theirs = other.runs
        at = 0
        for replica, first, last in self.runs:
            while at < len(theirs) and (theirs[at][0], theirs[at][2]) < (replica, first):
                at += 1
            i = at
            while i < len(theirs) and (theirs[i][0], theirs[i][1]) <= (replica, last):
                if theirs[i][1] > first:
                    result.append((replica, first, theirs[i][1] - 1))
                first = theirs[i][2] + 1
                i += 1
            if first <= last:
                result.append((replica, first, last))
        return _context(tuple(result))

    def __le__(self, other: CausalContext) -> bool:
        """Whether `other` holds all of these dots."""
        if self is other:
            return True
        for replica, first, last in self.runs:
            i = bisect_right(other.runs, (replica, first, _AFTER_ALL)) - 1
            if i < 0 or other.runs[i][0] != replica or other.runs[i][2] < last:
                return False
        return True

    def next_number(self, replica: int) -> int:
        """One more than the greatest number of `replica` in it; 1 if there is none. Gaps are not filled."""
        i = bisect_right(self.runs, (replica, _AFTER_ALL, _AFTER_ALL)) - 1
        return self.runs[i][2] + 1 if i >= 0 and self.runs[i][0] == replica else 1

    def vector(self) -> dict[int, int]:
        """The version vector: replica -> n where all of (replica, 1) ... (replica, n) are held, and n is greatest."""
        return {replica: last for replica, first, last in self.runs if first == 1}

    def beyond(self) -> frozenset[Dot]:
        """The dots that the version vector does not cover."""
        return frozenset(
            (replica, number) for replica, first, last in self.runs if first != 1 for number in range(first, last + 1)
        )


def _context(runs: tuple[Run, ...]) -> CausalContext:
    """A context of canonical runs."""
    if not runs:
        return EMPTY
    made = CausalContext.__new__(CausalContext)
    made.runs = runs
    made._hash = None
    return made


def _normal(runs: list[Run]) -> tuple[Run, ...]:
    """The canonical form of `runs`."""
    runs.sort()
    result: list[Run] = []
    for replica, first, last in runs:
        if first < 1 or last < first:
            raise ValueError(f"no dots: {replica}.{first} to {replica}.{last}; numbers count from 1")
        if result and result[-1][0] == replica and first <= result[-1][2] + 1:
            if last > result[-1][2]:
                result[-1] = (replica, result[-1][1], last)
        else:
            result.append((replica, first, last))
    return tuple(result)


def _inserted(runs: tuple[Run, ...], run: Run) -> tuple[Run, ...]:
    """Canonical `runs` and one more."""
    replica, first, last = run
    low = bisect_right(runs, run)
    if low < len(runs) and runs[low][0] == replica and runs[low][1] == first and last <= runs[low][2]:
        return runs
    if low and runs[low - 1][0] == replica and runs[low - 1][2] >= first - 1:
        low -= 1
        first = runs[low][1]
        if runs[low][2] >= last:
            return runs
    high = low
    while high < len(runs) and runs[high][0] == replica and runs[high][1] <= last + 1:
        last = max(last, runs[high][2])
        high += 1
    return (*runs[:low], (replica, first, last), *runs[high:])


EMPTY = CausalContext()
"""The context without dots."""
