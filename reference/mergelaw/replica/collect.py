"""What everybody has received, and collecting what it makes superfluous.

Cancelled counter parts need no agreement: only their owner drops them, and `seen` protects against old messages
(`stores.md`, 5). What needs it is whatever a merge compares with everybody's knowledge: entries of epochs (10). The
specs of this library have no merge that knows of a cut, so those entries stay: one for each instance that ever deleted
a HyperLogLog, or a stream with groups, under that name.
"""

from __future__ import annotations

from collections.abc import Mapping

from mergelaw.replica.database import Database
from mergelaw.replica.model import KEY, Effect
from mergelaw.semantics.context import EMPTY, CausalContext
from mergelaw.semantics.engine import UpdateRefused


class StableCut:
    """Two rounds of agreement on what has been received everywhere. Reports may only tell what is durable.

    Round one: `cut` is what all members report to have received. It is taken over only once this instance has also
    received everything that each reporter itself had issued when it reported: else a write that it made from less
    knowledge could still be on its way. Round two: `settled` is what every member's own `cut` covers.
    Source: `stores.md`, 6.
    """

    def __init__(self, replica: int, members: frozenset[int]) -> None:
        """`members`: all instances, `replica` among them."""
        self._replica = replica
        self._members = members | {replica}
        self._received: dict[int, CausalContext] = {}
        self._cuts: dict[int, CausalContext] = {}
        self.cut = EMPTY
        """What every member has received, and knows no write of a member's that saw less."""
        self.settled = EMPTY
        """What every member knows to be in the cut."""

    def report(self, member: int, received: CausalContext, cut: CausalContext) -> None:
        """A member, or this instance itself, has received this durably, and has this cut. Others are ignored."""
        if member in self._members:
            self._received[member] = self._received.get(member, EMPTY) | received
            self._cuts[member] = self._cuts.get(member, EMPTY) | cut
            self._advance()

    def set_members(self, members: frozenset[int]) -> None:
        """From now on these count."""
        self._members = members | {self._replica}
        for gone in self._received.keys() - self._members:
            del self._received[gone]
            self._cuts.pop(gone, None)
        self._advance()

    def _advance(self) -> None:
        mine = self._received.get(self._replica)
        if mine is None or self._received.keys() != self._members:
            return
        for member, received in self._received.items():
            issued = CausalContext.from_runs(run for run in received.runs if run[0] == member)
            if not issued <= mine:
                return
        common = mine
        for received in self._received.values():
            common = common & received
        self.cut = self.cut | common
        self._cuts[self._replica] = self.cut
        settled = self.cut
        for cut in self._cuts.values():
            settled = settled & cut
        self.settled = self.settled | settled


def pending(db: Database) -> int:
    """How many keys may hold counter parts that `collect` would drop."""
    return len(db.residue)


def collect(db: Database, now_ms: int, limit: int) -> Effect | None:
    """Drop own counter parts, all of which is cancelled, at up to `limit` keys: one effect, to be published; or None.

    Parts of earlier process runs only where `db.recovered`: before, a peer may hold newer totals of them.
    """
    layout = db.layout
    tx = db.begin(now_ms)
    for key in list(_first(db.residue, limit)):
        del db.residue[key]
        entry = db.entry(key)
        value = None if entry is None else entry.component(KEY)
        if value is None:
            continue
        first = 1 if db.recovered else db.run_first
        found: list[tuple[str, tuple[object, ...]]] = [
            ("collect", (dot,)) for dot in layout.cancelled(layout.parts(value), db.replica) if dot[1] >= first
        ]
        for name, field in layout.fields(value).items():
            for dot in layout.cancelled(layout.field_parts(field), db.replica):
                if dot[1] >= first:
                    found.append(("hash_collect", (name, dot)))
        for name, member in layout.members(value).items():
            for dot in layout.cancelled(layout.member_parts(member), db.replica):
                if dot[1] >= first:
                    found.append(("score_collect", (name, dot)))
        for update, args in found:
            try:
                tx.upkeep(key, update, *args)
            except UpdateRefused:
                continue
    return tx.commit()


def _first(keys: Mapping[bytes, None], limit: int) -> list[bytes]:
    return [key for key, _ in zip(keys, range(limit), strict=False)]
