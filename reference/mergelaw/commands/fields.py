"""A hash as commands see it: fields whose time has come are not there, though their owner has yet to remove them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mergelaw.commands.collection import table_of, views
from mergelaw.commands.parse import Value, from_text, from_value, to_text
from mergelaw.commands.state import KEY
from mergelaw.commands.table import Call
from mergelaw.semantics.context import EMPTY

if TYPE_CHECKING:
    from mergelaw.replica.table import Entry


class Fields:
    """The hash at one key, at one time. It does not follow changes: read it anew after an update."""

    __slots__ = ("_db", "_now_ms", "_scalar", "entry", "held", "key")

    def __init__(self, c: Call, key: bytes, entry: Entry) -> None:
        """`entry` is what readers see at `key`, a hash."""
        self._db = c.db
        self._now_ms = c.now_ms
        self._scalar = c.db.layout.scalar
        self.key = key
        self.entry = entry
        self.held = table_of(c.db, entry.value, "hash")
        """All that there is to remember: name -> raw field."""

    def __contains__(self, name: str) -> bool:
        held = self.held.get(name)
        return held is not None and self._db.layout.field_visible(held, self._now_ms)

    def value(self, name: str) -> Value | None:
        """What the field holds; None iff there is none."""
        held = self.held.get(name)
        return None if held is None else self._value(held)

    def read(self, name: str) -> bytes | None:
        """What the field holds, as bytes; None iff there is none."""
        value = self.value(name)
        return None if value is None else from_value(value)

    def deadline(self, name: str) -> int | None:
        """When the field dies; None: never, or there is none."""
        held = self.held.get(name)
        return None if held is None else self._db.layout.deadline(self._db.layout.field_siblings(held))

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All fields and their values, in the order of the map."""
        for name, held in self.held.items():
            value = self._value(held)
            if value is not None:
                yield from_text(name), from_value(value)

    def row(self) -> list[str]:
        """The names of all fields in a list, not to be changed, that stays as it is until the hash changes."""
        if self.key in self._db.schedule.hashes:
            return list(self._db.visible_fields(self.entry, self._now_ms))
        return views(self._db).names(self.key, "hash", self.held, self._present)

    def _value(self, held: Any) -> Value | None:
        layout = self._db.layout
        deadline = layout.deadline(layout.field_siblings(held))
        if deadline is not None and deadline <= self._now_ms:
            return None
        found = self._scalar.query("value", layout.field_scalar(held), EMPTY, ())
        return None if found is None else found[0]

    def _present(self, held: Any) -> bool:
        return bool(self._scalar.query("present", self._db.layout.field_scalar(held), EMPTY, ()))


def fields_of(c: Call, key: bytes) -> Fields | None:
    """The hash at `key`; None iff the key is absent. Raises: CommandError (WRONGTYPE)."""
    entry = c.typed(key, "hash")
    return None if entry is None else Fields(c, key, entry)


def fields_now(c: Call, key: bytes) -> Fields | None:
    """The hash at `key` after updates of this call; None iff nothing is there. It counts as no use of the key."""
    entry = c.db.visible(key, c.now_ms)
    return None if entry is None or entry.store != KEY or entry.content != "hash" else Fields(c, key, entry)


def names_in(args: list[bytes]) -> list[str]:
    """Arguments as names of fields."""
    return [to_text(arg) for arg in args]
