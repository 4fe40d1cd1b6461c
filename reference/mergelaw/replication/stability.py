"""The causally stable cut: what every instance is known to hold for good.

Below it, what only concurrent updates could need may be collected. Two traps make it more than an intersection. A
report counts only once we hold all that its sender had issued when it reported: else something is on its way that does
not know of the cut. And reports tell what is durable: what a crash could take back is stable nowhere.

Dropping for good takes two rounds: `everywhere` is what every instance's own cut covers.

Source: `stores.md`, rules 6 and 10; Baquero, Almeida, Shoker, "Making operation-based CRDTs operation-based" (2014),
causal stability.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from mergelaw.semantics.context import EMPTY, CausalContext


@dataclass(frozen=True, slots=True)
class Reported:
    """What an instance said of itself."""

    received: CausalContext
    durable: CausalContext
    """Of what it received, what a crash cannot take from it."""
    cut: CausalContext
    """Its own cut, durable too."""

    def issued(self, by: int) -> CausalContext:
        """What `by`, who reported, had issued."""
        return CausalContext.from_runs(run for run in self.received.runs if run[0] == by)


class Stability:
    """What the instances have reported, and the cuts that follow from it."""

    def __init__(self, replica: int, cut: CausalContext = EMPTY, everywhere: CausalContext = EMPTY) -> None:
        """For instance `replica`; `cut` and `everywhere` are those of before a restart."""
        self.replica = replica
        self.cut = cut
        """Held for good by every instance. Only grows."""
        self.everywhere = everywhere
        """Covered by the durable cut of every instance. Only grows."""
        self._counted: dict[int, Reported] = {}
        self._waiting: dict[int, list[Reported]] = {}
        """At most two of each instance: one that waits for what its sender had issued, and the newest."""

    def report(self, peer: int, reported: Reported) -> None:
        """`peer` has reported.

        A report that waits is not pushed out by a newer one: under load the newest would always wait.
        """
        waiting = self._waiting.setdefault(peer, [])
        del waiting[1:]
        waiting.append(reported)

    def advance(self, members: Iterable[int], own: Reported) -> bool:
        """Whether a cut has grown, of an instance that stands at `own`, in a database of `members`."""
        for peer, waiting in self._waiting.items():
            while waiting and waiting[0].issued(peer) <= own.received:
                self._counted[peer] = waiting.pop(0)
        reports = []
        for member in members:
            if member == self.replica:
                reports.append(own)
            elif member in self._counted:
                reports.append(self._counted[member])
            else:
                return False
        if not reports:
            return False
        cut = self.cut | reduce(CausalContext.__and__, (reported.durable for reported in reports))
        everywhere = self.everywhere | reduce(CausalContext.__and__, (reported.cut for reported in reports))
        grown = cut != self.cut or everywhere != self.everywhere
        self.cut = cut
        self.everywhere = everywhere
        return grown

    def adopt(self, cut: CausalContext) -> bool:
        """The cut of an instance all of whose `received` of then is here: what it held stable is so here.

        Whether ours has grown. See `joining`.
        """
        grown = not cut <= self.cut
        self.cut = self.cut | cut
        return grown

    def forget(self, peer: int) -> None:
        """`peer` was removed."""
        self._counted.pop(peer, None)
        self._waiting.pop(peer, None)
