"""Printing expressions that are maps and sets, and what folds over them.

A set expression or a comprehension is read pointwise: its value at a key is a formula over what its
sources have at that key. Only keys of sources can be in it, so one loop for each source makes it, and in
each loop the formula is simplified by what is known there (this source has the key, an earlier one has not).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mergelaw.language.core import (
    BOOL,
    NAT,
    TIME,
    At,
    Build,
    Expr,
    If,
    Keys,
    Let,
    Lit,
    MapE,
    MapT,
    Match,
    Op,
    RecordE,
    RecordT,
    Seen,
    Some,
    TupleE,
    Type,
    Var,
    Variant,
    Zero,
)
from mergelaw.semantics.compile.algebra import FALSE, TRUE, is_zero
from mergelaw.semantics.compile.expressions import Expressions
from mergelaw.semantics.compile.naming import Module
from mergelaw.semantics.compile.simplify import Simplifier
from mergelaw.semantics.compile.specialise import Names
from mergelaw.semantics.compile.statements import bare, reads
from mergelaw.semantics.compile.tree import replaced

Leaf = Callable[[Expr], str]
"""Prints the value at one key."""

Visit = Callable[[Expr, bool, str], None]
"""Writes what is done at one key: given the body there, whether the map to change has the key, and a name for
what it has ("" where there is none)."""

_HELPERS = {"union": "union_of", "inter": "inter_of", "diff": "diff_of"}


@dataclass(frozen=True)
class Pointwise:
    """A map as a formula: at `key` it has `body`, which is zero where all `sources` are."""

    key: Var
    body: Expr
    sources: tuple[Expr, ...]


@dataclass(frozen=True)
class Target:
    """The map that loops write to: a mutation named `out`, of `base` (made when first needed) or of nothing."""

    out: str
    base: str | None
    key: str

    def __post_init__(self) -> None:
        assert self.out.isidentifier()

    def opening(self) -> list[str]:
        """What makes sure that there is a mutation."""
        return [] if self.base is None else [f"if {self.out} is None:", f"    {self.out} = {self.base}.mutate()"]

    def result(self) -> str:
        """The text of the finished map."""
        if self.base is None:
            return f"{self.out}.finish()"
        return f"({self.base} if {self.out} is None else {self.out}.finish())"


class Maps(Expressions):
    """Writes the body of one generated function."""

    def __init__(self, module: Module, names: Names, simplify: Simplifier) -> None:
        super().__init__(module, names, simplify)
        self._nonzero: set[str] = set()

    # -- reading pointwise -------------------------------------------------------------------------

    def pointwise(self, e: Expr, hint: str = "key") -> Pointwise:
        """`e`, a map, as a formula at a new key."""
        assert isinstance(e.type, MapT), e.type
        if isinstance(e, Build):
            name, body = self.bind(e.var, e.body)
            key = Var(self.module.unfold(e.type.key), name)
        else:
            key = Var(self.module.unfold(e.type.key), self.names.fresh(hint))
            body = self.simplify(self.simplify.at(e, key))
        return Pointwise(key, body, self._least(body, key, tuple(dict.fromkeys(_sources(e)))))

    def _least(self, body: Expr, key: Var, sources: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """Those of `sources` without which the body is not known to be zero; contexts are left out first."""
        kept = list(sources)
        for s in sorted(sources, key=lambda s: not isinstance(s, Seen)):
            others = [o for o in kept if o != s]
            if is_zero(self.given(body, key, dict.fromkeys(others))):
                kept = others
        return tuple(kept)

    def given(self, body: Expr, key: Var, at_key: dict[Expr, Expr | None]) -> Expr:
        """`body` where maps have, at `key`, the given value that is not zero, or (None) zero."""
        values: dict[Expr, Expr] = {}
        facts: dict[Expr, bool] = {}
        for m, value in at_key.items():
            assert isinstance(m.type, MapT), m.type
            t = self.module.unfold(m.type.value)
            if t == BOOL:
                values[At(BOOL, m, key)] = FALSE if value is None else TRUE
            elif value is None:
                values[At(t, m, key)] = self.simplify.zero(t)
            else:
                values[At(t, m, key)] = value
                facts[Op(BOOL, "eq", (value, self.simplify.zero(t)))] = False
        return self.simplify(replaced(body, values), facts)

    # -- loops -------------------------------------------------------------------------------------

    def visit(self, p: Pointwise, leaf: Visit, same: Expr | None = None) -> None:
        """Write loops over all keys of `p`; `leaf` writes what is done with the body there.

        `same` is a source, the map that is to be changed: its keys need no visit where the body is what it has.
        """
        self.hoist(p.body, p.key.name)
        for s in p.sources:
            self.atom(s)
        if same is not None and self._changed_by_one(p, same):
            with self._members(p, p.sources[1]) as value:
                self._split(p, same, {p.sources[1]: value}, leaf, True)
            return
        for i, s in enumerate(p.sources):
            rest = p.sources[i + 1 :]
            with self._members(p, s) as value:
                known: dict[Expr, Expr | None] = {s: value, **dict.fromkeys(p.sources[:i])}
                if i:
                    test = " or ".join(f"{p.key.name} in {self.atom(e)}" for e in p.sources[:i])
                    self.line(f"if {test}:")
                    self.line("    continue")
                present = same is not None and s == same
                old = value.name if present and isinstance(value, Var) else ""
                if len(rest) == 1 and not isinstance(rest[0], Seen):
                    self._split(p, rest[0], known, leaf, False, present, old)
                else:
                    body = self.given(p.body, p.key, known)
                    self.share(body)
                    leaf(body, present, old)

    def _changed_by_one(self, p: Pointwise, same: Expr) -> bool:
        """Whether `same`, the first of two sources, changes at keys of the second only."""
        if len(p.sources) != 2 or same != p.sources[0] or isinstance(p.sources[1], Seen):
            return False
        return self.unchanged(self.given(p.body, p.key, {p.sources[1]: None}), same, p.key)

    def _members(self, p: Pointwise, source: Expr) -> _Members:
        return _Members(self, p, source)

    def _split(
        self,
        p: Pointwise,
        other: Expr,
        known: dict[Expr, Expr | None],
        leaf: Visit,
        other_is_same: bool,
        present: bool = False,
        old: str = "",
    ) -> None:
        """`leaf` for both cases of whether `other` has the key, in the branches of an `if`."""
        assert isinstance(other.type, MapT)
        t = self.module.unfold(other.type.value)
        key = p.key.name
        m = self.atom(other)
        lines: list[list[str]] = []
        value = Var(t, key if t == BOOL else self.fresh_value("theirs"))
        for state in (value, None):
            with self.captured() as inner:
                body = self.given(p.body, p.key, {**known, other: state})
                self.share(body)
                if other_is_same:
                    leaf(body, state is not None, value.name if state is not None and t != BOOL else "")
                else:
                    leaf(body, present, old)
            lines.append(inner)
        if not any(lines):
            return
        if t == BOOL:
            self.branches(f"({key} in {m})", lines[0], lines[1])
        else:
            self.line(f"{value.name} = {m}.get({key})")
            self.branches(f"({value.name} is not None)", lines[0], lines[1])

    def fresh_value(self, hint: str) -> str:
        """A name for what a map has at a key that it has: never zero."""
        name = self.names.fresh(hint)
        self._nonzero.add(name)
        return name

    # -- writing maps ------------------------------------------------------------------------------

    def collection(self, e: Expr) -> str:
        """A map or set."""
        match e:
            case MapE():
                return self._entries(e)
            case Keys(_, subject) if not composite(subject):
                return f"keys_of({bare(self.value(subject))})"
            case Op(_, op, (x, y)) if not composite(x) and not composite(y):
                return self._helper(op, x, y)
        p = self.pointwise(e)
        if not p.sources:
            return self.module.zero_text(e.type)
        base = p.sources[0] if self._can_be_base(p, e.type) else None
        return self._written(p, base, self.value)

    def _helper(self, op: str, x: Expr, y: Expr) -> str:
        left, right = bare(self.value(x)), bare(self.value(y))
        if op == "diff" and isinstance(y, Seen) and not isinstance(x, Seen):
            return f"dropped_by({left}, {right})"
        if op == "inter" and (isinstance(x, Seen) != isinstance(y, Seen)):
            return f"kept_in({right}, {left})" if isinstance(x, Seen) else f"kept_in({left}, {right})"
        texts = [f"keys_of({t})" if isinstance(o, Seen) else t for o, t in ((x, left), (y, right))]
        return f"{_HELPERS[op]}({', '.join(texts)})"

    def _entries(self, e: MapE) -> str:
        """A map literal: later pairs win, zeros are erased."""
        assert isinstance(e.type, MapT)
        text = "EMPTY"
        if all(self.never_zero(v) for _, v in e.items):
            for k, v in e.items:
                text += f".set({bare(self.value(k))}, {bare(self.value(v))})"
            return text
        out = self.names.fresh("entries")
        self.line(f"{out} = EMPTY.mutate()")
        for k, v in e.items:
            key = self.atom(k)
            self._store(Target(out, None, key), v, None, self.value)
        return f"{out}.finish()"

    def _can_be_base(self, p: Pointwise, t: Type) -> bool:
        """Whether the result is best made by changing the first source."""
        base = p.sources[0]
        if isinstance(base, Seen) or base.type != t:
            return False
        alone = self.given(p.body, p.key, dict.fromkeys(p.sources[1:]))
        value = self.module.unfold(value_type(t))
        # A part that is a map or record comes back as the same object where nothing changed in it.
        return isinstance(value, (MapT, RecordT)) or value == BOOL or _returns(alone, At(value, base, p.key))

    def _written(self, p: Pointwise, base: Expr | None, leaf: Leaf) -> str:
        out = self.names.fresh("out")
        target = Target(out, None if base is None else self.atom(base), p.key.name)
        self.line(f"{out} = {'EMPTY.mutate()' if base is None else 'None'}")

        def write(body: Expr, present: bool, old: str) -> None:
            self.write(target, body, present, leaf, old)

        self.visit(p, write, base)
        return target.result()

    def write(self, target: Target, body: Expr, present: bool | None, leaf: Leaf, old: str = "") -> None:
        """Statements that set `target` at its key to `body`.

        `present`: whether it has that key now, None if that is not known; `old`: a name for what it has.
        """
        match body:
            case If() if body.type != BOOL:
                for inner in self.branch(body):
                    self.write(target, inner, present, leaf, old)
            case Match():
                for inner in self.branch(body):
                    self.write(target, inner, present, leaf, old)
            case Let(_, name, value, inner):
                self.write(target, self.let(name, value, inner), present, leaf, old)
            case _:
                self._store(target, body, present, leaf, old)

    def _store(self, target: Target, body: Expr, present: bool | None, leaf: Leaf, old: str = "") -> None:
        with self.captured() as erase:
            if present is not False:
                self.lines += target.opening()
                self.line(f"del {target.out}[{target.key}]" if present else f"{target.out}.pop({target.key}, None)")
        if is_zero(body):
            self.lines += erase
            return
        if body.type == BOOL:
            put = [] if present else [*target.opening(), f"{target.out}[{target.key}] = True"]
            if body == TRUE:
                self.lines += put
            elif put or erase:
                self.branches(self.truth(body), put, erase)
            return
        if old and self.known(body) == old or body == Var(body.type, old):
            return
        text = leaf(body)
        if not text.isidentifier() and (old or not self.never_zero(body)):
            name = self.names.fresh("new")
            self.line(f"{name} = {bare(text)}")
            text = name
        put = [*target.opening(), f"{target.out}[{target.key}] = {bare(text)}"]
        if old and present and text.isidentifier():
            put = [f"if {text} is not {old}:", *("    " + t for t in put)]
        if self.never_zero(body):
            self.lines += put
        else:
            self.branches(self.zero_test_text(text, body.type, False, True), put, erase)

    def never_zero(self, e: Expr) -> bool:
        """Whether the value of `e` is certainly not zero, as it is written."""
        match e:
            case Lit(_, value):
                return bool(value)
            case Some():
                return True
            case Variant(_, index, args):
                return index != 0 or any(self.never_zero(a) for a in args)
            case TupleE(_, items):
                return any(self.never_zero(i) for i in items)
            case RecordE(_, fields):
                return any(self.never_zero(f) for _, f in fields)
            case MapE(_, items):
                return bool(items) and self.never_zero(items[-1][1])
            case Op(_, "add" | "max", args):
                return all(a.type in (NAT, TIME) for a in args) and any(self.never_zero(a) for a in args)
            case Var(_, name) if name in self._nonzero:
                return True
            case Op(_, "union", args):
                return any(self.never_zero(a) for a in args)
            case _:
                return self.zero_test_text("x", e.type, False, True) == "True"

    def unchanged(self, body: Expr, m: Expr, key: Var) -> bool:
        """Whether `body` is what `m` has at `key`."""
        return body == At(self.module.unfold(value_type(m.type)), m, key)


class _Members:
    """A loop over the keys of one source; the value that it has at the key, where the body reads it."""

    def __init__(self, emitter: Maps, p: Pointwise, source: Expr) -> None:
        self._emitter = emitter
        self._p = p
        self._source = source
        self._capture = emitter.captured()

    def __enter__(self) -> Expr:
        e, t = self._emitter, self._source.type
        assert isinstance(t, MapT)
        value_type = e.module.unfold(t.value)
        self._value = Var(value_type, self._p.key.name if value_type == BOOL else e.fresh_value("value"))
        self._lines = self._capture.__enter__()
        return TRUE if value_type == BOOL else self._value

    def __exit__(self, *_: object) -> None:
        self._capture.__exit__(None, None, None)
        e, name = self._emitter, self._p.key.name
        m = e.atom(self._source)
        if self._value.type != BOOL and any(reads(line, self._value.name) for line in self._lines):
            e.indent(f"for {name}, {self._value.name} in {m}.items():", self._lines)
        else:
            e.indent(f"for {name} in {m}:", self._lines)


def composite(e: Expr) -> bool:
    """Whether `e` is a map that is put together key by key."""
    return isinstance(e, (Build, Keys)) or (isinstance(e, Op) and isinstance(e.type, MapT))


def _sources(e: Expr) -> list[Expr]:
    """Maps outside of whose keys `e`, a map, is zero."""
    match e:
        case Zero():
            return []
        case Build(_, _, _, sources):
            return [leaf for s in sources for leaf in _sources(s)]
        case Keys(_, subject):
            return _sources(subject)
        case Op(_, "union" | "inter", (x, y)):
            return [*_sources(x), *_sources(y)]
        case Op(_, "diff", (x, _)):
            return _sources(x)
        case _:
            return [e]


def _returns(body: Expr, value: Expr) -> bool:
    """Whether some branch of `body` is `value`."""
    match body:
        case If(_, _, then, orelse):
            return _returns(then, value) or _returns(orelse, value)
        case Match(_, _, cases):
            return any(_returns(b, value) for _, b in cases)
        case Let(_, _, _, inner):
            return _returns(inner, value)
        case _:
            return body == value


def value_type(t: Type) -> Type:
    """The type of the values of a map."""
    assert isinstance(t, MapT), t
    return t.value
