"""Printing updates: the value, the context and the footprint of a delta.

Value and footprint are put together while compiling as far as the entries' paths tell; only where two
entries may meet at one key of a map, and in loops, do they grow in variables while running.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mergelaw.language import core
from mergelaw.language.core import BOOL, Expr, Lit, MapE, MapT, Named, RecordE, RecordT, Type, Var
from mergelaw.semantics.compile.apply import Applier
from mergelaw.semantics.compile.expressions import bare
from mergelaw.semantics.compile.simplify import is_zero
from mergelaw.semantics.compile.specialise import Scope, Specialiser
from mergelaw.semantics.compile.tree import is_atom
from mergelaw.semantics.engine import NOTHING, Footprint

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


class Clauses(Protocol):
    """What an update asks of the module that it is printed into."""

    @property
    def program(self) -> core.Program:
        """Where types are declared."""
        ...

    def unfold(self, t: Type) -> Type:
        """`t` with declared types at its head replaced by their states."""
        ...

    def types(self, owner: Named) -> dict[str, Type]:
        """The arguments of an instance by the names of its parameters."""
        ...

    def zero_text(self, t: Type) -> str:
        """The zero of `t` as Python text."""
        ...

    def constant(self, hint: str, value: object) -> str:
        """The name under which generated code finds `value`."""
        ...

    def touched(self, t: Type) -> str:
        """The name of a function from values of `t` to the footprint of all that they name."""
        ...

    def part_update(self, owner: Named, name: str) -> str:
        """The name of the function that makes value and footprint of an update of a part."""
        ...

    def has_dots(self, t: Type) -> bool:
        """Whether values of `t` have live dots."""
        ...

    def append_dots(self, emit: Applier, close: Specialiser, t: Type, value: Expr, found: str) -> None:
        """Statements that append the live dots of `value` to the list `found`."""
        ...


class Effects:
    """What the entries of one update have put together so far."""

    def __init__(
        self,
        module: Clauses,
        emit: Applier,
        close: Specialiser,
        owner: Named,
        by: str,
        when: str,
        found: str = "",
    ) -> None:
        """`by` and `when` are Python names of the replica and the time, `found` of the list of forgotten dots."""
        self._module = module
        self._emit = emit
        self._close = close
        self._owner = owner
        self._by = by
        self._when = when
        self._found = found
        self._this: Expr = Var(module.unfold(owner), "this")
        self._value: Made = Nothing()
        self._print: Print = Branch()

    # -- results -----------------------------------------------------------------------------------

    def texts(self) -> tuple[str, str]:
        """Value and footprint."""
        return bare(self._text(self._value, self._owner)), bare(self._print_text(self._print))

    def returned(self, dots: str) -> None:
        """Write the return of the delta; `dots` is the name of the tuple of its own dots."""
        value, footprint = self.texts()
        context = f"CausalContext({dots})"
        if self._found:
            context = f"CausalContext([*{dots}, *{self._found}])"
        self._emit.line(f"return Delta({value}, {context}, {footprint}, {dots})")

    # -- bodies ------------------------------------------------------------------------------------

    def run(self, update: core.UpdateDef, args: Sequence[Expr], at: Sequence[Expr], this: Expr) -> None:
        """Write the update, given what stands for its parameters and dots; `this` is a closed path."""
        if not self._found and _forgets(update.body):
            self._found = self._emit.names.fresh("forgotten")
            self._emit.line(f"{self._found} = []")
        self._this = this
        types = self._module.types(self._owner)
        values: dict[str, Expr] = {"this": this, **dict(zip((n for n, _ in update.params), args, strict=True))}
        if update.by is not None:
            values[update.by] = Var(core.REPLICA, self._by)
        if update.when is not None:
            values[update.when] = Var(core.TIME, self._when)
        values.update(zip(update.at, at, strict=True))
        scope = Scope(values, {"this": "seen"}, types)
        if update.requires is not None:
            span = self._module.constant("SPAN", update.requires.span)
            condition = self._emit.simplify(self._close.close(update.requires, scope))
            self._emit.share(condition)
            test = self._emit.truth(core.Op(BOOL, "not", (condition,)))
            with self._emit.block(f"if {bare(test)}:"):
                self._emit.line(f"raise UpdateRefused({update.name!r}, {span})")
        self._delta(update.body, scope)

    def _delta(self, delta: core.Delta, s: Scope) -> None:
        match delta:
            case core.Block(entries):
                for entry in entries:
                    self._entry(entry, s)
            case core.LetDelta(name, value, body):
                self._delta(body, self._bound(name, value, s))
            case core.IfDelta(condition, then, orelse):
                test = self._simple(condition, s)
                self._emit.share(test)
                self._branches([self._emit.truth(test)], [([], then, s), ([], orelse, s)])
            case core.MatchDelta(subject, cases):
                closed, seen = self._close.state(subject, s)
                closed = self._emit.simplify(closed)
                self._emit.share(closed)
                patterns: list[tuple[core.Pattern, Expr]] = []
                scopes = []
                for pattern, _ in cases:
                    renamed, inner = self._close.pattern(pattern, closed.type, seen, s)
                    patterns.append((renamed, Lit(core.NAT, len(patterns))))
                    scopes.append(inner)
                tests, bodies = self._emit.cases(core.Match(core.NAT, closed, tuple(patterns)))
                branches = [(bindings, cases[i][1], scopes[i]) for i, (bindings, _) in enumerate(bodies)]
                self._branches(tests, branches)
            case _:
                raise AssertionError(f"no meaning for {delta}")

    def _branches(self, tests: list[str], branches: list[tuple[list[tuple[Expr, str]], core.Delta, Scope]]) -> None:
        emit = self._emit
        value, touched = emit.names.fresh("value"), emit.names.fresh("touched")
        before = self._value, self._print
        written = []
        for bindings, delta, scope in branches:
            self._value, self._print = before
            with emit.captured() as inner:
                for name, text in bindings:
                    emit.know(name, text)
                self._delta(delta, scope)
                made, print_ = self.texts()
                emit.line(f"{value} = {made}")
                emit.line(f"{touched} = {print_}")
            written.append(inner)
        emit.chain(tests, written)
        self._value, self._print = Value(value), Fixed(touched)

    def _simple(self, e: Expr, s: Scope) -> Expr:
        return self._emit.simplify(self._close.close(e, s))

    def _bound(self, name: str, value: Expr, s: Scope) -> Scope:
        closed, seen = self._close.state(value, s)
        closed = self._emit.simplify(closed)
        if not is_atom(closed):
            text = self._emit.root(closed)
            python_name = text if text.isidentifier() else self._emit.keep(closed, text, name)
            closed = Var(closed.type, python_name)
        return s.bind(name, closed, seen)

    # -- entries -----------------------------------------------------------------------------------

    def _entry(self, entry: core.Entry, s: Scope) -> None:
        emit = self._emit
        match entry:
            case core.Assign(path, value):
                steps, t, _ = self._place(path, s)
                e = self._simple(value, s)
                emit.share(e)
                made = self._leaf(e)
                self._put(steps, made)
                self._touch(steps, self._touched(t, e, made))
            case core.Forget(path):
                steps, t, part = self._place(path, s)
                emit.share(part)
                if self._module.has_dots(t):
                    emit.atom(part)
                self._module.append_dots(emit, self._close, t, part, self._found)
                self._touch(steps, self._touched(t, part, Value(emit.value(part))))
            case core.ForgetDots(dots):
                emit.line(f"{self._found}.extend({bare(emit.root(self._simple(dots, s)))})")
            case core.PartUpdate():
                self._part_update(entry, s)
            case core.Each():
                self._each(entry, s)
            case _:
                raise AssertionError(f"no meaning for {entry}")

    def _leaf(self, e: Expr) -> Made:
        if is_zero(e):
            return Nothing()
        if isinstance(e, RecordE):
            return Record(tuple(self._leaf(f) for _, f in e.fields))
        text = self._emit.atom(e) if isinstance(e.type, (MapT, RecordT)) else self._emit.value(e)
        return Value(text, self._emit.never_zero(e))

    def _place(self, path: core.Path, s: Scope) -> tuple[list[Step], Type, Expr]:
        """The closed steps of a path, its type, and what `this` has there."""
        steps: list[Step] = []
        t: Type = self._owner
        part = self._this
        for step in path.steps:
            t = self._module.unfold(t)
            if isinstance(step, str):
                assert isinstance(t, RecordT), t
                t = t.fields[t.position(step)][1]
                steps.append(step)
                part = self._close.get(part, step)
            else:
                assert isinstance(t, MapT), t
                t = t.value
                key = self._named(self._simple(step, s))
                steps.append(key)
                part = self._close.at(part, key)
        return steps, t, self._emit.simplify(part)

    def _part_update(self, entry: core.PartUpdate, s: Scope) -> None:
        emit = self._emit
        steps, _, part = self._place(entry.path, s)
        owner = self._close.named(entry.owner, s)
        update = self._module.program.types[owner.name].update(entry.update)
        args = [self._named(self._simple(a, s)) for a in entry.args]
        dots = [s.values[d] for d in entry.dots] if update.at else []
        if isinstance(update.body, core.Block) and not any(isinstance(e, core.Each) for e in update.body.entries):
            inner = Effects(self._module, emit, self._close, owner, self._by, self._when, self._found)
            inner.run(update, args, dots, self._named(part))
            self._put(steps, inner._value)
            self._touch(steps, inner._print)
            return
        function = self._module.part_update(owner, entry.update)
        made, touched = emit.names.fresh(f"{entry.update}_value"), emit.names.fresh(f"{entry.update}_touched")
        given = [bare(emit.value(part)), "seen", self._by, self._when, self._found]
        given += [bare(emit.value(e)) for e in (*args, *dots)]
        emit.line(f"{made}, {touched} = {function}({', '.join(given)})")
        self._put(steps, Value(made))
        self._touch(steps, Fixed(touched))

    def _each(self, entry: core.Each, s: Scope) -> None:
        emit = self._emit
        source = self._simple(entry.source, s)
        members = emit.root(source.subject if isinstance(source, core.Keys) else source)
        member_type = self._module.unfold(core.substitute(entry.var_type, s.types))
        if not _apart(entry):
            members = emit.sorted_text(members, member_type)
        self._open_all(entry.entries, s)
        if not isinstance(self._print, Fixed):
            name = emit.names.fresh("touched")
            emit.line(f"{name} = {bare(self._print_text(self._print))}")
            self._print = Fixed(name)
        touched = self._print.text
        name = emit.names.fresh(entry.var)
        with emit.block(f"for {name} in {bare(members)}:"):
            inner = s.bind(entry.var, Var(member_type, name))
            self._print = Branch()
            for e in entry.entries:
                self._entry(e, inner)
            if self._print != Branch():
                emit.line(f"{touched} = union({touched}, {bare(self._print_text(self._print))})")
        self._print = Fixed(touched)

    # -- putting values ----------------------------------------------------------------------------

    def _put(self, steps: Sequence[Step], made: Made) -> None:
        self._value = self._with(self._value, self._owner, steps, made)

    def _with(self, whole: Made, t: Type, steps: Sequence[Step], made: Made) -> Made:
        """`whole`, a value of `t`, with `made` at the place that `steps` lead to."""
        emit = self._emit
        if not steps:
            if isinstance(whole, Cell):
                emit.line(f"{whole.name} = {bare(self._text(made, t))}")
                return whole
            return made
        t = self._module.unfold(t)
        step, rest = steps[0], steps[1:]
        if isinstance(t, RecordT):
            assert isinstance(step, str)
            if isinstance(whole, Cell):
                copy = self._with(self._fields(Value(whole.name), t), t, steps, made)
                emit.line(f"{whole.name} = {bare(self._text(copy, t))}")
                return whole
            parts = list(self._fields(whole, t).fields)
            i = t.position(step)
            parts[i] = self._with(parts[i], t.fields[i][1], rest, made)
            return Record(tuple(parts))
        assert isinstance(t, MapT) and isinstance(step, Expr)
        match whole:
            case Nothing():
                return Single(step, self._with(Nothing(), t.value, rest, made))
            case Single(key, item) if key == step:
                return Single(key, self._with(item, t.value, rest, made))
        cell = whole if isinstance(whole, Cell) else self._cell(whole, t)
        self._store(cell.name, t, step, rest, made)
        return cell

    def _store(self, m: str, t: MapT, key: Expr, rest: Sequence[Step], made: Made) -> None:
        """Statements that put `made` at a key (or below it) of the map in variable `m`."""
        emit = self._emit
        key_text = bare(emit.value(key))
        if rest:
            before = emit.names.fresh("before")
            emit.line(f"{before} = {m}.get({key_text}, {self._module.zero_text(t.value)})")
            made = self._with(Value(before), t.value, rest, made)
        if isinstance(made, Nothing):
            emit.line(f"if {key_text} in {m}:")
            emit.line(f"    {m} = {m}.delete({key_text})")
            return
        text = self._text(made, t.value)
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

    def _fields(self, whole: Made, t: RecordT) -> Record:
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

    def _cell(self, whole: Made, t: Type) -> Cell:
        name = self._emit.names.fresh("made")
        self._emit.line(f"{name} = {bare(self._text(whole, t))}")
        return Cell(name)

    def _open_all(self, entries: Sequence[core.Entry], s: Scope) -> None:
        """Variables for the places that entries of a loop put values to."""
        for entry in entries:
            match entry:
                case core.Assign(path, _) | core.PartUpdate(path=path):
                    fields = []
                    for step in path.steps:
                        if not isinstance(step, str):
                            break
                        fields.append(step)
                    self._value = self._opened(self._value, self._owner, fields)
                case core.Each(entries=inner):
                    self._open_all(inner, s)

    def _opened(self, whole: Made, t: Type, fields: Sequence[str]) -> Made:
        if isinstance(whole, Cell):
            return whole
        t = self._module.unfold(t)
        if not fields:
            return self._cell(whole, t)
        assert isinstance(t, RecordT)
        parts = list(self._fields(whole, t).fields)
        i = t.position(fields[0])
        parts[i] = self._opened(parts[i], t.fields[i][1], fields[1:])
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

    def _text(self, made: Made, t: Type) -> str:
        t = self._module.unfold(t)
        match made:
            case Nothing():
                return self._module.zero_text(t)
            case Value(text) | Cell(text):
                return text
            case Record(fields):
                assert isinstance(t, RecordT)
                texts = [bare(self._text(f, ft)) for f, (_, ft) in zip(fields, t.fields, strict=True)]
                return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"
            case Single(key, item):
                assert isinstance(t, MapT)
                return self._single_text(key, item, t)

    def _single_text(self, key: Expr, item: Made, t: MapT) -> str:
        emit = self._emit
        key_text = bare(emit.value(key))
        if isinstance(item, Nothing):
            return "EMPTY"
        text = self._text(item, t.value)
        if self._never_zero(item):
            return f"EMPTY.set({key_text}, {bare(text)})"
        if not text.isidentifier():
            name = emit.names.fresh("new")
            emit.line(f"{name} = {bare(text)}")
            text = name
        return f"(EMPTY.set({key_text}, {text}) if {emit.zero_test_text(text, t.value, False, True)} else EMPTY)"

    # -- footprints --------------------------------------------------------------------------------

    def _touch(self, steps: Sequence[Step], below: Print) -> None:
        for step in reversed(steps):
            below = Branch(((step, below),))
        self._print = self._union(self._print, below)

    def _union(self, left: Print, right: Print) -> Print:
        match left, right:
            case (All(), _) | (_, All()):
                return All()
            case _, Branch(()):
                return left
            case Branch(()), _:
                return right
            case (Branch(xs), Fixed(text, True)) | (Fixed(text, True), Branch(xs)) if all(p == All() for _, p in xs):
                keys = "".join(f".set({bare(self._emit.value(k))}, None)" for k, _ in xs if isinstance(k, Expr))
                return Fixed(f"{text}{keys}", True)
            case Branch(xs), Branch(ys):
                found = dict(xs)
                for step, below in ys:
                    found[step] = self._union(found[step], below) if step in found else below
                if self._may_meet(found):
                    return Fixed(f"union({bare(self._print_text(left))}, {bare(self._print_text(right))})")
                return Branch(tuple(found.items()))
            case _:
                return Fixed(f"union({bare(self._print_text(left))}, {bare(self._print_text(right))})")

    def _may_meet(self, below: dict[Step, Print]) -> bool:
        """Whether two keys may turn out equal, with different footprints below them."""
        keys = [p for step, p in below.items() if isinstance(step, Expr)]
        return len(keys) > 1 and any(p != All() for p in keys)

    def _print_text(self, p: Print) -> str:
        match p:
            case All():
                return "None"
            case Fixed(text):
                return text
            case Branch(below):
                fixed = _static(p)
                if fixed:
                    return self._module.constant("TOUCHED", fixed)
                text = "NOTHING"
                for step, inner in below:
                    key = repr(step) if isinstance(step, str) else bare(self._emit.value(step))
                    text += f".set({key}, {bare(self._print_text(inner))})"
                return text

    def _touched(self, t: Type, e: Expr, made: Made) -> Print:
        """The footprint of all that the value `e` of `t` names."""
        t = self._module.unfold(t)
        match t:
            case RecordT(fields):
                parts: list[tuple[Step, Print]] = []
                for i, (name, f) in enumerate(fields):
                    if isinstance(e, RecordE) and isinstance(made, Record):
                        parts.append((name, self._touched(f, e.fields[i][1], made.fields[i])))
                    elif is_zero(e):
                        parts.append((name, self._touched(f, self._emit.simplify.zero(f), Nothing())))
                    elif isinstance(made, Value):
                        inner = Value(f"{made.text}[{i}]")
                        parts.append((name, self._touched(f, self._close.get(e, name), inner)))
                return Branch(tuple(parts))
            case MapT(_, item):
                if is_zero(e):
                    return Branch()
                if isinstance(e, MapE) and len(e.items) == 1 and self._emit.never_zero(e):
                    key, _ = e.items[0]
                    leaf = self._module.unfold(item)
                    if not isinstance(leaf, (MapT, RecordT)):
                        return Branch(((self._named(key), All()),))
                function = self._module.touched(t)
                return Fixed(f"{function}({bare(self._text(made, t))})", function == "touched_keys")
            case _:
                return All()

    def _named(self, e: Expr) -> Expr:
        """`e`, computed, under a name unless it needs none."""
        if is_atom(e):
            return e
        self._emit.share(e)
        text = self._emit.atom(e)
        return Var(e.type, text) if text.isidentifier() else e


def _static(p: Print) -> Footprint:
    """The footprint itself, if it names only fields and is not nothing; else None."""
    if not isinstance(p, Branch):
        return None
    made = NOTHING
    for step, below in p.below:
        inner = _static(below)
        if not isinstance(step, str) or (inner is None and below != All()):
            return None
        made = made.set(step, inner)
    return made


def _forgets(delta: core.Delta) -> bool:
    match delta:
        case core.Block(entries):
            return any(_forgets_entry(e) for e in entries)
        case core.IfDelta(_, then, orelse):
            return _forgets(then) or _forgets(orelse)
        case core.LetDelta(_, _, body):
            return _forgets(body)
        case core.MatchDelta(_, cases):
            return any(_forgets(d) for _, d in cases)
        case _:
            return False


def _forgets_entry(entry: core.Entry) -> bool:
    match entry:
        case core.Forget() | core.ForgetDots() | core.PartUpdate():
            return True
        case core.Each(entries=entries):
            return any(_forgets_entry(e) for e in entries)
        case _:
            return False


def _apart(entry: core.Each) -> bool:
    """Whether the places that the entries put values to are different ones for each member of the source."""
    for e in entry.entries:
        match e:
            case core.Assign(path, _) | core.PartUpdate(path=path):
                if not any(isinstance(step, core.Var) and step.name == entry.var for step in path.steps):
                    return False
            case core.Each():
                return False
    return True
