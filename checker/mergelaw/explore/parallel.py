"""The search of histories on several processes: who expands a history is told by its hash.

Each worker has tables of its own. Histories travel as calls, and are put together in the order of their level, so all
counts and the histories kept are those of a search in one process.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

from mergelaw.explore.histories import Histories
from mergelaw.explore.history import Calls, Event, Grown, Node

_CHUNK = 64
"""How many histories travel together."""

_search: Histories | None = None
"""Of a worker: its search, which the process was forked with."""

Returned = tuple[Grown, tuple[Calls, ...], Calls | None]
"""What came of one history: counts, the longer ones as calls, and a fault as calls."""


@dataclass
class Workers:
    """Worker processes for one search; use as a context."""

    search: Histories
    jobs: int

    def __enter__(self) -> Workers:
        global _search
        # A worker is forked with the search as it is, so nothing has to be sent or compiled again.
        _search = self.search
        context = get_context("fork")
        self._pools = [ProcessPoolExecutor(1, mp_context=context) for _ in range(self.jobs)]
        return self

    def __exit__(self, *_: object) -> None:
        global _search
        _search = None
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)

    def expanded(self, level: list[Node], last: bool) -> Iterator[Grown]:
        """As `Histories.expanded`."""
        search = self.search
        shares: list[list[int]] = [[] for _ in range(self.jobs)]
        for i, node in enumerate(level):
            shares[hash(search.canonical(node)) % self.jobs].append(i)
        tasks: list[tuple[list[int], Future[list[Returned]]]] = []
        for pool, share in zip(self._pools, shares, strict=True):
            for start in range(0, len(share), _CHUNK):
                chunk = share[start : start + _CHUNK]
                calls = [search.dump(level[i]) for i in chunk]
                tasks.append((chunk, pool.submit(_expand, calls, last)))
        owner = {i: task for task in tasks for i in task[0]}
        for i in range(len(level)):
            chunk, future = owner[i]
            yield self._received(future.result()[chunk.index(i)])

    def _received(self, returned: Returned) -> Grown:
        grown, longer, fault = returned
        nodes = (self.search.load(calls) for calls in longer)
        found: tuple[Event, ...] | None = None if fault is None else self.search.events_of(fault)
        return replace(grown, longer={self.search.canonical(n): n for n in nodes}, fault=found)


def _expand(histories: list[Calls], last: bool) -> list[Returned]:
    search = _search
    assert search is not None, "a worker is forked from a process that has a search"
    returned = []
    for calls in histories:
        grown = search.expand(search.load(calls), last)
        longer = tuple(search.dump(n) for n in grown.longer.values())
        fault = None if grown.fault is None else tuple(search.call(e) for e in grown.fault)
        returned.append((replace(grown, longer={}, fault=None), longer, fault))
    return returned
