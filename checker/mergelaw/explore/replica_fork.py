"""Databases as values: copies that go on by themselves, and keys that tell two apart iff their futures may differ.

Values, effects and contexts are immutable and shared; only the containers around them are copied. A new
attribute of `Database` that can change must be named here; until then both functions refuse to work.
"""

from __future__ import annotations

from collections.abc import Hashable
from copy import copy

from mergelaw.replica.database import Database
from mergelaw.replica.expiry import Schedule
from mergelaw.replica.model import Effect
from mergelaw.replica.settling import Lag
from mergelaw.replica.table import Table
from mergelaw.semantics.compiler import Local
from mergelaw.semantics.context import CausalContext
from mergelaw.semantics.engine import frozen

_NAMES = (
    "replica engines causal received table keys size last run_first reserved on_reserve on_change on_presence "
    "on_touched recovered schedule residue layout epoch lags locals open _seen _taken _zeros _changes _removed "
    "_forgotten _members _overdue _left_to_others _waiting _blocked"
)
_KNOWN = frozenset(_NAMES.split())
"""The attributes of `Database` that are dealt with below.

Not in the key: what is fixed or kept for speed, what follows from the values (`size`, `keys`), and the versions of
keys, which only WATCH reads.
"""
_PLAIN = (type(None), bool, int, str, bytes, tuple, frozenset, CausalContext)
"""Values that cannot change: an attribute that holds one is copied, and compared, without being named here."""


class UnknownAttribute(RuntimeError):
    """`Database` holds something that the explorer does not know how to copy and compare."""


def _others(db: Database) -> Hashable:
    """The attributes that are not named above. Raises: UnknownAttribute."""
    found: list[tuple[str, object]] = []
    held = vars(db)
    if held.keys() <= _KNOWN:
        return None
    for name in sorted(held.keys() - _KNOWN):
        value = held[name]
        if isinstance(value, dict) and all(v is None or isinstance(v, Local) for v in value.values()):
            # Compiled functions, kept for speed.
            continue
        if not isinstance(value, _PLAIN):
            raise UnknownAttribute(
                f"Database.{name} is a {type(value).__name__}. Say in replica_fork.py how it is copied, and whether "
                "two databases that differ in it behave differently"
            )
        found.append((name, value))
    return tuple(found)


def fork(db: Database) -> Database:
    """A copy of `db`; what happens to one does not touch the other. Its callbacks are those of `db`.

    Raises: UnknownAttribute.
    """
    _others(db)
    made = Database.__new__(Database)
    made.__dict__.update(db.__dict__)
    made.table = _table(db.table)
    made.keys = made.table.entries
    made.schedule = _schedule(db.schedule)
    made.residue = dict(db.residue)
    made.lags = [copy_of(lag) for lag in db.lags]
    made._removed = dict(db._removed)
    made._overdue = dict(db._overdue)
    made._left_to_others = dict(db._left_to_others)
    made._waiting = dict(db._waiting)
    made._blocked = {dot: list(waiting) for dot, waiting in db._blocked.items()}
    return made


def key(db: Database) -> Hashable:
    """Equal for databases that nothing can tell apart from now on. Raises: UnknownAttribute."""
    others = _others(db)
    lags = db.lags
    entries = tuple(
        (key, entry.store, entry.value, entry.others, entry.deadline, entry.epoch if lags else 0)
        for key, entry in sorted(db.keys.items())
    )
    upkeep: Hashable = None
    schedule = db.schedule
    if schedule._next or db.residue or db._overdue or db._left_to_others or schedule.hashes:
        upkeep = (
            frozenset(schedule._next.items()),
            frozenset(schedule.hashes),
            frozenset(db.residue),
            frozenset(db._overdue),
            frozenset(db._left_to_others),
        )
    waiting: Hashable = None
    if db._waiting or db._blocked:
        waiting = (
            frozenset((effect_key(effect), came) for effect, came in db._waiting.values()),
            frozenset((dot, tuple(sorted(held))) for dot, held in db._blocked.items()),
        )
    late: Hashable = tuple(_lag_key(lag) for lag in lags) if lags else None
    numbers = db.last, db.run_first, db.reserved, db.recovered
    return db.seen, db.received, numbers, entries, upkeep, waiting, late, db._members, others


def effect_key(effect: Effect) -> Hashable:
    """Equal for equal effects."""
    parts = tuple((part.key, part.store, part.value, frozen(part.footprint)) for part in effect.parts)
    return effect.origin, effect.first, effect.last, effect.context, effect.after, effect.time_ms, parts


def copy_of(lag: Lag) -> Lag:
    """A copy of a snapshot that is being merged."""
    made = copy(lag)
    made.theirs = dict(lag.theirs)
    return made


def _lag_key(lag: Lag) -> Hashable:
    theirs = tuple((key, tuple(sorted(held.items()))) for key, held in sorted(lag.theirs.items()))
    return lag.epoch, theirs, lag.place, lag.places, lag._left_seen, lag._right_seen


def _table(table: Table) -> Table:
    made = Table.__new__(Table)
    for name in Table.__slots__:
        held = getattr(table, name)
        setattr(made, name, copy(held) if isinstance(held, (dict, list, set)) else held)
    # Merging a snapshot notes its number in the entry.
    made.entries = {k: copy(e) for k, e in table.entries.items()}
    return made


def _schedule(schedule: Schedule) -> Schedule:
    made = Schedule.__new__(Schedule)
    made._heap = list(schedule._heap)
    made._next = dict(schedule._next)
    made.hashes = set(schedule.hashes)
    return made
