"""Printing updates: the value, the context and the footprint of a delta."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mergelaw.language import core
from mergelaw.language.core import BOOL, Expr, Lit, MapE, MapT, Named, RecordE, RecordT, Type, Var
from mergelaw.semantics.compile.algebra import is_zero
from mergelaw.semantics.compile.apply import Applier
from mergelaw.semantics.compile.growing import (
    All,
    Branch,
    Constants,
    Fixed,
    Growing,
    Made,
    Nothing,
    Print,
    Record,
    Step,
    Value,
)
from mergelaw.semantics.compile.specialise import Scope, Specialiser
from mergelaw.semantics.compile.statements import bare
from mergelaw.semantics.compile.tree import is_atom


class Clauses(Constants, Protocol):
    """What an update asks of the module that it is printed into."""

    @property
    def program(self) -> core.Program:
        """Where types are declared."""
        ...

    def types(self, owner: Named) -> dict[str, Type]:
        """The arguments of an instance by the names of its parameters."""
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

    def append_dots(
        self, emit: Applier, close: Specialiser, t: Type, value: Expr, found: str, unfold: bool = False
    ) -> None:
        """Statements that append the live dots of `value` to the list `found`.

        `unfold`: in place, where they would be a call of the function of a declared type.
        """
        ...


class Effects(Growing):
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
        super().__init__(module, emit)
        self._module = module
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
        return bare(self.text(self._value, self._owner)), bare(self.print_text(self._print))

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
                self._forget(self._simple(dots, s))
            case core.PartUpdate():
                self._part_update(entry, s)
            case core.Each():
                self._each(entry, s)
            case _:
                raise AssertionError(f"no meaning for {entry}")

    def _forget(self, dots: Expr) -> None:
        if isinstance(dots, MapE):
            for dot, _ in dots.items:
                self._emit.line(f"{self._found}.append({bare(self._emit.root(dot))})")
        elif not is_zero(dots):
            self._emit.line(f"{self._found}.extend({bare(self._emit.root(dots))})")

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
        touched = emit.names.fresh("touched")
        emit.line(f"{touched} = owned({bare(self.print_text(self._print))})")
        name = emit.names.fresh(entry.var)
        with emit.block(f"for {name} in {bare(members)}:"):
            inner = s.bind(entry.var, Var(member_type, name))
            self._print = Branch()
            for e in entry.entries:
                self._entry(e, inner)
            if self._print != Branch():
                emit.line(f"{touched} = absorbed({touched}, {bare(self.print_text(self._print))})")
        self._print = Fixed(touched)

    # -- places ------------------------------------------------------------------------------------

    def _put(self, steps: Sequence[Step], made: Made) -> None:
        self._value = self.put(self._value, self._owner, steps, made)

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
                    self._value = self.opened(self._value, self._owner, fields)
                case core.Each(entries=inner):
                    self._open_all(inner, s)

    def _touch(self, steps: Sequence[Step], below: Print) -> None:
        for step in reversed(steps):
            below = Branch(((step, below),))
        self._print = self.union(self._print, below)

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
                return Fixed(f"{function}({bare(self.text(made, t))})", function == "touched_keys")
            case _:
                return All()

    def _named(self, e: Expr) -> Expr:
        """`e`, computed, under a name unless it needs none."""
        if is_atom(e):
            return e
        self._emit.share(e)
        text = self._emit.atom(e)
        return Var(e.type, text) if text.isidentifier() else e


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
