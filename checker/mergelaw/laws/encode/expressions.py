"""The meaning of expressions: one method for each kind of node."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from mergelaw.language import core
from mergelaw.language.core import BOOL, DOT, EnumT, Expr, MapT, Named, Program, RecordT, Type, substitute
from mergelaw.laws import smt
from mergelaw.laws.encode.folds import Folds
from mergelaw.laws.encode.operations import Operations
from mergelaw.laws.encode.purity import pure
from mergelaw.laws.encode.quantifiers import Quantifiers
from mergelaw.laws.encode.scope import NOWHERE, Context, Env, State
from mergelaw.laws.smt import FALSE, INT, TRUE, Term, and_, eq, ite, not_
from mergelaw.laws.symbolic import Abs, Enm, Fun, Logic, Opt, Sym, Tup, Unsupported, flatten

_QUERIES_DEPTH_MAX = 12
"""How deep queries are expanded inside each other; recursive ones have no end."""


class Encoder(Operations, Quantifiers, Folds):
    """Encodes expressions of one program into one `Logic`."""

    def __init__(self, program: Program, logic: Logic) -> None:
        super().__init__(program, logic)
        self.on_apply: Callable[[core.Apply, Env], State] | None = None
        """Applies an update; theorems need it."""
        self.on_build: Callable[[core.Build, Env], None] | None = None
        """Is told of every comprehension that is met."""
        self._texts: dict[str, Term] = {}
        self._fields: dict[int, tuple[core.Get, int]] = {}
        """Positions of the fields that are read, by identity of the node, which is kept alive for that."""
        self._calls: dict[tuple[object, ...], Sym] = {}
        """Results of pure functions."""
        self._depth = 0

    # -- states and values -------------------------------------------------------------------------

    def eval(self, e: Expr, env: Env) -> Sym:
        """The value of `e`. Raises: Unsupported."""
        if type(e) is core.Var:
            return env.vars[e.name]
        method = _VALUES.get(type(e))
        if method is None:
            raise Unsupported(f"no encoding of {type(e).__name__}")
        return method(self, e, env)

    def state_of(self, e: Expr, env: Env) -> State | None:
        """The state that `e` denotes, with its context; None where it is a plain value."""
        method = _STATES.get(type(e))
        return None if method is None else method(self, e, env)

    def value(self, e: Expr, env: Env) -> Sym:
        """The value of the state that `e` denotes, or its plain value."""
        if type(e) is core.Var:
            return env.vars[e.name]
        s = self.state_of(e, env) if type(e) in _STATES else None
        return s.value if s is not None else self.eval(e, env)

    def _variable_state(self, e: core.Var, env: Env) -> State | None:
        seen = env.seen.get(e.name)
        return None if seen is None else State(env.vars[e.name], seen)

    def _apply(self, e: core.Apply, env: Env) -> Sym:
        return self._apply_state(e, env).value

    def _apply_state(self, e: core.Apply, env: Env) -> State:
        assert self.on_apply is not None, "updates are applied in theorems only"
        return self.on_apply(e, env)

    def _merge(self, e: core.Merge, env: Env) -> Sym:
        t = substitute(e.type, env.types)
        if env.sides is not None:
            return self.merge(t, self.eval(e.left, env), env.sides[0], self.eval(e.right, env), env.sides[1])
        s = self._merge_state(e, env)
        if s is not None:
            return s.value
        here = env.seen.get("this", NOWHERE)
        return self.merge(t, self.eval(e.left, env), here, self.eval(e.right, env), here)

    def _merge_state(self, e: core.Merge, env: Env) -> State | None:
        if env.sides is not None:
            return None
        a, b = self.state_of(e.left, env), self.state_of(e.right, env)
        if a is None or b is None:
            return None
        merged = self.merge(substitute(e.type, env.types), a.value, a.seen, b.value, b.seen)
        return State(merged, a.seen.union(b.seen))

    def _let(self, e: core.Let, env: Env) -> Sym:
        return self.eval(e.body, self._bound(e, env))

    def _let_state(self, e: core.Let, env: Env) -> State | None:
        return self.state_of(e.body, self._bound(e, env))

    def _bound(self, e: core.Let, env: Env) -> Env:
        s = self.state_of(e.value, env)
        if s is not None:
            return env.bind_states({e.name: s})
        return env.bind(**{e.name: self.eval(e.value, env)})

    def _if(self, e: core.If, env: Env) -> Sym:
        c = self.holds(e.condition, env)
        if c is TRUE:
            return self.eval(e.then, env)
        if c is FALSE:
            return self.eval(e.orelse, env)
        return self.choose(c, self.eval(e.then, env), self.eval(e.orelse, env))

    def _if_state(self, e: core.If, env: Env) -> State | None:
        a, b = self.state_of(e.then, env), self.state_of(e.orelse, env)
        if a is None or b is None:
            return None
        c = self.holds(e.condition, env)
        has_a, has_b = a.seen.has, b.seen.has
        joined = Context(lambda x: ite(c, has_a(x), has_b(x)), a.seen.atoms | b.seen.atoms)
        return State(self.choose(c, a.value, b.value), joined)

    # -- constants ---------------------------------------------------------------------------------

    def _literal(self, e: core.Lit, _: Env) -> Term:
        value = e.value
        if isinstance(value, bool):
            return smt.boolean(value)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Fraction) or e.type == core.REAL:
            return smt.real(value)
        return smt.integer(value)

    def _text(self, value: str) -> Term:
        if value == "":
            return smt.integer(0)
        found = self._texts.get(value)
        if found is None:
            safe = "".join(c if c.isalnum() and c.isascii() else f"~{ord(c):x}" for c in value)
            found = smt.const(f"text:{safe}", INT)
            self.logic.fact(smt.lt(smt.integer(0), found))
            for other, term in self._texts.items():
                self.logic.fact(smt.lt(term, found) if other < value else smt.lt(found, term))
            self._texts[value] = found
        return found

    def _zero_of(self, e: core.Zero, env: Env) -> Sym:
        return self.zero(substitute(e.type, env.types))

    # -- records, options and variants ---------------------------------------------------------------

    def _get(self, e: core.Get, env: Env) -> Sym:
        v = self.value(e.subject, env)
        if isinstance(v, Abs):
            t = self._rep_of(e.subject, env)
            assert isinstance(t, RecordT)
            return self._hidden(t.fields[t.position(e.name)][1])
        assert isinstance(v, Tup)
        known = self._fields.get(id(e))
        if known is None:
            known = self._fields[id(e)] = (e, _position(self._rep_of(e.subject, env), e.name))
        return v.items[known[1]]

    def _rep_of(self, e: Expr, env: Env) -> Type:
        return self.rep(substitute(e.type, env.types))

    def _hidden(self, t: Type) -> Sym:
        """Any value: what an abstract part has inside."""
        if not isinstance(t, Named):
            return self.fresh(t, "opaque")
        lattice = self.program.types[t.name].kind == "type"
        name = self.logic.name("opaque")
        return Abs(
            str(t),
            lattice,
            lambda o: smt.app(f"{name}.obs", (o,), smt.BOOL),
            lambda x: FALSE if lattice else smt.app(f"{name}.live", flatten(x), smt.BOOL),
            frozenset() if lattice else frozenset([name]),
        )

    def _opaque(self, e: Expr, env: Env) -> Sym:
        return self.fresh(substitute(e.type, env.types), "opaque")

    def _tuple(self, e: core.TupleE, env: Env) -> Tup:
        return Tup(tuple([self.eval(i, env) for i in e.items]))

    def _record(self, e: core.RecordE, env: Env) -> Tup:
        return Tup(tuple([self.eval(f, env) for _, f in e.fields]))

    def _some(self, e: core.Some, env: Env) -> Opt:
        return Opt(TRUE, self.eval(e.item, env))

    def _variant(self, e: core.Variant, env: Env) -> Enm:
        args = tuple([self.eval(a, env) for a in e.args])
        t = self._rep_of(e, env)
        assert isinstance(t, EnumT)
        payloads = []
        for n, (_, fields) in enumerate(self.program.variants(t)):
            payloads.append(args if n == e.index else tuple([self.fresh(ft, "blank") for _, ft in fields]))
        return Enm(smt.integer(e.index), tuple(payloads))

    def _match(self, e: core.Match, env: Env) -> Sym:
        v = self.value(e.subject, env)
        if isinstance(v, Abs):
            raise Unsupported("a match on a recursive part")
        branches: list[tuple[Term, Sym]] = []
        for pattern, body in e.cases:
            bound: dict[str, Sym] = {}
            c = self.matches(pattern, v, bound)
            if c is FALSE:
                continue
            branches.append((c, self.eval(body, env.bind(**bound))))
            if c is TRUE:
                break
        out = branches[-1][1]
        for c, value in reversed(branches[:-1]):
            out = self.choose(c, value, out)
        return out

    def matches(self, p: core.Pattern, v: Sym, bound: dict[str, Sym]) -> Term:
        """Whether `v` matches; fills `bound` with the pattern's variables."""
        match p:
            case core.PWild():
                return TRUE
            case core.PVar(name):
                bound[name] = v
                return TRUE
            case core.PNone():
                assert isinstance(v, Opt)
                return not_(v.present)
            case core.PSome(item):
                assert isinstance(v, Opt)
                return and_(v.present, self.matches(item, v.item, bound))
            case core.PTuple(items):
                assert isinstance(v, Tup)
                return and_(*[self.matches(i, x, bound) for i, x in zip(items, v.items, strict=True)])
            case core.PVariant(index, args):
                assert isinstance(v, Enm)
                inside = [self.matches(a, x, bound) for a, x in zip(args, v.payloads[index], strict=True)]
                return and_(eq(v.tag, smt.integer(index)), *inside)
            case _:
                raise AssertionError(p)

    # -- maps and sets -----------------------------------------------------------------------------

    def _at(self, e: core.At, env: Env) -> Sym:
        m, k = self.value(e.subject, env), self.eval(e.key, env)
        if isinstance(m, Abs):
            return self._opaque(e, env)
        assert isinstance(m, Fun)
        return m(k)

    def _seen(self, e: core.Seen, env: Env) -> Fun:
        return Fun(DOT, BOOL, env.seen[e.state].has)  # type: ignore[arg-type]

    def _build(self, e: core.Build, env: Env) -> Fun:
        t = self._rep_of(e, env)
        assert isinstance(t, MapT)
        if self.on_build is not None:
            self.on_build(e, env)
        return Fun(t.key, t.value, lambda k: self.eval(e.body, env.bind(**{e.var: k})))

    def _map_literal(self, e: core.MapE, env: Env) -> Fun:
        t = self._rep_of(e, env)
        assert isinstance(t, MapT)
        pairs = [(self.eval(k, env), self.eval(v, env)) for k, v in e.items]
        zero = self.zero(t.value)

        def read(k: Sym) -> Sym:
            out = zero
            for key, value in pairs:
                out = self.choose(self.equal(key, k), value, out)
            return out

        for key, _ in pairs:
            self.logic.ground(self.key_of(t.key), key)
        return Fun(t.key, t.value, read)

    def _keys(self, e: core.Keys, env: Env) -> Sym:
        m = self.value(e.subject, env)
        if isinstance(m, Abs):
            return self._opaque(e, env)
        assert isinstance(m, Fun)
        f = m
        return Fun(f.key, BOOL, lambda k: not_(self.is_zero(f(k))), origin=f.origin)

    def _dots(self, e: core.DotsOf, env: Env) -> Fun:
        v, t = self.value(e.subject, env), substitute(e.subject.type, env.types)
        return Fun(DOT, BOOL, lambda x: self.live(t, v, x))  # type: ignore[arg-type]

    # -- sequences ---------------------------------------------------------------------------------

    def _sequence(self, e: core.SeqE, env: Env) -> Term:
        out = smt.const("sequence.empty", INT)
        for i in e.items:
            name = f"sequence.unit {self.key_of(substitute(i.type, env.types))}"
            unit = smt.app(name, flatten(self.eval(i, env)), INT)
            out = smt.app("sequence.concat", (out, unit), INT)
        return out

    def _sequence_operation(self, e: core.SeqOp, env: Env) -> Sym:
        t = substitute(e.type, env.types)
        args = [self.eval(a, env) for a in e.args]
        return self.symbol(t, f"sequence.{e.op} {self.key_of(t)}", _flat(args))

    # -- calls -------------------------------------------------------------------------------------

    def _call(self, e: core.CallFun, env: Env) -> Sym:
        types = {n: substitute(t, env.types) for n, t in e.type_args}
        args = [self.eval(a, env) for a in e.args]
        if not all(map(self.types.scalar, types.values())) or not pure(self.program, e.name):
            return self._called(e.name, types, args)
        key = (e.name, *types.values(), *_flat(args))
        found = self._calls.get(key)
        if found is None:
            found = self._calls[key] = self._called(e.name, types, args)
        return found

    def _called(self, name: str, types: dict[str, Type], args: list[Sym]) -> Sym:
        d = self.program.functions[name]
        if d.recursive:
            names = ",".join(self.key_of(t) for t in types.values())
            return self.symbol(substitute(d.result, types), f"fun.{name}[{names}]", _flat(args))
        return self.eval(d.body, Env({n: a for (n, _), a in zip(d.params, args, strict=True)}, {}, types))

    def _query(self, e: core.CallQuery, env: Env) -> Sym:
        s = self.state_of(e.subject, env)
        subject = s.value if s is not None else self.eval(e.subject, env)
        if isinstance(subject, Abs) or self._depth > _QUERIES_DEPTH_MAX:
            return self._opaque(e, env)
        owner = substitute(e.owner, env.types)
        assert isinstance(owner, Named)
        q = self.program.types[owner.name].query(e.query)
        args = [self.eval(a, env) for a in e.args]
        seen = {}
        if s is not None:
            seen["this"] = s.seen
        elif e.seen_of is not None and e.seen_of in env.seen:
            seen["this"] = env.seen[e.seen_of]
        bound = {"this": subject, **{n: a for (n, _), a in zip(q.params, args, strict=True)}}
        self._depth += 1
        try:
            return self.eval(q.body, Env(bound, seen, self.type_env(owner)))
        finally:
            self._depth -= 1


def _position(t: Type, name: str) -> int:
    if t == DOT:
        return 0 if name == "replica" else 1
    assert isinstance(t, RecordT), f"{t}.{name}"
    return t.position(name)


def _flat(args: list[Sym]) -> tuple[Term, ...]:
    return tuple([x for a in args for x in flatten(a)])


_STATES: dict[type[Expr], Callable[[Encoder, Any, Env], State | None]] = {
    core.Var: Encoder._variable_state,
    core.Apply: Encoder._apply_state,
    core.Merge: Encoder._merge_state,
    core.Let: Encoder._let_state,
    core.If: Encoder._if_state,
}
"""The nodes that may denote a state; others are plain values."""

_VALUES: dict[type[Expr], Callable[[Encoder, Any, Env], Sym]] = {
    core.Get: Encoder._get,
    core.Op: Encoder.operation,
    core.At: Encoder._at,
    core.Lit: Encoder._literal,
    core.Zero: Encoder._zero_of,
    core.Seen: Encoder._seen,
    core.TupleE: Encoder._tuple,
    core.RecordE: Encoder._record,
    core.Variant: Encoder._variant,
    core.Some: Encoder._some,
    core.If: Encoder._if,
    core.Let: Encoder._let,
    core.Match: Encoder._match,
    core.Build: Encoder._build,
    core.MapE: Encoder._map_literal,
    core.Keys: Encoder._keys,
    core.Sum: Encoder.sum,
    core.Count: Encoder.sum,
    core.Pick: Encoder.pick,
    core.Quant: Encoder.quantified,
    core.SeqE: Encoder._sequence,
    core.SeqFor: Encoder._opaque,
    core.SeqOp: Encoder._sequence_operation,
    core.CallFun: Encoder._call,
    core.CallQuery: Encoder._query,
    core.Merge: Encoder._merge,
    core.DotsOf: Encoder._dots,
    core.Apply: Encoder._apply,
}
