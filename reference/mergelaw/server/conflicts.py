"""Counts, for metrics, how often writes of several instances met, by the rule that decided between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mergelaw.language.core import MapT, Named, Program, RecordT, Type
from mergelaw.replica.database import Database
from mergelaw.replica.model import KEY, Effect, Part

LAST_WRITE_WINS = "Scalar.last_write_wins"
LONGEST_EXPIRY_WINS = "Expiry.longest_wins"
ADD_WINS = "ORSet.add_wins"
TYPE_CONFLICT = "Key.type_conflict"


class Conflicts:
    """Looks at what an effect from another instance has touched, after it was applied.

    Two writes have met where one is found beside the other: siblings in a register or of an expiry, several adds of a
    member, or an add that outlived a remove. Counters add up without anything being decided, so they are not counted.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self.counts: dict[str, int] = {}
        """By the rule, as the specs name it."""
        program = db.engines[KEY].program
        key = Named(KEY)
        self._register = _steps(program, key, "string", "register")
        self._expiry = _steps(program, key, "expiry", "siblings")
        self._fields = _steps(program, key, "hash", "fields")
        self._scores = _steps(program, key, "scores", "scores")
        self._adds = _steps(program, key, "members", "adds")
        field = _values(program, Named("Hash"), "fields")
        self._register_of_field = _steps(program, field, "value", "register")
        self._expiry_of_field = _steps(program, field, "expiry", "siblings")
        self._register_of_score = _steps(program, _values(program, Named("SortedSet"), "scores"), "register")

    def met(self, effect: Effect) -> None:
        """`effect`, of another instance, was applied."""
        for part in effect.parts:
            if part.store == KEY:
                entry = self._db.keys.get(part.key)
                value = None if entry is None else entry.component(KEY)
                if value is not None:
                    for rule in self._decided(value, part):
                        self.counts[rule] = self.counts.get(rule, 0) + 1

    def _decided(self, value: Any, part: Part) -> Iterator[str]:
        delta: Any = part.value
        yield from self._siblings(LAST_WRITE_WINS, value, delta, self._register)
        yield from self._siblings(LONGEST_EXPIRY_WINS, value, delta, self._expiry)
        fields = _at(value, self._fields)
        for name, written in _at(delta, self._fields).items():
            if name in fields:
                yield from self._siblings(LAST_WRITE_WINS, fields[name], written, self._register_of_field)
                yield from self._siblings(LONGEST_EXPIRY_WINS, fields[name], written, self._expiry_of_field)
        scores = _at(value, self._scores)
        for name, written in _at(delta, self._scores).items():
            if name in scores:
                yield from self._siblings(LAST_WRITE_WINS, scores[name], written, self._register_of_score)
        held, added = _at(value, self._adds), _at(delta, self._adds)
        for name in _touched(part.footprint, added):
            # Beside the dots that the effect brings there are others, which it has not seen: of adds, or of ours
            # that its remove leaves.
            if name in held and len(held[name]) > len(added.get(name, ())):
                yield ADD_WINS
        if added and held and _at(value, self._register):
            yield TYPE_CONFLICT

    def _siblings(self, rule: str, value: Any, delta: Any, steps: tuple[int, ...]) -> Iterator[str]:
        held = _at(value, steps)
        # SETs without a TTL say the same of the expiry: nothing is to be decided.
        if _at(delta, steps) and len(held) > 1 and (rule != LONGEST_EXPIRY_WINS or len(set(held.values())) > 1):
            yield rule


def _touched(footprint: Any, added: Mapping[Any, Any]) -> list[Any]:
    """The members of the set that a footprint names; those added, where it names everything."""
    for step in ("members", "adds"):
        if footprint is None:
            return list(added)
        footprint = footprint.get(step, {})
    return list(added) if footprint is None else list(footprint)


def _at(raw: Any, steps: tuple[int, ...]) -> Any:
    for step in steps:
        raw = raw[step]
    return raw


def _field(program: Program, t: Type, name: str) -> tuple[int, Type]:
    record = program.unfold(t)
    assert isinstance(record, RecordT), record
    at = record.position(name)
    return at, record.fields[at][1]


def _steps(program: Program, t: Type, *names: str) -> tuple[int, ...]:
    """The positions that lead to a field, by the names in the spec."""
    steps = []
    for name in names:
        at, t = _field(program, t, name)
        steps.append(at)
    return tuple(steps)


def _values(program: Program, t: Type, name: str) -> Type:
    """The type of the values of a map."""
    held = program.unfold(_field(program, t, name)[1])
    assert isinstance(held, MapT), held
    return held.value
