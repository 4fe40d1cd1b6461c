"""Starting again after a stop or a crash: no dot is used twice, and lost ones do not stay missing for ever.

Dots are reserved in blocks: the high mark is made durable before any dot up to it is taken. A process that starts takes
its first dot above the mark, whatever it has lost. Totals of counters are extended only under accumulators that this
process has opened, so none of them can grow twice from the same place.

What was reserved and never used, or used and lost, leaves a gap in everybody's `received`. Some of it may have reached
peers before the crash; that comes back with a sync. Once every member has been synced with, what is still missing is
held by nobody: an effect without parts declares those dots void, and void dots count as received. For this no member
may go on to take in effects from a connection of the old process: the mesh ends such a connection before it answers the
new one.

Source: `stores.md`, 4 and 15.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mergelaw.replica.database import Database
from mergelaw.replica.model import MAX_DOT, Effect
from mergelaw.replica.table import Components
from mergelaw.semantics.context import CausalContext

BLOCK = 100_000
"""So many dots are reserved at a time."""


def restore(
    db: Database, entries: Iterable[tuple[bytes, Components]], seen: CausalContext, received: CausalContext
) -> None:
    """Fill an empty database from a snapshot of its own; effects logged since go through `Database.receive`."""
    db.seen, db.received = seen, received
    for key, components in entries:
        db.load(key, components)


def start_run(db: Database, high: int, persist: Callable[[int], None], *, clean: bool = False) -> None:
    """Begin a process run after `restore` and replay: the next own dot is above `high`, the durable high mark.

    `persist(mark)` makes a new high mark durable before it returns. `clean`: the last run ended in order, with every
    effect durable and `high` set to its last dot, so nobody can hold what we lack. Otherwise `db.recovered` is False
    until `declare_void`.
    """
    known = max(db.seen.next_number(db.replica), db.received.next_number(db.replica)) - 1
    db.last = max(high, known)
    db.run_first = db.last + 1
    db.reserved = db.last
    db.recovered = clean or db.last == 0

    def reserve(number: int) -> int:
        mark = min(number + BLOCK, MAX_DOT - 1)
        persist(mark)
        return mark

    db.on_reserve = reserve


def gaps(db: Database, origin: int | None = None) -> CausalContext:
    """The dots that instance `origin` (this one) may have used before this run and nobody is known to hold."""
    if origin is None or origin == db.replica:
        origin, before = db.replica, db.run_first - 1
    else:
        before = db.received.next_number(origin) - 1
    return CausalContext.from_vector({origin: before}) - db.received


def declare_void(db: Database, now_ms: int, origin: int | None = None) -> list[Effect]:
    """Once every member has been synced with: effects that declare the gaps void, applied here, to be published.

    An effect of that origin that still waits here is void too: who had applied it would have sent what it waits for.
    For an instance that was removed, `origin`, the one that removes it does so; nobody takes effects from it any more.
    """
    effects = []
    db.drop_waiting(origin or db.replica)
    for replica, first, last in gaps(db, origin).runs:
        run = CausalContext.from_runs([(replica, first, last)])
        effect = Effect(replica, first, last, run, (), None, now_ms)
        effects += db.receive(effect, now_ms)
    if origin is None or origin == db.replica:
        db.recovered = True
    return effects
