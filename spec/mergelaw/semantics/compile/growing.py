"""Values and footprints that grow while an update is printed.

They are put together while compiling as far as the paths tell; only where two entries may meet at one key of
a map, and in loops, do they grow in variables while running.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mergelaw.language.core import Expr, MapT, RecordT, Type
from mergelaw.semantics.compile.apply import Applier
from mergelaw.semantics.compile.statements import bare
from mergelaw.semantics.engine import Footprint

Step = str | Expr
"""A field, or the closed key of a map."""


# -- values under construction -------------------------------------------------------------------------


@dataclass(frozen=True)
class Nothing:
    """The zero of its place."""


@dataclass(frozen=True)
class Value:
    """A value that is there, as text; `nonzero`: certainly not zero."""

    text: str
    nonzero: bool = False


@dataclass(frozen=True)
class Cell:
    """A variable that entries assign to."""

    name: str


@dataclass(frozen=True)
class Record:
    """A record, field by field."""

    fields: tuple[Made, ...]


@dataclass(frozen=True)
class Single:
    """A map that has at most one key."""

    key: Expr
    item: Made


Made = Nothing | Value | Cell | Record | Single


# -- footprints under construction ---------------------------------------------------------------------


@dataclass(frozen=True)
class All:
    """Everything below."""


@dataclass(frozen=True)
class Fixed:
    """A footprint that is there, as text."""

    text: str
    keys: bool = False
    """Whether it is a map whose keys have everything below them touched."""


@dataclass(frozen=True)
class Branch:
    """What is touched below fields or keys; nothing, if there are none."""

    below: tuple[tuple[Step, Print], ...] = field(default=())


Print = All | Fixed | Branch


class Constants(Protocol):
    """What values and footprints need of the module that they are printed into."""

    def unfold(self, t: Type) -> Type:
        """`t` with declared types at its head replaced by their states."""
        ...

    def zero_text(self, t: Type) -> str:
        """The zero of `t` as Python text."""
        ...

    def constant(self, hint: str, value: object, key: object = None) -> str:
        """The name under which generated code finds `value`, which `key` tells from others that equal it."""
        ...


class Growing:
    """Puts values and footprints together, writing statements where that has to happen while running."""

    def __init__(self, constants: Constants, emit: Applier) -> None:
        self._constants = constants
        self._emit = emit

    # -- putting values ----------------------------------------------------------------------------

    def put(self, whole: Made, t: Type, steps: Sequence[Step], made: Made) -> Made:
        """`whole`, a value of `t`, with `made` at the place that `steps` lead to."""
        emit = self._emit
        if not steps:
            if isinstance(whole, Cell):
                emit.line(f"{whole.name} = {bare(self.text(made, t))}")
                return whole
            return made
        t = self._constants.unfold(t)
        step, rest = steps[0], steps[1:]
        if isinstance(t, RecordT):
            assert isinstance(step, str)
            if isinstance(whole, Cell):
                copy = self.put(self.fields(Value(whole.name), t), t, steps, made)
                emit.line(f"{whole.name} = {bare(self.text(copy, t))}")
                return whole
            parts = list(self.fields(whole, t).fields)
            i = t.position(step)
            parts[i] = self.put(parts[i], t.fields[i][1], rest, made)
            return Record(tuple(parts))
        assert isinstance(t, MapT) and isinstance(step, Expr)
        match whole:
            case Nothing():
                return Single(step, self.put(Nothing(), t.value, rest, made))
            case Single(key, item) if key == step:
                return Single(key, self.put(item, t.value, rest, made))
        cell = whole if isinstance(whole, Cell) else self.cell(whole, t)
        self._store(cell.name, t, step, rest, made)
        return cell

    def _store(self, m: str, t: MapT, key: Expr, rest: Sequence[Step], made: Made) -> None:
        """Statements that put `made` at a key (or below it) of the map in variable `m`."""
        emit = self._emit
        key_text = bare(emit.value(key))
        if rest:
            before = emit.names.fresh("before")
            emit.line(f"{before} = {m}.get({key_text}, {self._constants.zero_text(t.value)})")
            made = self.put(Value(before), t.value, rest, made)
        if isinstance(made, Nothing):
            emit.line(f"if {key_text} in {m}:")
            emit.line(f"    {m} = {m}.delete({key_text})")
            return
        text = self.text(made, t.value)
        if self._never_zero(made):
            emit.line(f"{m} = {m}.set({key_text}, {bare(text)})")
            return
        if not text.isidentifier():
            name = emit.names.fresh("new")
            emit.line(f"{name} = {bare(text)}")
            text = name
        emit.line(f"if {bare(emit.zero_test_text(text, t.value, False, True))}:")
        emit.line(f"    {m} = {m}.set({key_text}, {text})")
        emit.line(f"elif {key_text} in {m}:")
        emit.line(f"    {m} = {m}.delete({key_text})")

    def fields(self, whole: Made, t: RecordT) -> Record:
        """`whole`, a record of `t`, field by field."""
        match whole:
            case Record():
                return whole
            case Nothing():
                return Record(tuple(Nothing() for _ in t.fields))
            case Value(text):
                if not text.isidentifier():
                    name = self._emit.names.fresh("record")
                    self._emit.line(f"{name} = {bare(text)}")
                    text = name
                return Record(tuple(Value(f"{text}[{i}]") for i in range(len(t.fields))))
            case _:
                raise AssertionError(f"{whole} is no record")

    def cell(self, whole: Made, t: Type) -> Cell:
        """A new variable that holds `whole`."""
        name = self._emit.names.fresh("made")
        self._emit.line(f"{name} = {bare(self.text(whole, t))}")
        return Cell(name)

    def opened(self, whole: Made, t: Type, fields: Sequence[str]) -> Made:
        """`whole`, with a variable at the place that `fields` lead to."""
        if isinstance(whole, Cell):
            return whole
        t = self._constants.unfold(t)
        if not fields:
            return self.cell(whole, t)
        assert isinstance(t, RecordT)
        parts = list(self.fields(whole, t).fields)
        i = t.position(fields[0])
        parts[i] = self.opened(parts[i], t.fields[i][1], fields[1:])
        return Record(tuple(parts))

    def _never_zero(self, made: Made) -> bool:
        match made:
            case Value(_, nonzero):
                return nonzero
            case Record(fields):
                return any(self._never_zero(f) for f in fields)
            case Single(_, item):
                return self._never_zero(item)
            case _:
                return False

    def text(self, made: Made, t: Type) -> str:
        """The text of a value of `t`."""
        t = self._constants.unfold(t)
        match made:
            case Nothing():
                return self._constants.zero_text(t)
            case Value(text) | Cell(text):
                return text
            case Record(fields):
                assert isinstance(t, RecordT)
                texts = [bare(self.text(f, ft)) for f, (_, ft) in zip(fields, t.fields, strict=True)]
                return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"
            case Single(key, item):
                assert isinstance(t, MapT)
                return self._single_text(key, item, t)

    def _single_text(self, key: Expr, item: Made, t: MapT) -> str:
        emit = self._emit
        key_text = bare(emit.value(key))
        if isinstance(item, Nothing):
            return "EMPTY"
        text = self.text(item, t.value)
        if self._never_zero(item):
            return f"EMPTY.set({key_text}, {bare(text)})"
        if not text.isidentifier():
            name = emit.names.fresh("new")
            emit.line(f"{name} = {bare(text)}")
            text = name
        return f"(EMPTY.set({key_text}, {text}) if {emit.zero_test_text(text, t.value, False, True)} else EMPTY)"

    # -- footprints --------------------------------------------------------------------------------

    def union(self, left: Print, right: Print) -> Print:
        """The places of either."""
        match left, right:
            case (All(), _) | (_, All()):
                return All()
            case _, Branch(()):
                return left
            case Branch(()), _:
                return right
            case (Branch(xs), Fixed(text, True)) | (Fixed(text, True), Branch(xs)) if all(p == All() for _, p in xs):
                keys = "".join(f", {bare(self._emit.value(k))}: None" for k, _ in xs if isinstance(k, Expr))
                return Fixed(f"{{**{text}{keys}}}", True)
            case Branch(xs), Branch(ys):
                found = dict(xs)
                for step, below in ys:
                    found[step] = self.union(found[step], below) if step in found else below
                if self._may_meet(found):
                    return Fixed(f"union({bare(self.print_text(left))}, {bare(self.print_text(right))})")
                return Branch(tuple(found.items()))
            case _:
                return Fixed(f"union({bare(self.print_text(left))}, {bare(self.print_text(right))})")

    def _may_meet(self, below: dict[Step, Print]) -> bool:
        """Whether two keys may turn out equal, with different footprints below them."""
        keys = [p for step, p in below.items() if isinstance(step, Expr)]
        return len(keys) > 1 and any(p != All() for p in keys)

    def print_text(self, p: Print) -> str:
        """The text of a footprint."""
        match p:
            case All():
                return "None"
            case Fixed(text):
                return text
            case Branch(below):
                fixed = _static(p)
                if fixed:
                    return self._constants.constant("TOUCHED", fixed, repr(fixed))
                if not below:
                    return "NOTHING"
                keys = [repr(s) if isinstance(s, str) else bare(self._emit.value(s)) for s, _ in below]
                items = [f"{k}: {bare(self.print_text(p))}" for k, (_, p) in zip(keys, below, strict=True)]
                return f"{{{', '.join(items)}}}"


def _static(p: Print) -> Footprint:
    """The footprint itself, if it names only fields and is not nothing; else None."""
    if not isinstance(p, Branch):
        return None
    made: dict[str, Footprint] = {}
    for step, below in p.below:
        inner = _static(below)
        if not isinstance(step, str) or (inner is None and below != All()):
            return None
        made[step] = inner
    return made
