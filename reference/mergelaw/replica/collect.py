"""Collecting what is superfluous.

Cancelled counter parts need no agreement: only their owner drops them, and `seen` protects against old messages
(`stores.md`, 5). What needs the causally stable cut is whatever a merge compares with everybody's knowledge: entries of
epochs (10). The specs of this library have no merge that knows of a cut, so those entries stay: one for each instance
that ever deleted a HyperLogLog, or a stream with groups, under that name.
"""

from __future__ import annotations

from collections.abc import Mapping

from mergelaw.replica.database import Database
from mergelaw.replica.model import KEY, Effect
from mergelaw.semantics.engine import UpdateRefused


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
