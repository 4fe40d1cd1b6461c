"""Printing an update and its merge at the replica that runs it, as one function without a delta in between.

Such a function is made for the state that an update mostly meets: what it only clears, and what it does not name, is
zero. It looks whether that is so and answers None if not; then nothing has happened, and the update has to be run as
every other. What it assumes beyond the state itself is what every replica keeps to: fresh dots are nobody's, live dots
are seen.

Where all that a part holds is forgotten, merging the delta leaves just what the delta has there (`replaces` asks the
part's merge clause whether that is so); a single key of a part is merged alone.

What the update writes goes into a JOURNAL: the value of each place that it wrote, which several updates in a row put
together. `Compiled.delta` makes a delta of it: the join of their deltas, provided that the replica merged nothing else
in between. (A dot that another replica has replaced in between is forgotten by none of them, and yet overwritten here.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mergelaw.language import core
from mergelaw.language.core import BOOL, DOT, At, Expr, Lit, MapE, MapT, Named, RecordE, RecordT, Seen, Type, Var
from mergelaw.semantics.compile.algebra import FALSE, TRUE, is_zero
from mergelaw.semantics.compile.apply import Applier
from mergelaw.semantics.compile.simplify import Facts, Simplifier, assume
from mergelaw.semantics.compile.specialise import Scope, Specialiser
from mergelaw.semantics.compile.statements import bare, reads
from mergelaw.semantics.compile.tree import Joined, contains, is_atom, replaced
from mergelaw.semantics.compile.updates import Clauses

Step = str | Expr

Place = tuple[Any, ...]
"""Where a journal's value stands: fields, None for each key, which the journal names, and `ALL`, at the end."""

ALL = ...
"""The step to all keys of a map: what stood there is forgotten, and nothing is written."""


class NotLocal(Exception):
    """No such function can be made of this update."""


class Merging(Clauses, Protocol):
    """What is asked of the module, beside what every update asks."""

    places: list[Place]
    """The places of journals, by their number."""

    def merge_at(self, owner: Named, mine: Expr, theirs: Expr, key: Expr, simplify: Simplifier, facts: Facts) -> Expr:
        """What the merge of two maps of `owner`, `theirs` with the context "context", has at `key`."""
        ...

    def replaces(self, owner: Named) -> bool:
        """Whether a delta of `owner` with fresh dots that forgets all that is there leaves what it has itself."""
        ...


@dataclass
class _Node:
    """What an update does below one place."""

    below: dict[Step, _Node] = field(default_factory=dict)
    value: Expr | None = None
    forgotten: Expr | None = None
    """What it forgets as a whole."""


_Event = tuple[str, tuple[Step, ...], Expr]
"""`assign`, `forget` or `dots`; where; and the value, or what is forgotten."""


class Local:
    """Prints the function of one update."""

    def __init__(
        self,
        module: Merging,
        emit: Applier,
        close: Specialiser,
        owner: Named,
        by: str,
        when: str,
        keep: Sequence[str] = (),
    ) -> None:
        """`by` and `when` are Python names of the replica and the time; fields `keep` are not assumed to be zero."""
        self._module = module
        self._emit = emit
        self._close = close
        self._owner = owner
        self._by = by
        self._when = when
        self._keep = keep
        self._events: list[_Event] = []
        self._facts: Facts = {}
        """What is known where a branch is written."""
        self._required: set[Expr] = set()
        """Conditions that hold there, as they stand in the spec."""
        self._fresh: set[str] = set()

    def write(self, update: core.UpdateDef, args: Sequence[Expr], at: Sequence[Var]) -> None:
        """Write the body. Raises: NotLocal."""
        emit, module = self._emit, self._module
        self._fresh = {d.name for d in at}
        whole = Var(module.unfold(self._owner), "this")
        guards: list[Expr] = []
        this = self._shaped(self._owner, update, whole, guards, True)
        self._guard(guards)
        scope = self._scope(self._owner, update, args, at, this)
        self._require(update, scope)
        with emit.captured() as body:
            self._delta(update.body, scope, (), self._owner, lambda: self._finish(whole, this))
        for n, d in enumerate(at):
            if any(reads(line, d.name) for line in (*emit.lines, *body)):
                emit.line(f"{d.name} = ({self._by}, number{f' + {n}' if n else ''})")
        emit.lines += body

    def _scope(
        self, owner: Named, update: core.UpdateDef, args: Sequence[Expr], at: Sequence[Expr], this: Expr
    ) -> Scope:
        values: dict[str, Expr] = {"this": this, **dict(zip((n for n, _ in update.params), args, strict=True))}
        if update.by is not None:
            values[update.by] = Var(core.REPLICA, self._by)
        if update.when is not None:
            values[update.when] = Var(core.TIME, self._when)
        values.update(zip(update.at, at, strict=True))
        return Scope(values, {"this": "seen"}, self._module.types(owner))

    # -- what is assumed ---------------------------------------------------------------------------

    def _shaped(self, owner: Named, update: core.UpdateDef, mine: Expr, guards: list[Expr], top: bool) -> Expr:
        """`mine`, a value of `owner` that `update` runs on, with zeros where it is assumed to have them."""
        t = self._module.unfold(owner)
        if not isinstance(t, RecordT) or self._module.program.types[owner.name].merge is not None:
            return mine
        types = self._module.types(owner)
        fields: list[tuple[str, Expr]] = []
        cleared = []
        for name, _ in t.fields:
            entries = [e for e in _entries(update.body) if _begins(e, name)]
            if not entries and top or entries and all(self._clears(e, types) for e in entries):
                cleared.append(name)
        # What only clears is meant for something that is there.
        kept = self._keep if top else cleared[:1] if len(cleared) == len(t.fields) else ()
        for name, declared in t.fields:
            part = self._emit.simplify.get(mine, name, self._module.unfold(declared))
            if name in cleared and name not in kept:
                if not is_zero(part):
                    guards.append(part)
                part = self._emit.simplify.zero(declared)
            fields.append((name, part))
        return RecordE(t, tuple(fields)) if guards else mine

    def _clears(self, entry: core.Entry, types: dict[str, Type]) -> bool:
        """Whether an entry only takes away what is there."""
        if not isinstance(entry, core.PartUpdate) or entry.args or len(entry.path.steps) > 1:
            return False
        owner = core.substitute(entry.owner, types)
        assert isinstance(owner, Named)
        update = self._module.program.types[owner.name].update(entry.update)
        at = [Var(DOT, f"fresh_{n}") for n in update.at]
        zero = self._emit.simplify.zero(owner)
        return self._idle(update.body, self._scope(owner, update, (), at, zero))

    def _idle(self, delta: core.Delta, s: Scope) -> bool:
        """Whether a delta of a part that is zero is nothing."""
        match delta:
            case core.Block(entries):
                return all(self._idle_entry(e, s) for e in entries)
            case core.IfDelta(condition, then, orelse):
                test = self._simple(condition, s)
                if isinstance(test, Lit):
                    return self._idle(then if test.value else orelse, s)
                return self._idle(then, s) and self._idle(orelse, s)
            case _:
                return False

    def _idle_entry(self, entry: core.Entry, s: Scope) -> bool:
        match entry:
            case core.Assign(_, value):
                return is_zero(self._simple(value, s))
            case core.Forget(path):
                return is_zero(self._place(path, s)[1])
            case core.Each(source=source):
                return is_zero(self._simple(source, s))
            case core.PartUpdate():
                _, part = self._place(entry.path, s)
                owner = self._close.named(entry.owner, s)
                update = self._module.program.types[owner.name].update(entry.update)
                if not is_zero(part):
                    return False
                args = [self._simple(a, s) for a in entry.args]
                dots = [s.values[d] for d in entry.dots] if update.at else []
                return self._idle(update.body, self._scope(owner, update, args, dots, part))
            case _:
                return False

    def _guard(self, parts: Sequence[Expr]) -> None:
        """Go on only if all `parts` are zero."""
        if not parts:
            return
        tests = []
        for part in parts:
            zero, text = self._module.zero_text(part.type), self._emit.value(part)
            # Nearly always it is the very same object.
            tests.append(f"({text} is not {zero} and {text} != {zero})")
        self._emit.line(f"if {' or '.join(tests)}:")
        self._emit.line("    return None")

    def _require(self, update: core.UpdateDef, s: Scope) -> None:
        if update.requires is None:
            return
        asked = self._close.close(update.requires, s)
        if asked in self._required:
            return
        self._required.update(_conjuncts(asked))
        condition = self._emit.simplify(asked, self._facts)
        if condition == FALSE:
            raise NotLocal("it is always refused")
        if condition != TRUE:
            self._facts = assume(self._facts, condition, True)
            self._emit.share(condition)
            self._emit.line(f"if {bare(self._emit.truth(core.Op(BOOL, 'not', (condition,))))}:")
            # Refused, with the reason, where it is run as every other.
            self._emit.line("    return None")

    # -- bodies ------------------------------------------------------------------------------------

    def _simple(self, e: Expr, s: Scope) -> Expr:
        return self._emit.simplify(self._close.close(e, s), self._facts)

    def _delta(
        self, delta: core.Delta, s: Scope, prefix: tuple[Step, ...], owner: Named, then: Callable[[], None]
    ) -> None:
        """Collect what `delta` does below `prefix`, in each of its branches, and write `then` at the end of each."""
        emit = self._emit
        match delta:
            case core.Block(entries):
                self._block(entries, s, prefix, owner, then)
            case core.IfDelta(condition, first, second):
                test = self._simple(condition, s)
                if isinstance(test, Lit):
                    self._delta(first if test.value else second, s, prefix, owner, then)
                    return
                emit.share(test)
                text = emit.truth(test)
                written = []
                before = self._facts
                for branch, truth in ((first, True), (second, False)):
                    self._facts = assume(before, test, truth)
                    with emit.captured() as inner:
                        self._delta(branch, s, prefix, owner, then)
                    written.append(inner)
                self._facts = before
                emit.chain([text], written)
            case core.MatchDelta(subject, cases):
                self._match(subject, cases, s, prefix, owner, then)
            case core.LetDelta(name, value, body):
                closed, seen = self._close.state(value, s)
                self._delta(body, s.bind(name, self._named(emit.simplify(closed)), seen), prefix, owner, then)
            case _:
                raise AssertionError(f"no meaning for {delta}")

    def _match(
        self,
        subject: Expr,
        cases: tuple[tuple[core.Pattern, core.Delta], ...],
        s: Scope,
        prefix: tuple[Step, ...],
        owner: Named,
        then: Callable[[], None],
    ) -> None:
        emit = self._emit
        closed, seen = self._close.state(subject, s)
        closed = emit.simplify(closed)
        emit.share(closed)
        patterns: list[tuple[core.Pattern, Expr]] = []
        scopes = []
        for pattern, _ in cases:
            renamed, inner = self._close.pattern(pattern, closed.type, seen, s)
            patterns.append((renamed, Lit(core.NAT, len(patterns))))
            scopes.append(inner)
        tests, bodies = emit.cases(core.Match(core.NAT, closed, tuple(patterns)))
        written = []
        before = self._facts
        for i, (bindings, _) in enumerate(bodies):
            with emit.captured() as lines:
                for variable, text in bindings:
                    emit.know(variable, text)
                self._delta(cases[i][1], scopes[i], prefix, owner, then)
            written.append(lines)
            self._facts = before
        emit.chain(tests, written)

    def _block(
        self,
        entries: Sequence[core.Entry],
        s: Scope,
        prefix: tuple[Step, ...],
        owner: Named,
        then: Callable[[], None],
    ) -> None:
        if not entries:
            then()
            return
        entry, rest = entries[0], entries[1:]
        before, known, required = len(self._events), self._facts, set(self._required)

        def go_on() -> None:
            self._block(rest, s, prefix, owner, then)

        match entry:
            case core.Assign(path, value):
                steps, part = self._place(path, s)
                e = self._simple(value, s)
                if not (is_zero(e) and is_zero(part)):
                    self._events.append(("assign", (*prefix, *steps), e))
                go_on()
            case core.Forget(path):
                steps, part = self._place(path, s)
                if not is_zero(part):
                    self._events.append(("forget", (*prefix, *steps), part))
                go_on()
            case core.ForgetDots(dots):
                named = self._simple(dots, s)
                if not is_zero(named):
                    self._events.append(("dots", prefix, named))
                go_on()
            case core.Each(source=source) if is_zero(self._simple(source, s)):
                go_on()
            case core.PartUpdate():
                self._part_update(entry, s, prefix, go_on)
            case _:
                raise NotLocal("it runs over a collection")
        del self._events[before:]
        self._facts, self._required = known, required

    def _part_update(
        self, entry: core.PartUpdate, s: Scope, prefix: tuple[Step, ...], then: Callable[[], None]
    ) -> None:
        steps, part = self._place(entry.path, s)
        owner = self._close.named(entry.owner, s)
        update = self._module.program.types[owner.name].update(entry.update)
        args = [self._named(self._simple(a, s)) for a in entry.args]
        dots = [s.values[d] for d in entry.dots] if update.at else []
        guards: list[Expr] = []
        if not is_zero(part):
            part = self._shaped(owner, update, part, guards, False)
            self._guard(guards)
        inner = self._scope(owner, update, args, dots, part)
        self._require(update, inner)
        self._delta(update.body, inner, (*prefix, *steps), owner, then)

    def _place(self, path: core.Path, s: Scope) -> tuple[list[Step], Expr]:
        """The closed steps of a path, and what `this` has there."""
        steps: list[Step] = []
        part = s.values["this"]
        for step in path.steps:
            if isinstance(step, str):
                steps.append(step)
                part = self._emit.simplify(self._close.get(part, step))
            else:
                key = self._named(self._simple(step, s))
                steps.append(key)
                part = self._emit.simplify(self._close.at(part, key), self._facts)
                if not is_zero(part) and not self._is_fresh(key):
                    self._emit.atom(part)
        return steps, part

    def _named(self, e: Expr) -> Expr:
        """`e`, or a variable that has its value."""
        if is_atom(e) or isinstance(e, (RecordE, MapE)):
            return e
        return Var(e.type, self._emit.atom(e))

    # -- results -----------------------------------------------------------------------------------

    def _finish(self, whole: Expr, this: Expr) -> None:
        """Write the new state and the journal, and return."""
        emit = self._emit
        root = _Node()
        dots: list[Expr] = []
        for kind, steps, e in self._events:
            node = root
            if kind == "dots":
                if not isinstance(e, MapE):
                    raise NotLocal("it forgets computed dots")
                dots += [key for key, _ in e.items]
                continue
            for step in steps:
                node = node.below.setdefault(step, _Node())
            if kind == "assign":
                node.value = e
            else:
                node.forgotten = e
        journal: list[str] = []
        text, _ = self._made(root, self._owner, this, (), dots, journal)
        for kind, steps, e in self._events:
            if kind == "forget":
                t = self._type_at(steps)
                self._module.append_dots(emit, self._close, self._merging(t) or t, e, "forgotten", True)
        for dot in dots:
            emit.line(f"forgotten.append({bare(emit.value(dot))})")
        emit.lines += journal
        emit.line(f"return {bare(text)}")

    def _type_at(self, steps: Sequence[Step]) -> Type:
        t: Type = self._owner
        for step in steps:
            t = self._state(t)
            if isinstance(step, str):
                assert isinstance(t, RecordT), t
                t = t.fields[t.position(step)][1]
            else:
                assert isinstance(t, MapT), t
                t = t.value
        return t

    def _state(self, t: Type) -> Type:
        return self._module.unfold(t)

    def _merging(self, t: Type) -> Named | None:
        """The declared type whose merge clause decides about values of `t`; None: it is merged part by part."""
        while isinstance(t, Named):
            if self._module.program.types[t.name].merge is not None:
                return t
            t = self._module.program.state_type(t)
        return None

    def _made(
        self, node: _Node, t: Type, mine: Expr, steps: tuple[Step, ...], dots: list[Expr], journal: list[str]
    ) -> tuple[str, bool]:
        """The text of the new value at `steps`, and whether it is certainly not zero."""
        emit = self._emit
        owner = self._merging(t)
        if owner is not None:
            return self._leaf(owner, node, mine, steps, dots, journal)
        t = self._state(t)
        if node.value is not None:
            raise NotLocal("it writes a whole collection")
        if node.forgotten is not None and isinstance(t, MapT):
            return self._emptied(t, node, steps, journal)
        if isinstance(t, RecordT):
            for name, declared in t.fields:
                if node.forgotten is not None and self._module.has_dots(declared):
                    part = emit.simplify.get(node.forgotten, name, self._state(declared))
                    if not is_zero(part):
                        node.below.setdefault(name, _Node()).forgotten = part
            parts, nonzero = [], False
            for name, declared in t.fields:
                part = emit.simplify.get(mine, name, self._state(declared))
                if name in node.below:
                    text, sure = self._made(node.below[name], declared, part, (*steps, name), dots, journal)
                    nonzero = nonzero or sure
                else:
                    text = emit.value(part)
                parts.append(bare(text))
            return (f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"), nonzero
        if not isinstance(t, MapT) or len(node.below) != 1:
            raise NotLocal("it writes several keys of a map")
        ((key, below),) = node.below.items()
        assert isinstance(key, Expr)
        held = emit.simplify(self._close.at(mine, key))
        text, nonzero = self._made(below, t.value, held, (*steps, key), dots, journal)
        m, key_text = emit.atom(mine), bare(emit.value(key))
        if nonzero:
            return f"{m}.set({key_text}, {bare(text)})", True
        item, after = emit.names.fresh("item"), emit.names.fresh("after")
        emit.line(f"{item} = {bare(text)}")
        emit.line(f"if {item} != {self._module.zero_text(t.value)}:")
        emit.line(f"    {after} = {m}.set({key_text}, {item})")
        emit.line("else:")
        emit.line(f"    {after} = ({m}.delete({key_text}) or EMPTY) if {key_text} in {m} else {m}")
        return after, False

    def _emptied(self, t: MapT, node: _Node, steps: tuple[Step, ...], journal: list[str]) -> tuple[str, bool]:
        """A map all of which is forgotten."""
        owner = self._merging(t.value)
        if node.below or owner is None or not self._module.replaces(owner):
            raise NotLocal("what is forgotten of a collection leaves something behind")
        if any(isinstance(step, Expr) for step in steps):
            raise NotLocal("it empties a collection below a key")
        places = self._module.constant("PLACES", self._module.places, "places")
        journal.append(f"emptied(journal, {places}, {self._module.constant('WHOLE', steps)})")
        self._note(journal, (*steps, ALL), "EMPTY")
        return "EMPTY", False

    def _leaf(
        self, owner: Named, node: _Node, mine: Expr, steps: tuple[Step, ...], dots: list[Expr], journal: list[str]
    ) -> tuple[str, bool]:
        emit, module = self._emit, self._module
        t = module.unfold(owner)
        if not isinstance(t, MapT) or module.unfold(t.key) != DOT:
            raise NotLocal("its part is no map of dots")
        written = self._written(node)
        if not written or all(self._is_fresh(k) for k, _ in written):
            # All that was there is forgotten, or nothing was.
            if node.forgotten is None and not is_zero(mine):
                if len(written) == 1:
                    return self._key(owner, t, mine, *written[0], steps, dots, journal)
                raise NotLocal("it adds several dots")
            if not module.replaces(owner):
                raise NotLocal("what is forgotten leaves something behind")
            text = "EMPTY"
            for key, value in written:
                if not emit.never_zero(value):
                    raise NotLocal("it may write a zero")
                text += f".set({bare(emit.value(key))}, {bare(emit.value(value))})"
            name = emit.names.fresh("made")
            emit.line(f"{name} = {text}")
            self._note(journal, steps, name)
            return name, bool(written)
        if len(written) != 1 or node.forgotten is not None:
            raise NotLocal("it writes known dots among others")
        return self._key(owner, t, mine, *written[0], steps, dots, journal)

    def _written(self, node: _Node) -> list[tuple[Expr, Expr]]:
        """The dots that a part is written at, and what is written there."""
        written: list[tuple[Expr, Expr]] = []
        if node.value is not None and not is_zero(node.value):
            if not isinstance(node.value, MapE) or node.below:
                raise NotLocal("it writes a computed map")
            written = list(node.value.items)
        for step, below in node.below.items():
            if below.value is None or below.below or below.forgotten is not None or isinstance(step, str):
                raise NotLocal("it writes inside a dot's part")
            written.append((step, below.value))
        return written

    def _is_fresh(self, key: Expr) -> bool:
        return isinstance(key, Var) and key.name in self._fresh

    def _key(
        self,
        owner: Named,
        t: MapT,
        mine: Expr,
        key: Expr,
        value: Expr,
        steps: tuple[Step, ...],
        dots: list[Expr],
        journal: list[str],
    ) -> tuple[str, bool]:
        """One dot of a part is written, fresh or among those forgotten; the others stay."""
        emit, module = self._emit, self._module
        fresh = self._is_fresh(key)
        if not fresh and key not in dots:
            raise NotLocal("it writes a dot that it does not name")
        named = key if isinstance(key, Var) else Var(DOT, emit.atom(key))
        name = bare(emit.value(named))
        held = emit.simplify(self._close.at(mine, key))
        dots_set = core.set_of(DOT)
        known: dict[Expr, bool] = {
            At(BOOL, Seen(dots_set, "seen"), named): not fresh,
            At(BOOL, Seen(dots_set, "context"), named): True,
        }
        item = module.unfold(t.value)

        def merged(before: Expr, value: Expr) -> Expr:
            left = emit.simplify.zero(t) if is_zero(before) else MapE(t, ((named, before),))
            theirs = MapE(t, ((named, value),))
            about = {replaced(e, {held: before}): truth for e, truth in self._facts.items()}
            result = module.merge_at(owner, left, theirs, named, emit.simplify, {**about, **known})
            if contains(result, lambda e: isinstance(e, (Seen, Joined))):
                raise NotLocal("its merge asks more than is known")
            return result

        if fresh:
            value = self._atoms(value)
            result = self._atoms(merged(emit.simplify.zero(item), value))
            after = emit.names.fresh("after")
            emit.line(f"{after} = {bare(emit.value(result))}")
            delta = after if result == value else bare(emit.value(value))
            self._note(journal, (*steps, named), delta)
        else:
            before = Var(item, emit.names.fresh("before"))
            emit.line(f"{before.name} = {emit.value(mine)}.get({name}, {module.zero_text(item)})")
            value = emit.simplify(replaced(value, {held: before}), self._facts)
            result = self._atoms(merged(before, value))
            after = emit.names.fresh("after")
            emit.line(f"{after} = {bare(emit.value(result))}")
            value = self._atoms(value)
            delta = emit.names.fresh("delta")
            emit.line(f"{delta} = {bare(emit.value(value))}")
            with emit.captured() as lines:
                self._note_joined((*steps, named), delta, item, lambda held: merged(held, value))
            journal += lines
        sure = emit.never_zero(result)
        if not sure:
            raise NotLocal("it may leave a zero")
        return f"{emit.value(mine)}.set({name}, {after})", True

    def _atoms(self, e: Expr) -> Expr:
        """`e` with variables for all that has to be computed."""
        if is_atom(e):
            return e
        if isinstance(e, RecordE):
            return RecordE(e.type, tuple((n, self._atoms(f)) for n, f in e.fields))
        return Var(e.type, self._emit.atom(e))

    # -- the journal -------------------------------------------------------------------------------

    def _entry(self, steps: Sequence[Any]) -> str:
        """The text of the key of a place in a journal."""
        place = tuple(None if isinstance(s, Expr) else s for s in steps)
        places = self._module.places
        if place not in places:
            if any(place[: len(other)] == other or other[: len(place)] == place for other in places):
                raise NotLocal("another update writes above or below the same place")
            places.append(place)
        keys = [bare(self._emit.value(s)) for s in steps if isinstance(s, Expr)]
        number = places.index(place)
        return f"({number}, {', '.join(keys)})" if keys else str(number)

    def _note(self, journal: list[str], steps: Sequence[Any], text: str) -> None:
        """The value of a place that the update has replaced."""
        entry = self._entry(steps)
        journal.append(f"journal[{entry}] = {text}")
        journal.append("if log is not None:")
        journal.append(f"    log.append({entry})")

    def _note_joined(self, steps: Sequence[Step], delta: str, item: Type, merged: Callable[[Expr], Expr]) -> None:
        """The value of a place, joined with what the journal has there."""
        emit = self._emit
        place = emit.names.fresh("place")
        emit.line(f"{place} = {self._entry(steps)}")
        held = Var(item, emit.names.fresh("held"))
        emit.line(f"{held.name} = journal.get({place})")
        emit.line(f"if {held.name} is not None:")
        with emit.captured() as lines:
            result = merged(held)
            emit.share(result)
            text = emit.value(result)
            emit.line(f"{delta} = {bare(text)}")
        emit.lines += ["    " + line for line in lines]
        emit.line(f"journal[{place}] = {delta}")
        emit.line("if log is not None:")
        emit.line(f"    log.append({place})")


def _conjuncts(e: Expr) -> Iterator[Expr]:
    """`e` and, if it is a conjunction, what it is made of."""
    yield e
    if isinstance(e, core.Op) and e.op == "and":
        for part in e.args:
            yield from _conjuncts(part)


def _entries(delta: core.Delta) -> list[core.Entry]:
    """The entries of all branches."""
    match delta:
        case core.Block(entries):
            return list(entries)
        case core.IfDelta(_, then, orelse):
            return [*_entries(then), *_entries(orelse)]
        case core.MatchDelta(_, cases):
            return [e for _, body in cases for e in _entries(body)]
        case core.LetDelta(_, _, body):
            return _entries(body)
        case _:
            return []


def _begins(entry: core.Entry, name: str) -> bool:
    """Whether an entry is about field `name`."""
    match entry:
        case core.Assign(path=path) | core.PartUpdate(path=path) | core.Forget(path=path):
            return not path.steps or path.steps[0] == name
        case core.Each(entries=entries):
            return any(_begins(e, name) for e in entries)
        case _:
            return False
