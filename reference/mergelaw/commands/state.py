"""Reading a key's value by the queries of its spec: of the whole key, or of one of the stores inside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mergelaw.language.core import Named, RecordT
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import EMPTY
from mergelaw.semantics.engine import Engine

if TYPE_CHECKING:
    from mergelaw.replica.database import Database, Entry

KEY = "Key"
"""The engine of the Redis types; other engines hold custom types."""

STORES = {
    "sketch": "HyperLogLog",
    "string": "string",
    "hash": "hash",
    "members": "set",
    "scores": "zset",
    "list": "list",
    "stream": "stream",
    "json": "ReJSON-RL",
}
"""The stores of a key in the order of their precedence -> the type that shows them, as TYPE names it.

TYPE tells `string` of a HyperLogLog too.
"""


_BY_CONTENT = {shown: name for name, shown in STORES.items() if name not in ("sketch", "string")}


@dataclass(frozen=True, slots=True)
class Part:
    """A store inside the record `Key`."""

    at: int
    """Its place in the record."""
    engine: Compiled


_parts: dict[int, tuple[Engine, Mapping[str, Part]]] = {}
"""By id of the engine, which is kept alive here."""


def parts(engine: Engine) -> Mapping[str, Part]:
    """The stores of the engine `Key`, by field name."""
    known = _parts.get(id(engine))
    if known is None:
        state = engine.program.state_type(engine.type)
        assert isinstance(state, RecordT)
        found: dict[str, Part] = {}
        for at, (name, declared) in enumerate(state.fields):
            assert isinstance(declared, Named)
            found[name] = Part(at, Compiled(engine.program, declared))
        known = _parts[id(engine)] = (engine, found)
    return known[1]


def raw(db: Database, entry: Entry, store: str) -> Any:
    """The state of one store of a key of the engine `Key`."""
    return entry.value[parts(db.engines[KEY])[store].at]


def ask(db: Database, entry: Entry, query: str, *args: Any) -> Any:
    """What a query of the whole key answers."""
    engine = db.engines[entry.store]
    # No query of the Redis types looks at a context, and to have that of the database costs.
    return engine.query(query, entry.value, EMPTY if entry.store == KEY else db.seen, args)


def ask_part(db: Database, entry: Entry, store: str, query: str, *args: Any) -> Any:
    """What a query of one store answers."""
    part = parts(db.engines[KEY])[store]
    return part.engine.query(query, entry.value[part.at], EMPTY, args)


def contents(db: Database, entry: Entry) -> list[str]:
    """The stores that hold something, the visible one first; the others are hidden by it. They may have expired.

    A store of the engine `Key` is named as its field, a custom type as its engine.
    """
    found: list[str] = []
    for name in sorted(entry.components(), key=lambda name: name != entry.store):
        if name != KEY:
            found += [name] if db.content_of(entry, name) != "none" else []
        else:
            value = entry.component(KEY)
            found += [store for store in STORES if _holds(db, value, store)]
    return found


def visible_store(db: Database, entry: Entry) -> str:
    """The store of the engine `Key` that readers see; of a visible entry. A custom type is named as its engine."""
    if entry.store != KEY:
        return entry.store
    return _BY_CONTENT.get(entry.content) or ("string" if _holds(db, entry.value, "string") else "sketch")


def _holds(db: Database, value: Any, store: str) -> bool:
    part = parts(db.engines[KEY])[store]
    inside = value[part.at]
    if inside == part.engine.zero():
        return False

    def answer(query: str) -> bool:
        return bool(part.engine.query(query, inside, db.seen, ()))

    match store:
        case "hash":
            return answer("names")
        case "members" | "scores":
            return answer("members")
        case "list":
            return not answer("empty")
        case _:
            return answer("present")
