"""CRDT.EXPLAIN: why a key reads as it does.

Which writes are there beside each other, which one is shown, and by which rule.

Rules are quoted from the specs, by name and sentence. Only what is still held can be told: a write that another one saw
and replaced has left nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from mergelaw.commands.parse import from_text, from_value, number_bytes
from mergelaw.commands.reply import Reply
from mergelaw.commands.state import KEY, STORES, contents, parts
from mergelaw.language.core import MapT, Program, RecordT, Type
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import CausalContext, Dot
from mergelaw.semantics.literals import show

if TYPE_CHECKING:
    from mergelaw.replica.database import Database, Entry

Told = dict[bytes, Reply]

_MOST = 100
"""So many fields or members are told of, those with conflicts first."""


def explained(db: Database, key: bytes, entry: Entry, now_ms: int, inside: str | None) -> Told:
    """What CRDT.EXPLAIN answers; `inside` names the one field or member to tell of."""
    program = db.engines[KEY].program
    held = contents(db, entry)
    visible = db.visible(key, now_ms) is not None
    told: Told = {
        b"key": key,
        b"type": entry.content.encode("latin-1"),
        b"visible": visible,
        b"store": held[0].encode("latin-1") if held else b"none",
    }
    if len(held) > 1:
        told[b"hidden"] = [STORES.get(name, name.lower()).encode("latin-1") for name in held[1:]]
        told[b"hidden_by"] = _rule(program, "Key", "type_conflict")
    for store in entry.components():
        if store != KEY:
            engine = db.engines[store]
            told[store.encode("latin-1")] = show(engine.program, engine.type, entry.component(store)).encode()
    value = entry.component(KEY)
    if value is None:
        return told
    reader = _Reader(program, db.seen)
    for name in held:
        if name in STORES:
            part = parts(db.engines[KEY])[name]
            told[name.encode("latin-1")] = reader.store(name, part.engine.type, value[part.at], inside)
    part = parts(db.engines[KEY])["expiry"]
    expiry = reader.expiry(part.engine.type, value[part.at])
    if expiry:
        told[b"expiry"] = {**expiry, b"expired": entry.deadline is not None and entry.deadline <= now_ms}
    return told


class _Reader:
    """Finds its way in raw values by the names in the spec."""

    def __init__(self, program: Program, seen: CausalContext) -> None:
        self.program = program
        self.seen = seen

    def record(self, t: Type, raw: Any) -> dict[str, tuple[Type, Any]]:
        """The fields of a record, each with its type."""
        record = self.program.unfold(t)
        assert isinstance(record, RecordT), record
        return {name: (field, value) for (name, field), value in zip(record.fields, raw, strict=True)}

    def values(self, t: Type, raw: Any) -> tuple[Type, Mapping[Any, Any]]:
        """A map, and the type of its values."""
        unfolded = self.program.unfold(t)
        assert isinstance(unfolded, MapT), unfolded
        return unfolded.value, raw

    def ask(self, t: Type, raw: Any, query: str) -> Any:
        """What a query of the declared type `t` answers."""
        return Compiled(self.program, t).query(query, raw, self.seen, ())  # type: ignore[arg-type]

    def store(self, name: str, t: Type, raw: Any, inside: str | None) -> Reply:
        """What there is to tell of one store of a key."""
        match name:
            case "string":
                return self.scalar(t, raw)
            case "hash":
                return self._many(*self.record(t, raw)["fields"], inside, self._field)
            case "scores":
                return self._many(*self.record(t, raw)["scores"], inside, self.scalar)
            case "members":
                return self._many(*self.record(t, raw)["adds"], inside, self._adds)
            case _:
                return {b"rules": [_rule(self.program, t.name, r.name) for r in self.program.types[t.name].rules]}  # type: ignore[attr-defined]

    def _many(self, t: Type, raw: Any, inside: str | None, tell: Any) -> Told:
        """Each field or member; of many those first that instances wrote at the same time."""
        item, held = self.values(t, raw)
        if inside is not None:
            return {from_text(inside): tell(item, held[inside])} if inside in held else {}
        told = {name: tell(item, value) for name, value in islice(sorted(held.items()), 10 * _MOST)}
        first = sorted(told, key=lambda name: (not told[name].get(b"conflict"), name))
        return {from_text(name): told[name] for name in first[:_MOST]}

    def _field(self, t: Type, raw: Any) -> Told:
        field = self.record(t, raw)
        told = self.scalar(*field["value"])
        expiry = self.expiry(*field["expiry"])
        if expiry:
            told[b"expiry"] = expiry
            told[b"conflict"] = told[b"conflict"] or expiry[b"conflict"]
        return told

    def _adds(self, t: Type, raw: Any) -> Told:
        """A member of a set: the adds that nobody has removed."""
        dots = sorted(raw)
        told: Told = {b"adds": [_dot(d) for d in dots], b"conflict": len(dots) > 1}
        if len(dots) > 1:
            told[b"rule"] = _rule(self.program, "ORSet", "add_wins")
        return told

    def scalar(self, t: Type, raw: Any) -> Told:
        """A string, hash field or score: the writes beside each other, and what each instance has counted."""
        fields = self.record(t, raw)
        register_type, register = fields["register"]
        winner = self.ask(register_type, register, "winner")
        value = self.ask(t, raw, "value")
        told: Told = {b"value": None if value is None else from_value(value[0])}
        writes = []
        for dot, (written,) in sorted(register.items()):
            time, content = written
            writes.append(
                {
                    b"dot": _dot(dot),
                    b"instance": dot[0],
                    b"time": time,
                    b"value": from_value(content),
                    b"shown": winner == (dot,),
                }
            )
        told[b"writes"] = writes
        counted, shadowed = self._counter(*fields["counter"]), False
        if counted:
            told[b"counted"] = counted
            told[b"counted_by"] = _rule(self.program, "Scalar", "increments_add_up")
            base = None if winner is None else register[winner[0]][0][1]
            shadowed = base is not None and base[0] == 0 and any(part[b"net"] != b"0" for part in counted)
            if shadowed:
                told[b"not_counted_by"] = _rule(self.program, "Scalar", "text_shows_alone")
        if len(writes) > 1:
            told[b"won"] = next(w[b"value"] for w in writes if w[b"shown"])
            told[b"won_by"] = _rule(self.program, "Scalar", "last_write_wins")
            told[b"lost"] = [w[b"value"] for w in writes if not w[b"shown"]]
        told[b"conflict"] = len(writes) > 1 or len(counted) > 1 or shadowed
        return told

    def _counter(self, t: Type, raw: Any) -> list[Told]:
        """By instance: what it has added, what of that somebody has cancelled, and what is left."""
        item, accumulators = self.values(*self.record(t, raw)["parts"])
        sums: dict[int, list[Any]] = {}
        for (instance, _), part in sorted(accumulators.items()):
            value_type, value = self.record(item, part)["value"]
            value_fields = self.record(value_type, value)
            counted, cancelled = (self.record(*value_fields[name]) for name in ("counted", "cancelled"))
            row = sums.setdefault(instance, [0, 0, 0, 0])
            for at, (of, name) in enumerate(
                ((counted, "plus"), (counted, "minus"), (cancelled, "plus"), (cancelled, "minus"))
            ):
                row[at] += of[name][1]
        return [
            {
                b"instance": instance,
                b"added": number_bytes(plus),
                b"subtracted": number_bytes(minus),
                b"cancelled_added": number_bytes(gone_plus),
                b"cancelled_subtracted": number_bytes(gone_minus),
                b"net": number_bytes(plus - gone_plus - (minus - gone_minus)),
            }
            for instance, (plus, minus, gone_plus, gone_minus) in sums.items()
        ]

    def expiry(self, t: Type, raw: Any) -> Told:
        """The deadlines beside each other; empty if there are none."""
        _, siblings = self.record(t, raw)["siblings"]
        if not siblings:
            return {}
        winner = self.ask(t, raw, "winner")
        deadlines = []
        for dot, (said,) in sorted(siblings.items()):
            until = said[1] if len(said) > 1 and said[0] == 0 else None
            deadlines.append(
                {b"dot": _dot(dot), b"instance": dot[0], b"deadline": until, b"in_force": winner == (dot,)}
            )
        told: Told = {b"deadlines": deadlines, b"conflict": len(deadlines) > 1}
        owner = self.ask(t, raw, "owner")
        told[b"owner"] = None if owner is None else owner[0]
        if len(deadlines) > 1:
            never = any(d[b"in_force"] and d[b"deadline"] is None for d in deadlines)
            told[b"won_by"] = _rule(self.program, "Expiry", "persist_is_longest" if never else "longest_wins")
            told[b"lost"] = [d[b"deadline"] for d in deadlines if not d[b"in_force"]]
        told[b"owned_by"] = _rule(self.program, "Expiry", "owner")
        return told


def _dot(dot: Dot) -> bytes:
    return b"%d.%d" % dot


def _rule(program: Program, store: str, name: str) -> Told:
    """A rule of the spec, by name and sentence. Raises: KeyError, if the spec has none of that name."""
    rules: Iterable[Any] = program.types[store].rules
    for rule in rules:
        if rule.name == name:
            return {b"rule": f"{store}.{name}".encode(), b"says": rule.text.encode()}
    raise KeyError(f"{store} has no rule {name}")
