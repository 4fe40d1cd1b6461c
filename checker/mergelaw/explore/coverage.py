"""What a search has met of a type: its updates, and which of them ran concurrently."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement

from mergelaw.explore.model import Coverage
from mergelaw.explore.tables import Tables


def coverage(tables: Tables, ran: Mapping[str, int], concurrent: set[tuple[str, str]]) -> Coverage:
    """`ran`: how often each update was made; `concurrent`: pairs of names that ran without knowing of each other."""
    names = sorted(name for name, _, _ in tables.updates)
    cells = list(combinations_with_replacement(names, 2))
    missed = tuple(cell for cell in cells if cell not in concurrent)
    return Coverage({n: ran.get(n, 0) for n in names}, (len(cells) - len(missed), len(cells)), missed)
