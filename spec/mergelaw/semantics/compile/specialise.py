"""Closing expressions over an instance: parameters replaced, contexts made explicit, calls inlined.

In what comes out, every node has its unfolded type (declared types at the head replaced by their
states), binders are unique names that are valid in Python, `Seen` names a Python variable that holds a
context, and `Joined`, `Called` and `Dots` stand where `Merge`, `CallFun`, `CallQuery` and `DotsOf` were.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from mergelaw.language import core
from mergelaw.language.core import BOOL, DOT, NAT, REPLICA, Expr, MapT, Named, Program, RecordT, Type, substitute
from mergelaw.semantics.compile.tree import Called, Dots, Joined, is_path, pattern_names, renamed_pattern, size

INLINE_SIZE = 40
"""Functions and queries of at most so many nodes are inlined."""

INLINE_DEPTH = 4
"""Calls nested deeper than this are not inlined."""

UNDECIDED = "?"
"""The context of a value that comes from one of several places, each with its own; the checker lets nothing read it."""


def join_contexts(left: str, right: str) -> str:
    """The name of the union of two contexts; "" is the empty one, `a|b` that of a and b."""
    names = {n for n in f"{left}|{right}".split("|") if n}
    return UNDECIDED if UNDECIDED in names else "|".join(sorted(names))


class Names:
    """Gives out names that are free in one generated function, or in the module around it."""

    def __init__(self, reserved: Iterable[str], module: Names | None = None) -> None:
        """`module` gives out names that are valid in all functions: from now on, none that is taken here."""
        self._used = set(reserved)
        self._module = module

    def fresh(self, hint: str) -> str:
        """A new name, `hint` itself where possible."""
        hint = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in hint) or "v"
        if hint[0].isdigit():
            hint = "_" + hint
        name, n = hint, 2
        while name in self._used or keyword.iskeyword(name) or keyword.issoftkeyword(name):
            name, n = f"{hint}_{n}", n + 1
        self._used.add(name)
        if self._module is not None:
            self._module._used.add(name)
        return name


@dataclass(frozen=True)
class Scope:
    """What stands for the names of a clause."""

    values: Mapping[str, Expr]
    """Variable -> a closed expression, an atom or a path."""
    seens: Mapping[str, str]
    """State variable -> the name of the context that it is read under."""
    types: Mapping[str, Type]
    """Type parameter -> concrete type."""
    sides: tuple[str, str] | None = None
    """Inside a merge clause: the contexts of its left and right state."""
    depth: int = 0
    """How many inlined calls this scope is inside of."""
    recursive: frozenset[str] = field(default=frozenset())

    def bind(self, name: str, value: Expr, seen: str = "") -> Scope:
        """This scope and one more variable, read under the context `seen`."""
        return replace(self, values={**self.values, name: value}, seens={**self.seens, name: seen})


class Functions(Protocol):
    """Where the bodies that are not inlined go."""

    def function(self, name: str, types: tuple[Type, ...], in_merge: bool) -> str:
        """The Python name of an instance of a declared function."""
        ...

    def query(self, owner: Named, name: str) -> str:
        """The Python name of a query."""
        ...


class Specialiser:
    """Closes expressions of the clauses of `program`."""

    def __init__(self, program: Program, names: Names, functions: Functions) -> None:
        self._program = program
        self._names = names
        self._functions = functions
        self.inline_size = INLINE_SIZE
        self.inline_depth = INLINE_DEPTH
        self.simplify: Callable[[Expr], Expr] | None = None
        """If set, two calls of one query become the same expression; it makes what they are asked of comparable."""
        self._calls: dict[object, Expr] = {}

    def type(self, t: Type, s: Scope) -> Type:
        """`t` closed, and unfolded at its head."""
        return self._program.unfold(substitute(t, s.types))

    def named(self, t: Type, s: Scope) -> Named:
        """An instance of a declared type, closed."""
        closed = substitute(t, s.types)
        assert isinstance(closed, Named), closed
        return closed

    def close(self, e: Expr, s: Scope) -> Expr:
        """`e`, closed over `s`."""
        return self.state(e, s)[0]

    def state(self, e: Expr, s: Scope) -> tuple[Expr, str]:
        """`e` closed over `s`, and the context that it is read under."""
        match e:
            case core.Var(_, name):
                return s.values[name], s.seens.get(name, "")
            case core.Get(_, subject, name):
                value, seen = self.state(subject, s)
                return self.get(value, name), seen
            case core.At(_, subject, key):
                value, seen = self.state(subject, s)
                return self.at(value, self.close(key, s)), seen
            case core.Let(_, name, value, body):
                inner, wrap = self.bind(name, *self.state(value, s), s)
                result, seen = self.state(body, inner)
                return wrap(result), seen
            case core.If(t, condition, then, orelse):
                x, x_seen = self.state(then, s)
                y, y_seen = self.state(orelse, s)
                return core.If(self.type(t, s), self.close(condition, s), x, y), _either(x_seen, y_seen)
            case core.Match(t, subject, cases):
                value, seen = self.state(subject, s)
                made = []
                under: str | None = None
                for pattern, body in cases:
                    pattern, inner = self.pattern(pattern, value.type, seen, s)
                    result, result_seen = self.state(body, inner)
                    under = result_seen if under is None else _either(under, result_seen)
                    made.append((pattern, result))
                return core.Match(self.type(t, s), value, tuple(made)), under or ""
            case core.Merge():
                return self._merge(e, s)
            case _:
                return self._value(e, s), ""

    def _value(self, e: Expr, s: Scope) -> Expr:
        match e:
            case core.Lit():
                return e
            case core.Zero(t):
                return core.Zero(self.type(t, s))
            case core.Seen(_, state):
                return core.Seen(core.set_of(DOT), s.seens.get(state, ""))
            case core.TupleE(t, items):
                return core.TupleE(self.type(t, s), self._all(items, s))
            case core.SeqE(t, items):
                return core.SeqE(self.type(t, s), self._all(items, s))
            case core.RecordE(t, fields):
                return core.RecordE(self.type(t, s), tuple((n, self.close(f, s)) for n, f in fields))
            case core.Variant(t, index, args):
                return core.Variant(self.type(t, s), index, self._all(args, s))
            case core.Some(t, item):
                return core.Some(self.type(t, s), self.close(item, s))
            case core.Op(t, op, args):
                return core.Op(self.type(t, s), op, self._all(args, s))
            case core.Build(t, var, body, sources):
                closed = self.type(t, s)
                assert isinstance(closed, MapT), closed
                name, inner = self._loop(var, closed.key, s)
                return core.Build(closed, name, self.close(body, inner), self._all(sources, s))
            case core.MapE(t, pairs):
                return core.MapE(self.type(t, s), tuple((self.close(k, s), self.close(v, s)) for k, v in pairs))
            case core.Keys(t, subject):
                return core.Keys(self.type(t, s), self.close(subject, s))
            case core.Sum(t, subject):
                return core.Sum(t, self.close(subject, s))
            case core.Count(t, subject):
                return core.Count(t, self.close(subject, s))
            case core.Pick(t, kind, var, source, keys):
                closed_source = self.close(source, s)
                name, inner = self._loop(var, _member(closed_source.type), s)
                return core.Pick(self.type(t, s), kind, name, closed_source, self._keys(keys, inner))
            case core.Quant(t, kind, var, var_type, source, body):
                name, inner = self._loop(var, var_type, s)
                over = None if source is None else self.close(source, s)
                return core.Quant(t, kind, name, substitute(var_type, s.types), over, self.close(body, inner))
            case core.SeqFor(t, body, var, source, keys, condition):
                closed_source = self.close(source, s)
                name, inner = self._loop(var, _member(closed_source.type), s)
                where = None if condition is None else self.close(condition, inner)
                made = self.close(body, inner)
                return core.SeqFor(self.type(t, s), made, name, closed_source, self._keys(keys, inner), where)
            case core.SeqOp(t, op, args):
                return core.SeqOp(self.type(t, s), op, self._all(args, s))
            case core.CallFun():
                return self._call_function(e, s)
            case core.CallQuery():
                return self._call_query(e, s)
            case core.DotsOf(t, subject):
                return Dots(core.set_of(DOT), substitute(subject.type, s.types), self.close(subject, s))
            case _:
                raise AssertionError(f"{e.span}: no clause that runs contains {type(e).__name__}")

    # -- reads -------------------------------------------------------------------------------------

    def get(self, subject: Expr, name: str) -> Expr:
        """Field `name` of a closed expression."""
        t = subject.type
        if t == DOT:
            return core.Get(REPLICA if name == "replica" else NAT, subject, name)
        assert isinstance(t, RecordT), t
        return core.Get(self._program.unfold(t.fields[t.position(name)][1]), subject, name)

    def at(self, subject: Expr, key: Expr) -> Expr:
        """What a closed map, set or context has at `key`."""
        assert isinstance(subject.type, MapT), subject.type
        return core.At(self._program.unfold(subject.type.value), subject, key)

    # -- binders -----------------------------------------------------------------------------------

    def _loop(self, var: str, t: Type, s: Scope) -> tuple[str, Scope]:
        name = self._names.fresh(var)
        return name, s.bind(var, core.Var(self.type(t, s), name))

    def bind(self, var: str, value: Expr, seen: str, s: Scope) -> tuple[Scope, _Wrap]:
        """The scope in which `var` is a closed `value`, and what binds that where it is not a path."""
        if is_path(value) or isinstance(value, core.Lit):
            return s.bind(var, value, seen), _Wrap(None, value)
        if self.simplify is not None and isinstance(value, core.RecordE) and all(is_path(f) for _, f in value.fields):
            return s.bind(var, value, seen), _Wrap(None, value)
        name = self._names.fresh(var)
        return s.bind(var, core.Var(value.type, name), seen), _Wrap(name, value)

    def pattern(self, p: core.Pattern, t: Type, seen: str, s: Scope) -> tuple[core.Pattern, Scope]:
        """`p`, which matches values of `t` under the context `seen`, with new names, and the scope of its case."""
        types = self._case_types(p, t, s)
        names = {n: self._names.fresh(n) for n in pattern_names(p)}
        for n, new in names.items():
            s = s.bind(n, core.Var(self.type(types[n], s), new), seen)
        return renamed_pattern(p, names), s

    def _case_types(self, p: core.Pattern, t: Type, s: Scope) -> dict[str, Type]:
        """The types of the variables of `p`, which matches values of `t`."""
        t = self.type(t, s)
        match p:
            case core.PVar(name):
                return {name: t}
            case core.PSome(item):
                assert isinstance(t, core.OptionType), t
                return self._case_types(item, t.item, s)
            case core.PTuple(items):
                assert isinstance(t, core.TupleT), t
                return _merged(self._case_types(i, it, s) for i, it in zip(items, t.items, strict=True))
            case core.PVariant(index, args):
                assert isinstance(t, core.EnumT), t
                payload = self._program.variants(t)[index][1]
                return _merged(self._case_types(a, at, s) for a, (_, at) in zip(args, payload, strict=True))
            case _:
                return {}

    def _all(self, es: tuple[Expr, ...], s: Scope) -> tuple[Expr, ...]:
        return tuple(self.close(e, s) for e in es)

    def _keys(self, keys: tuple[tuple[Expr, bool], ...], s: Scope) -> tuple[tuple[Expr, bool], ...]:
        return tuple((self.close(k, s), descending) for k, descending in keys)

    # -- merges and calls --------------------------------------------------------------------------

    def _merge(self, e: core.Merge, s: Scope) -> tuple[Expr, str]:
        left, left_seen = self.state(e.left, s)
        right, right_seen = self.state(e.right, s)
        if s.sides is not None:
            left_seen, right_seen = s.sides
        merged = self.merged(substitute(e.type, s.types), left, left_seen, right, right_seen)
        return merged, join_contexts(left_seen, right_seen)

    def merged(self, t: Type, left: Expr, left_seen: str, right: Expr, right_seen: str) -> Expr:
        """The merge of two closed expressions of `t`, taken apart down to declared types."""
        match t:
            case Named():
                return Joined(self._program.unfold(t), t, left, right, left_seen, right_seen)
            case RecordT(fields):
                parts = []
                (left, right), wrap = self._paths(left, right)
                for name, f in fields:
                    x, y = self.get(left, name), self.get(right, name)
                    parts.append((name, self.merged(f, x, left_seen, y, right_seen)))
                return wrap(core.RecordE(t, tuple(parts)))
            case MapT(key, item) if item != BOOL:
                (left, right), wrap = self._paths(left, right)
                k = core.Var(self._program.unfold(key), self._names.fresh("key"))
                body = self.merged(item, self.at(left, k), left_seen, self.at(right, k), right_seen)
                return wrap(core.Build(t, k.name, body, (left, right)))
            case _:
                raise TypeError(f"{t} has no merge")

    def _paths(self, *es: Expr) -> tuple[list[Expr], _Wraps]:
        """`es` as paths, and what binds those that were none."""
        paths: list[Expr] = []
        wraps: list[_Wrap] = []
        for e in es:
            if is_path(e):
                paths.append(e)
            else:
                name = self._names.fresh("part")
                paths.append(core.Var(e.type, name))
                wraps.append(_Wrap(name, e))
        return paths, _Wraps(wraps)

    def _call_function(self, e: core.CallFun, s: Scope) -> Expr:
        f = self._program.functions[e.name]
        types = {n: substitute(t, s.types) for n, t in e.type_args}
        args = [self.state(a, s) for a in e.args]
        inline = not f.recursive and s.depth < self.inline_depth
        inline = inline and size(f.body, self.inline_size) <= self.inline_size
        if inline:
            inner = Scope({}, {}, types, s.sides, s.depth + 1)
            wraps = []
            for (parameter, _), (value, seen) in zip(f.params, args, strict=True):
                inner, wrap = self.bind(parameter, value, seen, inner)
                wraps.append(wrap)
            return _Wraps(wraps)(self.close(f.body, inner))
        in_merge = s.sides is not None
        name = self._functions.function(e.name, tuple(types[p.name] for p in f.type_params), in_merge)
        seens: tuple[str, ...] = ()
        if reads_contexts(self._program, f.body):
            seens = (*(seen for _, seen in args), *(s.sides or ()))
        return Called(self.type(e.type, s), name, tuple(value for value, _ in args), seens)

    def _call_query(self, e: core.CallQuery, s: Scope) -> Expr:
        owner = self.named(e.owner, s)
        subject, seen = self.state(e.subject, s)
        if e.seen_of is not None:
            seen = s.seens.get(e.seen_of, seen)
        definition = self._program.types[owner.name]
        query = definition.query(e.query)
        args = self._all(e.args, s)
        if s.depth >= self.inline_depth or size(query.body, self.inline_size) > self.inline_size:
            name = self._functions.query(owner, e.query)
            return Called(self.type(e.type, s), name, (subject, *args), (seen,))
        if self.simplify is not None:
            subject = self.simplify(subject)
        call = (owner, e.query, subject, seen, args)
        if self.simplify is not None and call in self._calls:
            return self._calls[call]
        types = {p.name: a for p, a in zip(definition.params, owner.args, strict=True)}
        inner, wrap = self.bind("this", subject, seen, Scope({}, {}, types, None, s.depth + 1))
        wraps = [wrap]
        for (parameter, _), value in zip(query.params, args, strict=True):
            inner, wrap = self.bind(parameter, value, "", inner)
            wraps.append(wrap)
        made = _Wraps(wraps)(self.close(query.body, inner))
        self._calls[call] = made
        return made


@dataclass(frozen=True)
class _Wrap:
    """Puts a Let around an expression, unless there is no name to bind."""

    name: str | None
    value: Expr

    def __call__(self, body: Expr) -> Expr:
        return body if self.name is None else core.Let(body.type, self.name, self.value, body)


@dataclass(frozen=True)
class _Wraps:
    """Several Lets, the first outermost."""

    wraps: list[_Wrap]

    def __call__(self, body: Expr) -> Expr:
        for wrap in reversed(self.wraps):
            body = wrap(body)
        return body


def reads_contexts(program: Program, body: Expr, visited: frozenset[str] = frozenset()) -> bool:
    """Whether a function with this body needs to know the contexts of its arguments."""
    match body:
        case core.Seen() | core.Merge() | core.CallQuery():
            return True
        case core.CallFun(name=name) if name not in visited:
            if reads_contexts(program, program.functions[name].body, visited | {name}):
                return True
    return any(reads_contexts(program, c, visited) for c in core.children(body))


def _either(left: str, right: str) -> str:
    """The context of a value that comes from one of two places."""
    return left if left == right else UNDECIDED


def _member(t: Type) -> Type:
    match t:
        case MapT(key):
            return key
        case core.SeqT(item):
            return item
        case _:
            raise AssertionError(f"{t} has no members")


def _merged(parts: Iterable[Mapping[str, Type]]) -> dict[str, Type]:
    return {n: t for part in parts for n, t in part.items()}
