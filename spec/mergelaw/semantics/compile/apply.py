"""Printing the application of a delta: the merge, evaluated only where the delta's footprint says.

That it changes nothing elsewhere is the `frame` obligation. Where a merge clause reads at one place what the
delta has at another (an epoch decides about a value), it is evaluated in full. Where the footprint says
"everything below", the keys are those of the delta's value, and those of the receiver's that merging with
zero may change.
"""

from __future__ import annotations

from dataclasses import dataclass

from mergelaw.language.core import (
    BOOL,
    DOT,
    At,
    Base,
    Expr,
    If,
    Let,
    MapT,
    Match,
    RecordE,
    RecordT,
    Seen,
    Type,
    Var,
)
from mergelaw.semantics.compile.algebra import FALSE, is_zero
from mergelaw.semantics.compile.folds import Emitter
from mergelaw.semantics.compile.maps import Pointwise, Target, composite
from mergelaw.semantics.compile.naming import Module
from mergelaw.semantics.compile.simplify import Simplifier
from mergelaw.semantics.compile.specialise import Names
from mergelaw.semantics.compile.statements import bare, reads
from mergelaw.semantics.compile.tree import Joined, bound_names, is_path, replaced, subexpressions


@dataclass(frozen=True)
class Place:
    """A place of the state, what the delta's value has there, and the name of the delta's context."""

    mine: Expr
    theirs: Expr
    context: str


class Applier(Emitter):
    """Writes the body of a function that merges a delta into a state, or one state into another."""

    def __init__(self, module: Module, names: Names, simplify: Simplifier) -> None:
        super().__init__(module, names, simplify)
        self.independent: set[str] = {"this"}
        """The variables that say nothing about the delta's value."""

    def merged(self, e: Expr, base: Expr) -> str:
        """The value of `e`; `base` itself where that is equal and easily seen to be."""
        self.share(e)
        match e:
            case Let(_, name, value, body):
                return self.merged(self.let(name, value, body), base)
            case RecordE() if e.type == base.type:
                return self._record_or_same(base, [(n, self.atom(f, n)) for n, f in e.fields])
            case _:
                return self.value(e)

    def applied(self, e: Expr, place: Place, footprint: str) -> str:
        """The value of `e`, what the merge makes of `place`; `footprint` names the text of what is touched there."""
        self.share(e)
        base = place.mine
        if e == base:
            return self.value(base)
        match e:
            case Let(_, name, value, body):
                return self.applied(self.let(name, value, body), place, footprint)
            case If() | Match() if e.type != BOOL:
                result = self.names.fresh("result")
                for inner in self.branch(e):
                    self.line(f"{result} = {bare(self.applied(inner, place, footprint))}")
                return result
            case Joined(left=If(_, condition, then, orelse)) if base in (then, orelse):
                joined = [Joined(e.type, e.owner, x, e.right, e.left_seen, e.right_seen) for x in (then, orelse)]
                lifted = self.simplify(If(e.type, condition, joined[0], joined[1]))
                return self.applied(lifted, place, footprint)
            case Joined(left=left, right=right) if left == base and _is_delta(right, place.theirs):
                return self._apply_part(e, footprint)
            case RecordE() if e.type == base.type:
                return self._record(e, place, footprint)
            case _ if composite(e) and is_path(base) and e.type == base.type:
                p = self.pointwise(e)
                theirs = self.simplify.at(place.theirs, p.key)
                if self._is_local(p.body, theirs, p.key.name):
                    return self._keyed(p, place, footprint)
        return self.value(e)

    def _is_local(self, e: Expr, theirs: Expr, *keys: str) -> bool:
        """Whether `e` reads nothing of the delta's value but `theirs`."""
        if isinstance(e, Var):
            return e == theirs or e.name in self.independent or e.name in keys
        if e == theirs:
            return True
        return all(self._is_local(c, theirs, *keys, *bound_names(e)) for c in subexpressions(e))

    def _apply_part(self, e: Joined, footprint: str) -> str:
        function = self.module.apply_function(e.owner)
        left, right = bare(self.value(e.left)), bare(self.value(e.right))
        if not self.module.needs_contexts(e.owner):
            return f"{function}({left}, {right}, {footprint})"
        seens = self.context(e.left_seen), self.context(e.right_seen)
        return f"{function}({left}, {seens[0]}, {right}, {seens[1]}, {footprint})"

    # -- records -----------------------------------------------------------------------------------

    def _record(self, e: RecordE, place: Place, footprint: str) -> str:
        parts: list[tuple[str, str]] = []
        for name, f in e.fields:
            old = self._field(place.mine, name, f.type)
            if f == old:
                parts.append((name, self.atom(old)))
            elif isinstance(f.type, Base):
                parts.append((name, self.atom(f, name)))
            else:
                below = Place(old, self._field(place.theirs, name, f.type), place.context)
                parts.append((name, self._field_applied(name, f, below, footprint, len(e.fields) > 1)))
        return self._record_or_same(place.mine, parts)

    def _field(self, record: Expr, name: str, t: Type) -> Expr:
        return self.simplify.get(record, name, t)

    def _field_applied(self, name: str, f: Expr, place: Place, footprint: str, guarded: bool) -> str:
        before = self.atom(place.mine)
        below = self.names.fresh("below")
        # Everything (None) and nothing (an empty map) of a record are everything and nothing of each field.
        self.line(f"{below} = {footprint} and {footprint}.get({name!r}, NOTHING)")
        if not guarded or not self._is_local(f, place.theirs):
            return self.keep(f, self.applied(f, place, below), name)
        result = self.names.fresh(name)
        self.line(f"{result} = {before}")
        with self.block(f"if {below} is None or {below}:"):
            self.line(f"{result} = {bare(self.applied(f, place, below))}")
        return result

    def _record_or_same(self, base: Expr, parts: list[tuple[str, str]]) -> str:
        """The record of `parts`; `base` itself where all its fields are the same objects, or equal numbers."""
        assert isinstance(base.type, RecordT)
        checks = []
        for name, text in parts:
            t = self.module.unfold(base.type.fields[base.type.position(name)][1])
            old = self.atom(self._field(base, name, t))
            if text != old:
                checks.append(f"{text} {'==' if isinstance(t, Base) else 'is'} {old}")
        texts = ", ".join(text for _, text in parts)
        made = f"({texts},)" if len(parts) == 1 else f"({texts})"
        whole = self.value(base)
        if not checks:
            return whole
        return f"({whole} if {' and '.join(checks)} else {made})"

    # -- maps --------------------------------------------------------------------------------------

    def _keyed(self, p: Pointwise, place: Place, footprint: str) -> str:
        self.hoist(p.body, p.key.name)
        mine, theirs = self.atom(place.mine), self.atom(place.theirs)
        out = self.names.fresh("out")
        target = Target(out, mine, p.key.name)
        deeper = self.names.fresh("deeper")
        with self.captured() as inner:
            self._cases(p, place, target, deeper)
        everything = f"everything({theirs}, {self._held(p, place)})"
        self.line(f"{out} = None")
        if any(reads(line, deeper) for line in inner):
            header = f"for {p.key.name}, {deeper} in ({everything} if {footprint} is None else {footprint}).items():"
        else:
            header = f"for {p.key.name} in {everything} if {footprint} is None else {footprint}:"
        self.indent(header, inner)
        return target.result()

    def _held(self, p: Pointwise, place: Place) -> str:
        """The keys, beside those of the delta's value, at which the merge may change something."""
        mine = self.atom(place.mine)
        others = [s for s in p.sources if s not in (place.mine, place.theirs)]
        if others:
            return "[" + ", ".join(f"*{self.atom(m)}" for m in (place.mine, *others)) + "]"
        absent = self.given(p.body, p.key, {place.theirs: None})
        if self.unchanged(absent, place.mine, p.key):
            return "()"
        if p.key.type == DOT:
            unseen = At(BOOL, Seen(MapT(DOT, BOOL), place.context), p.key)
            if self.unchanged(self.simplify(replaced(absent, {unseen: FALSE})), place.mine, p.key):
                return f"held_of({mine}, {place.context})"
        return mine

    def _cases(self, p: Pointwise, place: Place, target: Target, deeper: str) -> None:
        """What happens at one key, by who has it."""
        assert isinstance(place.mine.type, MapT)
        t = self.module.unfold(place.mine.type.value)
        key = p.key.name
        mine = Var(t, key if t == BOOL else self.fresh_value("mine"))
        theirs = Var(t, key if t == BOOL else self.fresh_value("theirs"))
        self.independent |= {key, mine.name}
        lines: dict[tuple[bool, bool], list[str]] = {}
        for has_theirs in (True, False):
            for has_mine in (True, False):
                at_key: dict[Expr, Expr | None] = {
                    place.mine: mine if has_mine else None,
                    place.theirs: theirs if has_theirs else None,
                }
                body = self.given(p.body, p.key, at_key)
                delta = theirs if has_theirs else self.simplify.zero(t)
                with self.captured() as inner:
                    self._case(body, Place(mine, delta, place.context), has_mine, target, deeper)
                lines[has_theirs, has_mine] = inner
        held = self._presence(self.atom(place.mine), mine, key, lines)
        with self.captured() as before:
            theirs_held = self._presence(self.atom(place.theirs), theirs, key, lines)
        with self.captured() as with_theirs:
            self.branches(held, lines[True, True], lines[True, False])
        with self.captured() as without:
            self.branches(held, lines[False, True], lines[False, False])
        if with_theirs or without:
            self.lines += before
            self.branches(theirs_held, with_theirs, without)

    def _presence(self, m: str, value: Var, key: str, lines: dict[tuple[bool, bool], list[str]]) -> str:
        """The test whether map `m` has `key`; writes what reads its value, if that is needed."""
        if value.type != BOOL and any(reads(line, value.name) for inner in lines.values() for line in inner):
            self.line(f"{value.name} = {m}.get({key})")
            return f"({value.name} is not None)"
        return f"({key} in {m})"

    def _case(self, body: Expr, place: Place, has_mine: bool, target: Target, deeper: str) -> None:
        self.share(body)
        if not has_mine:
            self.write(target, body, False, self.value)
            return

        def leaf(e: Expr) -> str:
            return self.applied(e, place, deeper)

        assert isinstance(place.mine, Var)
        self.write(target, body, True, leaf, "" if place.mine.type == BOOL else place.mine.name)


def _is_delta(e: Expr, theirs: Expr) -> bool:
    """Whether `e` is what the delta has, or, in some branches, nothing."""
    match e:
        case If(_, _, then, orelse):
            return _is_delta(then, theirs) and _is_delta(orelse, theirs)
        case _:
            return e == theirs or is_zero(e)
