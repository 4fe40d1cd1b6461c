"""Where the parts of a `Key` stand in its raw value, found by their names in the spec.

The replica looks at a few places on every change: expiry times and counter parts. What they mean is asked of the
compiled specs (`Expiry`, `ResetCounter`); this module only finds them.
"""

from __future__ import annotations

from collections.abc import Iterator

from mergelaw.language.core import MapT, Named, OptionType, Program, RecordT, Type
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import EMPTY, Dot
from mergelaw.semantics.values import Raw

_CONTENTS = {
    "absent": "none",
    "a_sketch": "string",
    "a_string": "string",
    "a_hash": "hash",
    "a_set": "set",
    "a_sorted_set": "zset",
    "a_list": "list",
    "a_stream": "stream",
    "a_json": "ReJSON-RL",
}


class Layout:
    """Finds places in raw values of `Key`."""

    __slots__ = (
        "_cancelled",
        "_counted",
        "_elements",
        "_expiry",
        "_expiry_of_field",
        "_fields",
        "_members",
        "_parts",
        "_parts_of_scalar",
        "_present",
        "_siblings",
        "_siblings_of_expiry",
        "_until",
        "_value_of_field",
        "_value_of_part",
        "contents",
        "expiry",
        "scalar",
        "string",
    )

    def __init__(self, program: Program) -> None:
        """`program` declares `Key` as the library does. Raises: KeyError, if a part has another name there."""
        key = Named("Key")
        self._siblings = _steps(program, key, "expiry", "siblings")
        self.expiry = self._siblings[0]
        """The position of the expiry in a key."""
        self._parts = _steps(program, key, "string", "counter", "parts")
        self._fields = _steps(program, key, "hash", "fields")
        self._elements = _steps(program, key, "members", "adds")
        self._members = _steps(program, key, "scores", "scores")
        field = _item(program, Named("Hash"), "fields")
        (self._value_of_field,) = _steps(program, field, "value")
        (self._expiry_of_field,) = _steps(program, field, "expiry")
        self._parts_of_scalar = _steps(program, Named("Scalar"), "counter", "parts")
        (self._siblings_of_expiry,) = _steps(program, Named("Expiry"), "siblings")
        part = _item(program, Named("ResetCounter"), "parts")
        (self._value_of_part,) = _steps(program, part, "value")
        self._counted = _steps(program, part, "value", "counted", "times")
        self._cancelled = _steps(program, part, "value", "cancelled", "times")
        siblings = program.unfold(_type_at(program, Named("Expiry"), "siblings"))
        assert isinstance(siblings, MapT) and isinstance(siblings.value, OptionType), siblings
        self._until = _variant(program, siblings.value.item, "until")
        expiry = Compiled(program, Named("Expiry"))
        self._expiry = expiry
        self.scalar = Compiled(program, Named("Scalar"))
        """What runs the value of a field."""
        self._present = self.scalar.reader("present")
        self.string = Compiled(program, Named("Key")).reader("get")
        """(raw key, any context) -> its string, as an Option of the spec."""
        content = next(q for q in program.types["Key"].queries if q.name == "content").result
        self.contents = tuple(_CONTENTS[name] for name, _ in program.variants(content))  # type: ignore[arg-type]
        """What TYPE tells, by the number of the variant of `Content`."""

    # -- expiry ------------------------------------------------------------------------------------

    def siblings(self, value: Raw) -> Raw:
        """The expiry siblings of the key."""
        a, b = self._siblings
        return value[a][b]

    def fields(self, value: Raw) -> Raw:
        """The fields of the hash, by name."""
        a, b = self._fields
        return value[a][b]

    def field_siblings(self, field: Raw) -> Raw:
        """The expiry siblings of one of `fields`."""
        return field[self._expiry_of_field][self._siblings_of_expiry]

    def field_visible(self, field: Raw, now_ms: int) -> bool:
        """Whether readers see one of `fields`."""
        deadline = self.deadline(self.field_siblings(field))
        return (deadline is None or now_ms < deadline) and bool(self._present(field[self._value_of_field], EMPTY))

    def deadline(self, siblings: Raw) -> int | None:
        """When the key or field of these siblings dies; None: never."""
        for (deadline,) in siblings.values():
            if deadline[0] == self._until:
                found: tuple[int] | None = self._expiry.query("deadline", (siblings,), EMPTY, ())
                return None if found is None else found[0]
        return None

    def owner(self, siblings: Raw) -> int | None:
        """Whose deadline is in force."""
        found: tuple[int] | None = self._expiry.query("owner", (siblings,), EMPTY, ())
        return None if found is None else found[0]

    # -- counters ----------------------------------------------------------------------------------

    def parts(self, value: Raw) -> Raw:
        """The accumulators of the string."""
        a, b, c = self._parts
        return value[a][b][c]

    def field_parts(self, field: Raw) -> Raw:
        """The accumulators of one of `fields`."""
        a, b = self._parts_of_scalar
        return field[self._value_of_field][a][b]

    def field_scalar(self, field: Raw) -> Raw:
        """The `Scalar` of one of `fields`: its value, visible or not."""
        return field[self._value_of_field]

    def elements(self, value: Raw) -> Raw:
        """The elements of the set, each with the dots of its adds."""
        a, b = self._elements
        return value[a][b]

    def members(self, value: Raw) -> Raw:
        """The members of the sorted set, with hidden ones."""
        a, b = self._members
        return value[a][b]

    def member_parts(self, member: Raw) -> Raw:
        """The accumulators of one of `members`."""
        a, b = self._parts_of_scalar
        return member[a][b]

    def cancelled(self, parts: Raw, replica: int) -> Iterator[Dot]:
        """The accumulators of `replica` among `parts` all of which seems cancelled: candidates for `collect`."""
        a, b, c = self._counted
        d, e, f = self._cancelled
        for dot, part in parts.items():
            if dot[0] == replica and part[a][b][c] == part[d][e][f]:
                yield dot


def _type_at(program: Program, t: Type, *names: str) -> Type:
    for name in names:
        record = program.unfold(t)
        assert isinstance(record, RecordT), record
        t = dict(record.fields)[name]
    return t


def _steps(program: Program, t: Type, *names: str) -> tuple[int, ...]:
    """The positions that lead to the field that `names` lead to."""
    steps = []
    for name in names:
        record = program.unfold(t)
        assert isinstance(record, RecordT), record
        steps.append(record.position(name))
        t = record.fields[steps[-1]][1]
    return tuple(steps)


def _item(program: Program, t: Type, *names: str) -> Type:
    """What the map that `names` lead to holds."""
    found = program.unfold(_type_at(program, t, *names))
    assert isinstance(found, MapT), found
    return found.value


def _variant(program: Program, t: Type, name: str) -> int:
    return [n for n, _ in program.variants(t)].index(name)  # type: ignore[arg-type]
