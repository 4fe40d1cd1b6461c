"""The interpreter: what a spec means, one case for each node of the core.

It is the oracle that the compiler and the prover are tested against, so it takes no shortcuts: every
merge is a full merge. Evaluation is total on what the checker accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import TypeVar

from mergelaw.language import core
from mergelaw.language.core import BOOL, DOT, Expr, MapT, Named, Program, RecordT, Type, TypeDef, substitute
from mergelaw.semantics.context import EMPTY, CausalContext, Dot
from mergelaw.semantics.engine import (
    NOTHING,
    Delta,
    Footprint,
    State,
    Universe,
    UpdateRefused,
    placed,
    touched,
    union,
)
from mergelaw.semantics.operations import intersection, matched, number, sequence
from mergelaw.semantics.values import Raw, in_order, lookup, make_map, make_set, order_key, store, zero

OnApply = Callable[[core.Apply, State, tuple[Raw, ...], int | None, int | None], State]
"""The state after the update `node` of a state, given its arguments, replica and time (None where not written)."""


@dataclass(frozen=True)
class Scope:
    """What an expression is evaluated in."""

    values: Mapping[str, Raw]
    """Variable -> value."""
    seen: Mapping[str, CausalContext]
    """State variable -> the context it is read under."""
    types: Mapping[str, Type]
    """Type parameter -> concrete type."""
    sides: tuple[CausalContext, CausalContext] | None = None
    """Inside a merge clause: the contexts of its left and right state."""
    universe: Universe | None = None
    on_apply: OnApply | None = None

    def bind(self, values: Mapping[str, Raw]) -> Scope:
        """This scope and more variables; a state variable of the same name is hidden."""
        seen = {n: c for n, c in self.seen.items() if n not in values}
        return replace(self, values={**self.values, **values}, seen=seen)

    def bind_state(self, name: str, state: State) -> Scope:
        """This scope and one more variable that is read under a context."""
        return replace(self, values={**self.values, name: state[0]}, seen={**self.seen, name: state[1]})

    def clause(self, values: Mapping[str, Raw], seen: Mapping[str, CausalContext], types: Mapping[str, Type]) -> Scope:
        """The scope of another clause's or function's body."""
        return replace(self, values=values, seen=seen, types=types)


class Interpreter:
    """Runs one instance of a declared type; see `engine.Engine`."""

    def __init__(self, program: Program, type: Named) -> None:
        """`type` has concrete arguments, as many as its declaration has parameters. Raises: KeyError, ValueError."""
        if len(program.types[type.name].params) != len(type.args):
            raise ValueError(f"{type} needs {len(program.types[type.name].params)} type arguments")
        self.program = program
        self.type = type

    # -- the engine --------------------------------------------------------------------------------

    def zero(self) -> Raw:
        """The least state."""
        return zero(self.program, self.type)

    def merge(self, left: Raw, left_seen: CausalContext, right: Raw, right_seen: CausalContext) -> Raw:
        """The merge of two states; it lives under the union of the contexts."""
        return self.merge_values(self.type, left, left_seen, right, right_seen)

    def apply(self, this: Raw, seen: CausalContext, delta: Delta) -> Raw:
        """merge(this, seen, delta.value, delta.context)."""
        return self.merge(this, seen, delta.value, delta.context)

    def update(
        self,
        name: str,
        this: Raw,
        seen: CausalContext,
        args: tuple[Raw, ...],
        by: int,
        dots: tuple[Dot, ...],
        when: int,
    ) -> Delta:
        """The delta of update `name`. Raises: UpdateRefused, KeyError; see `engine.Engine`."""
        taken = self.dots_taken(name)
        if len(dots) != taken:
            raise ValueError(f"`{name}` takes {taken} dots, not {len(dots)}")
        return self._update(self.type, name, (this, seen), args, by, dots, when)

    def dots_taken(self, name: str) -> int:
        """max(1, the number of dots that update `name` names). Raises: KeyError."""
        return max(1, len(self._definition(self.type).update(name).at))

    def query(self, name: str, this: Raw, seen: CausalContext, args: tuple[Raw, ...]) -> Raw:
        """What query `name` answers. Raises: KeyError."""
        return self._query(self.type, name, (this, seen), args, _NOTHING_BOUND)

    def dots(self, this: Raw) -> frozenset[Dot]:
        """The live dots of the state."""
        return self.live_dots(self.type, this)

    def holds(
        self, prop: core.Property, states: tuple[State, ...], replica: int | None, universe: Universe | None
    ) -> bool:
        """Whether `prop` holds of `states`, as many as it names; `replica` binds that of a home relation."""
        values = {n: value for n, (value, _) in zip(prop.states, states, strict=True)}
        if prop.replica is not None:
            values[prop.replica] = replica
        seen = {n: context for n, (_, context) in zip(prop.states, states, strict=True)}
        return bool(self.evaluate(prop.body, values, seen, universe=universe))

    def evaluate(
        self,
        expr: Expr,
        values: Mapping[str, Raw],
        seen: Mapping[str, CausalContext],
        *,
        universe: Universe | None = None,
        on_apply: OnApply | None = None,
    ) -> Raw:
        """The value of an expression of a clause of this type.

        `values` binds its variables, `seen` gives the contexts of those that are states. Quantifiers without
        source range over `universe`; `on_apply` decides what an update in a theorem does.
        """
        return self.eval(expr, Scope(values, seen, self._types(self.type), None, universe, on_apply))

    # -- merging -----------------------------------------------------------------------------------

    def merge_values(self, t: Type, x: Raw, x_seen: CausalContext, y: Raw, y_seen: CausalContext) -> Raw:
        """The merge of two values of `t`, each under its context. Raises: TypeError, if `t` has no merge."""
        match t:
            case Named():
                clause = self._definition(t).merge
                if clause is None:
                    return self.merge_values(self.program.state_type(t), x, x_seen, y, y_seen)
                values = {clause.left: x, clause.right: y}
                seen = {clause.left: x_seen, clause.right: y_seen}
                return self.eval(clause.body, Scope(values, seen, self._types(t), (x_seen, y_seen)))
            case RecordT(fields):
                return tuple(
                    self.merge_values(f, a, x_seen, b, y_seen) for (_, f), a, b in zip(fields, x, y, strict=True)
                )
            case MapT(_, item) if item != BOOL:
                # A key of one side only is merged too: the other side may have seen, and dropped, what it holds.
                nothing = zero(self.program, item)
                keys = dict.fromkeys([*x.keys(), *y.keys()])
                merged = (
                    (k, self.merge_values(item, x.get(k, nothing), x_seen, y.get(k, nothing), y_seen)) for k in keys
                )
                return make_map(self.program, t, merged)
            case _:
                raise TypeError(f"{t} has no merge")

    def live_dots(self, t: Type, value: Raw) -> frozenset[Dot]:
        """The dots that the `dots` clauses of `t` and of its parts name."""
        match t:
            case Named():
                own: frozenset[Dot] = frozenset()
                clause = self._definition(t).dots
                if clause is not None:
                    own = frozenset(self.eval(clause, Scope({"this": value}, {}, self._types(t))))
                return own | self.live_dots(self.program.state_type(t), value)
            case RecordT(fields):
                return _union(self.live_dots(f, v) for (_, f), v in zip(fields, value, strict=True))
            case MapT(_, item):
                return _union(self.live_dots(item, v) for v in value.values())
            case _:
                return frozenset()

    # -- expressions -------------------------------------------------------------------------------

    def eval(self, e: Expr, s: Scope) -> Raw:
        """The value of `e`. A context is the value of `seen`; it takes part in `in`, `&`, `-`, `|`, `<=`."""
        match e:
            case core.Lit(_, value):
                return value
            case core.Zero(t):
                return zero(self.program, substitute(t, s.types))
            case core.Var(_, name):
                return s.values[name]
            case core.Seen(_, state):
                return s.seen[state]
            case core.Get(_, subject, name):
                value = self.eval(subject, s)
                return value[self._position(subject.type, name, s)]
            case core.At(_, subject, key):
                return self._at(subject, self.eval(subject, s), self.eval(key, s), s)
            case core.TupleE(_, items) | core.SeqE(_, items):
                return tuple(self.eval(i, s) for i in items)
            case core.RecordE(_, fields):
                return tuple(self.eval(f, s) for _, f in fields)
            case core.Variant(_, index, args):
                return (index, *(self.eval(a, s) for a in args))
            case core.Some(_, item):
                return (self.eval(item, s),)
            case core.If(_, condition, then, orelse):
                return self.eval(then if self.eval(condition, s) else orelse, s)
            case core.Let(_, name, value, body):
                return self.eval(body, s.bind_state(name, self.eval_state(value, s)))
            case core.Match(_, subject, cases):
                body, inner = _select(cases, self.eval_state(subject, s), s)
                return self.eval(body, inner)
            case core.Op(t, op, args):
                return self._operation(substitute(t, s.types), op, args, s)
            case core.Build(t, var, body, sources):
                keys = dict.fromkeys(k for source in sources for k in self.eval(source, s))
                return make_map(self.program, self._map(t, s), ((k, self.eval(body, s.bind({var: k}))) for k in keys))
            case core.MapE(t, items):
                pairs = [(self.eval(k, s), self.eval(v, s)) for k, v in items]
                return make_map(self.program, self._map(t, s), pairs)
            case core.Keys(_, subject):
                return make_set(self.eval(subject, s))
            case core.Sum(t, subject):
                return number(t, sum(self.eval(subject, s).values()))
            case core.Count(_, subject):
                return len(self.eval(subject, s))
            case core.Pick(_, kind, var, source, keys):
                ranked = self._ranked(source, var, keys, s)
                return (ranked[-1 if kind == "greatest" else 0],) if ranked else None
            case core.Quant(_, kind, var, var_type, source, body):
                domain = self._domain(var_type, s) if source is None else self.eval(source, s)
                decide = all if kind == "forall" else any
                return decide(self.eval(body, s.bind({var: v})) for v in domain)
            case core.SeqFor(_, body, var, source, keys, condition):
                ranked = self._ranked(source, var, keys, s)
                scopes = (s.bind({var: v}) for v in ranked)
                return tuple(self.eval(body, i) for i in scopes if condition is None or self.eval(condition, i))
            case core.SeqOp(_, op, args):
                return sequence(op, [self.eval(a, s) for a in args])
            case core.CallFun(_, name, type_args, args):
                function = self.program.functions[name]
                types = {n: substitute(t, s.types) for n, t in type_args}
                states = [self.eval_state(a, s) for a in args]
                inner = s.clause({}, {}, types)
                for (parameter, _), argument in zip(function.params, states, strict=True):
                    inner = inner.bind_state(parameter, argument)
                return self.eval(function.body, inner)
            case core.CallQuery(_, owner, name, subject, args, seen_of):
                this, seen = self.eval_state(subject, s)
                if seen_of is not None:
                    seen = s.seen.get(seen_of, seen)
                instance = self._instance(owner, s)
                return self._query(instance, name, (this, seen), tuple(self.eval(a, s) for a in args), s)
            case core.Merge() | core.Apply():
                return self.eval_state(e, s)[0]
            case core.DotsOf(_, subject):
                return make_set(self.live_dots(substitute(subject.type, s.types), self.eval(subject, s)))
            case _:
                raise AssertionError(f"no meaning for {e}")

    def eval_state(self, e: Expr, s: Scope) -> State:
        """The value of `e` and the context that it is read under: that of the state that it is, or is a part of."""
        match e:
            case core.Var(_, name):
                return s.values[name], s.seen.get(name, EMPTY)
            case core.Get(_, subject, name):
                value, seen = self.eval_state(subject, s)
                return value[self._position(subject.type, name, s)], seen
            case core.At(_, subject, key):
                value, seen = self.eval_state(subject, s)
                return self._at(subject, value, self.eval(key, s), s), seen
            case core.If(_, condition, then, orelse):
                return self.eval_state(then if self.eval(condition, s) else orelse, s)
            case core.Let(_, name, value, body):
                return self.eval_state(body, s.bind_state(name, self.eval_state(value, s)))
            case core.Match(_, subject, cases):
                body, inner = _select(cases, self.eval_state(subject, s), s)
                return self.eval_state(body, inner)
            case core.Merge(t, left, right):
                x, x_seen = self.eval_state(left, s)
                y, y_seen = self.eval_state(right, s)
                if s.sides is not None:
                    x_seen, y_seen = s.sides
                return self.merge_values(substitute(t, s.types), x, x_seen, y, y_seen), x_seen | y_seen
            case core.Apply(_, _, _, subject, args, by, when):
                if s.on_apply is None:
                    raise AssertionError(f"{e.span}: an update outside of theorems")
                state = self.eval_state(subject, s)
                values = tuple(self.eval(a, s) for a in args)
                replica = None if by is None else self.eval(by, s)
                time = None if when is None else self.eval(when, s)
                return s.on_apply(e, state, values, replica, time)
            case _:
                return self.eval(e, s), EMPTY

    def _operation(self, t: Type, op: str, args: tuple[Expr, ...], s: Scope) -> Raw:
        """The built-in operation `op`; see `core.Op`. The Boolean ones stop where their value is known."""
        match op:
            case "and":
                return all(self.eval(a, s) for a in args)
            case "or":
                return any(self.eval(a, s) for a in args)
            case "implies":
                return not self.eval(args[0], s) or self.eval(args[1], s)
        values = [self.eval(a, s) for a in args]
        match op:
            case "not":
                return not values[0]
            case "eq":
                return values[0] == values[1]
            case "ne":
                return values[0] != values[1]
            case "lt":
                return self._key(args[0], values[0], s) < self._key(args[1], values[1], s)
            case "le":
                return self._key(args[0], values[0], s) <= self._key(args[1], values[1], s)
            case "max":
                return number(t, max(zip(values, args, strict=True), key=lambda p: self._key(p[1], p[0], s))[0])
            case "min":
                return number(t, min(zip(values, args, strict=True), key=lambda p: self._key(p[1], p[0], s))[0])
            case "neg":
                return number(t, -values[0])
            case "add":
                return number(t, sum(values))
            case "sub":
                return number(t, values[0] - values[1])
            case "mul":
                return number(t, reduce(lambda x, y: x * y, values))
            case "monus":
                return number(t, max(0, values[0] - values[1]))
            case "union":
                return make_set([*values[0], *values[1]])
            case "inter":
                return intersection(values[0], values[1])
            case "diff":
                return make_set(m for m in values[0] if m not in values[1])
            case "subset":
                return all(m in values[1] for m in values[0])
            case "concat":
                return tuple(i for v in values for i in v)
            case _:
                raise AssertionError(f"no operation {op}")

    def _key(self, e: Expr, value: Raw, s: Scope) -> Raw:
        return order_key(self.program, substitute(e.type, s.types), value)

    def _ranked(self, source: Expr, var: str, keys: tuple[tuple[Expr, bool], ...], s: Scope) -> list[Raw]:
        """The members of a Seq in its order or of a Set ascending; then, if given, in the order of `keys`."""
        t = self.program.unfold(substitute(source.type, s.types))
        members = self.eval(source, s)
        ranked = in_order(self.program, t.key, members) if isinstance(t, MapT) else list(members)
        # The sorts are stable, so the last key is sorted by first; ties stay in the order of the members.
        for key, descending in reversed(keys):
            ranked.sort(key=partial(self._sort_key, key, var, s), reverse=descending)
        return ranked

    def _sort_key(self, key: Expr, var: str, s: Scope, member: Raw) -> Raw:
        return self._key(key, self.eval(key, s.bind({var: member})), s)

    def _domain(self, t: Type, s: Scope) -> Iterable[Raw]:
        if s.universe is None:
            raise AssertionError(f"a quantifier over all of {t} outside of properties and theorems")
        return s.universe(substitute(t, s.types))

    def _position(self, t: Type, name: str, s: Scope) -> int:
        t = self.program.unfold(substitute(t, s.types))
        if t == DOT:
            return ("replica", "number").index(name)
        assert isinstance(t, RecordT), t
        return t.position(name)

    def _at(self, subject: Expr, m: Raw, key: Raw, s: Scope) -> Raw:
        if isinstance(m, CausalContext):
            return key in m
        return lookup(self.program, self._map(subject.type, s), m, key)

    def _map(self, t: Type, s: Scope) -> MapT:
        t = self.program.unfold(substitute(t, s.types))
        assert isinstance(t, MapT), t
        return t

    # -- clauses of other instances ----------------------------------------------------------------

    def _definition(self, t: Named) -> TypeDef:
        return self.program.types[t.name]

    def _types(self, t: Named) -> dict[str, Type]:
        return {p.name: a for p, a in zip(self._definition(t).params, t.args, strict=True)}

    def _instance(self, owner: Named, s: Scope) -> Named:
        t = substitute(owner, s.types)
        assert isinstance(t, Named), t
        return t

    def _query(self, owner: Named, name: str, this: State, args: tuple[Raw, ...], s: Scope) -> Raw:
        query = self._definition(owner).query(name)
        values = {"this": this[0], **_bound(query.params, args)}
        inner = s.clause(values, {"this": this[1]}, self._types(owner))
        return self.eval(query.body, replace(inner, sides=None))

    # -- updates -----------------------------------------------------------------------------------

    def _update(
        self,
        owner: Named,
        name: str,
        this: State,
        args: tuple[Raw, ...],
        by: int,
        dots: tuple[Dot, ...],
        when: int,
    ) -> Delta:
        """The delta of an update of `this`, an instance of `owner`; `dots` are those that it names, or its identity."""
        definition = self._definition(owner).update(name)
        values = {"this": this[0], **_bound(definition.params, args)}
        if definition.by is not None:
            values[definition.by] = by
        if definition.at:
            values.update(zip(definition.at, dots, strict=True))
        if definition.when is not None:
            values[definition.when] = when
        s = Scope(values, {"this": this[1]}, self._types(owner))
        if definition.requires is not None and not self.eval(definition.requires, s):
            raise UpdateRefused(name, definition.requires.span)
        block = _Effect(self, owner, this, by, when)
        block.run(definition.body, s)
        return Delta(block.value, block.context.add(dots), block.footprint, dots)


class _Effect:
    """What the entries of an update have put together so far."""

    def __init__(self, interpreter: Interpreter, owner: Named, this: State, by: int, when: int) -> None:
        self._interpreter = interpreter
        self._program = interpreter.program
        self._owner = owner
        self._this = this
        self._by = by
        self._when = when
        self.value = zero(self._program, owner)
        self.context = EMPTY
        self.footprint: Footprint = NOTHING

    def run(self, delta: core.Delta, s: Scope) -> None:
        """Add what `delta` says."""
        match delta:
            case core.Block(entries):
                for entry in entries:
                    self._enter(entry, s)
            case core.IfDelta(condition, then, orelse):
                self.run(then if self._interpreter.eval(condition, s) else orelse, s)
            case core.LetDelta(name, value, body):
                self.run(body, s.bind_state(name, self._interpreter.eval_state(value, s)))
            case core.MatchDelta(subject, cases):
                body, inner = _select(cases, self._interpreter.eval_state(subject, s), s)
                self.run(body, inner)
            case _:
                raise AssertionError(f"no meaning for {delta}")

    def _enter(self, entry: core.Entry, s: Scope) -> None:
        interpreter = self._interpreter
        match entry:
            case core.Assign(path, value):
                steps, t, _ = self._place(path, s)
                self._put(steps, t, interpreter.eval(value, s))
            case core.PartUpdate(path, owner, update, args, dots):
                steps, _, part = self._place(path, s)
                values = tuple(interpreter.eval(a, s) for a in args)
                named = tuple(s.values[d] for d in dots)
                instance = interpreter._instance(owner, s)
                seen = self._this[1]
                delta = interpreter._update(instance, update, (part, seen), values, self._by, named, self._when)
                self.value = self._with(self._owner, self.value, steps, delta.value)
                self.context |= delta.context
                self.footprint = union(self.footprint, placed(steps, delta.footprint))
            case core.Forget(path):
                steps, t, part = self._place(path, s)
                self.context = self.context.add(interpreter.live_dots(t, part))
                self.footprint = union(self.footprint, placed(steps, touched(self._program, t, part)))
            case core.ForgetDots(dots):
                self.context = self.context.add(interpreter.eval(dots, s))
            case core.Each(var, var_type, source, entries):
                members = in_order(self._program, substitute(var_type, s.types), interpreter.eval(source, s))
                for member in members:
                    for inner in entries:
                        self._enter(inner, s.bind({var: member}))
            case _:
                raise AssertionError(f"no meaning for {entry}")

    def _place(self, path: core.Path, s: Scope) -> tuple[tuple[Raw, ...], Type, Raw]:
        """The place that `path` names: its steps (field names and raw keys), its type, and what `this` has there."""
        steps: list[Raw] = []
        t: Type = self._owner
        value = self._this[0]
        for step in path.steps:
            key = step if isinstance(step, str) else self._interpreter.eval(step, s)
            t, value = self._below(t, value, key)
            steps.append(key)
        return tuple(steps), t, value

    def _below(self, t: Type, value: Raw, step: Raw) -> tuple[Type, Raw]:
        t = self._program.unfold(t)
        if isinstance(t, RecordT):
            i = t.position(step)
            return t.fields[i][1], value[i]
        assert isinstance(t, MapT), t
        return t.value, lookup(self._program, t, value, step)

    def _put(self, steps: tuple[Raw, ...], t: Type, value: Raw) -> None:
        self.value = self._with(self._owner, self.value, steps, value)
        self.footprint = union(self.footprint, placed(steps, touched(self._program, t, value)))

    def _with(self, t: Type, whole: Raw, steps: tuple[Raw, ...], part: Raw) -> Raw:
        """`whole`, a value of `t`, with `part` at the place that `steps` lead to."""
        if not steps:
            return part
        below, value = self._below(t, whole, steps[0])
        value = self._with(below, value, steps[1:], part)
        t = self._program.unfold(t)
        if isinstance(t, RecordT):
            i = t.position(steps[0])
            return (*whole[:i], value, *whole[i + 1 :])
        assert isinstance(t, MapT), t
        return store(self._program, t, whole, steps[0], value)


Body = TypeVar("Body", Expr, core.Delta)

_NOTHING_BOUND = Scope({}, {}, {})


def _bound(params: tuple[tuple[str, Type], ...], args: tuple[Raw, ...]) -> dict[str, Raw]:
    return {n: a for (n, _), a in zip(params, args, strict=True)}


def _union(sets: Iterable[frozenset[Dot]]) -> frozenset[Dot]:
    return frozenset().union(*sets)


def _select(cases: tuple[tuple[core.Pattern, Body], ...], subject: State, s: Scope) -> tuple[Body, Scope]:
    """The body of the first case that matches, and its scope; parts of the subject are read under its context."""
    value, seen = subject
    for pattern, body in cases:
        bound = matched(pattern, value)
        if bound is not None:
            for name, part in bound.items():
                s = s.bind_state(name, (part, seen))
            return body, s
    raise AssertionError(f"no case matches {value}")
