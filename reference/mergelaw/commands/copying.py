"""The visible value of a key as plain data, and writing it to a key as a fresh copy.

RENAME, COPY, DUMP, RESTORE and SORT STORE are made of the two.

A copy has dots of its own, and only what is visible: no siblings, no hidden types, counters as plain numbers. So a
concurrent write to the source stays at the source.

Source: stores.md, rule 22.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from immutables import Map

from mergelaw.commands.errors import CommandError
from mergelaw.commands.list_view import push
from mergelaw.commands.parse import Value
from mergelaw.commands.state import KEY, ask, ask_part, raw, visible_store
from mergelaw.replica.transaction import Transaction

if TYPE_CHECKING:
    from mergelaw.replica.database import Database, Entry

_INFINITE = {"inf": True, "-inf": False}


@dataclass(frozen=True, slots=True)
class Copy:
    """What a key showed at one time."""

    store: str
    """The field of `Key` that holds it: `string`, `hash`, ..."""
    value: Any
    """string: Value; hash: field -> (Value, deadline in ms or None); members: sorted list; scores: member -> Value;
    list: list of texts; sketch: the raw registers."""
    deadline_ms: int | None
    """When the key expires; None: never."""


def taken(db: Database, entry: Entry, now_ms: int) -> Copy:
    """What `entry`, which is visible, shows at `now_ms`: hash fields whose time has come are left out.

    Raises: CommandError, for a type that cannot be copied: a stream's entries have ids of their instances, and a JSON
    document or a custom type has no update that writes it whole.
    """
    if entry.store != KEY:
        raise CommandError("ERR keys of the custom type " + entry.store + " cannot be copied")
    store = visible_store(db, entry)
    value: Any
    match store:
        case "string":
            value = ask(db, entry, "get")[0]
        case "hash":
            value = {}
            for name in sorted(db.visible_fields(entry, now_ms)):
                until = ask_part(db, entry, store, "deadline", name)
                value[name] = (ask_part(db, entry, store, "get", name)[0], None if until is None else until[0])
        case "members":
            value = sorted(ask_part(db, entry, store, "members"))
        case "scores":
            value = {m: ask_part(db, entry, store, "score", m)[0] for m in ask_part(db, entry, store, "range")}
        case "list":
            value = [item[0] for item in ask_part(db, entry, store, "values") if item is not None]
        case "sketch":
            value = registers(db, entry)
        case _:
            raise CommandError(f"ERR keys of type {db.content(entry)} cannot be copied on this server yet")
    return Copy(store, value, entry.deadline)


def registers(db: Database, entry: Entry) -> Any:
    """The registers of a HyperLogLog, as `sketch_add` and `set_sketch` take them: of all generations the greatest."""
    ((_, generations),) = raw(db, entry, "sketch")
    greatest: dict[int, int] = {}
    for _, held in generations.values():
        for index, rank in held.items():
            greatest[index] = max(rank, greatest.get(index, 0))
    return Map(greatest)


def place(tx: Transaction, key: bytes, copy: Copy) -> None:
    """`key` shows `copy` and nothing else that is known here, with its expiry. Where `copy` is empty, `key` is absent.

    An overwrite without expiry is as SET: a concurrent EXPIRE of what was there does not strike the new value.
    """
    if copy.store == "string":
        if copy.deadline_ms is None:
            tx.update(key, "set", copy.value)
        else:
            tx.update(key, "set_for", copy.value, copy.deadline_ms)
        return
    if copy.store == "sketch":
        tx.update(key, "set_sketch", copy.value)
    else:
        entry = tx.entry(key)
        if entry is not None and entry.content != "none":
            tx.update(key, "delete")
        _fill(tx, key, copy)
    if not copy.value and copy.store != "sketch":
        return
    if copy.deadline_ms is not None:
        tx.update(key, "expire", copy.deadline_ms)
    elif copy.store != "sketch":
        tx.update(key, "persist")


def _fill(tx: Transaction, key: bytes, copy: Copy) -> None:
    match copy.store:
        case "hash":
            for name, (value, until) in copy.value.items():
                if until is None:
                    tx.update(key, "hash_set", name, value)
                else:
                    tx.update(key, "hash_set_for", name, value, until)
        case "members":
            for member in copy.value:
                tx.update(key, "add", member)
        case "scores":
            for member, score in copy.value.items():
                _score(tx, key, member, score)
        case "list":
            push(tx, key, copy.value, None)
        case other:
            raise AssertionError(f"`taken` makes no copy of {other}")


def _score(tx: Transaction, key: bytes, member: str, score: Value) -> None:
    _, number = score
    if isinstance(number, str):
        tx.update(key, "score_infinite", member, _INFINITE[number])
    else:
        tx.update(key, "score", member, number)
