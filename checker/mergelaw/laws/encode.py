"""Core expressions as symbolic values: queries, merges and orders, expanded like macros at the keys that are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from mergelaw.language import core
from mergelaw.language.core import (
    BOOL,
    DOT,
    NAT,
    REPLICA,
    Base,
    EnumT,
    Expr,
    MapT,
    Named,
    OptionType,
    ParamT,
    Program,
    RecordT,
    SeqT,
    TupleT,
    Type,
    substitute,
)
from mergelaw.laws import smt
from mergelaw.laws.smt import FALSE, INT, REAL, TRUE, Term, and_, eq, implies, ite, not_, or_
from mergelaw.laws.symbolic import OBSERVER, Abs, Enm, Fun, Logic, Opt, Sym, Tup, Unsupported, alike, choose, flatten

Watch = Callable[[str, tuple[Sym, ...], tuple[Type, ...], Sym], None]


@dataclass(frozen=True, eq=False)
class Context:
    """A causal context: a predicate on dots, and the names of the contexts it is the union of."""

    has: Callable[[Tup], Term]
    atoms: frozenset[str]

    def union(self, other: Context) -> Context:
        """The union."""
        if self is other:
            return self
        return Context(lambda x: or_(self.has(x), other.has(x)), self.atoms | other.atoms)


@dataclass(frozen=True, eq=False)
class State:
    """A value together with the context it lives under."""

    value: Sym
    seen: Context
    label: str | None = None
    """The name of an arbitrary state; None of what is computed."""


@dataclass(frozen=True)
class Env:
    """What the names in an expression stand for."""

    vars: Mapping[str, Sym] = field(default_factory=dict)
    seen: Mapping[str, Context] = field(default_factory=dict)
    types: Mapping[str, Type] = field(default_factory=dict)
    sides: tuple[Context, Context] | None = None
    """In a merge clause: the contexts of its left and right parameter."""

    def bind(self, /, **new: Sym) -> Env:
        """With variables added."""
        return replace(self, vars={**self.vars, **new})

    def bind_states(self, states: Mapping[str, State]) -> Env:
        """With state variables added."""
        return replace(
            self,
            vars={**self.vars, **{n: s.value for n, s in states.items()}},
            seen={**self.seen, **{n: s.seen for n, s in states.items()}},
        )


@dataclass(eq=False)
class _Sum:
    node: int
    body: Fun
    total: Term


class Encoder:
    """Encodes expressions of one program into one `Logic`."""

    def __init__(self, program: Program, logic: Logic) -> None:
        self.program = program
        self.logic = logic
        self.contexts: dict[str, Context] = {}
        self.on_apply: Callable[[core.Apply, Env], State] | None = None
        self.on_build: Callable[[core.Build, Env], None] | None = None
        self._sums: list[_Sum] = []
        self._related = 0
        """How many of the sums have been related to those before them."""
        self._texts: dict[str, Term] = {}
        self._has_dots: dict[Type, bool] = {}
        self._zero_tests: dict[int, tuple[Sym, Term]] = {}
        self._depth = 0
        self._moved: dict[tuple[int, frozenset[str]], Abs] = {}
        self._kept: list[Sym] = []
        self._picks: dict[tuple[object, ...], tuple[Opt, Env]] = {}

    # -- types -------------------------------------------------------------------------------------

    def rep(self, t: Type) -> Type:
        """`t` with declared types at its head replaced by their states."""
        return self.program.unfold(t)

    def key_of(self, t: Type) -> str:
        """Ground values are kept by this name of a type; structurally equal types share it."""
        t = self.rep(t)
        match t:
            case TupleT(items):
                return "(" + ",".join(self.key_of(i) for i in items) + ")"
            case RecordT(fields):
                return "(" + ",".join(self.key_of(i) for _, i in fields) + ")"
            case OptionType(item):
                return f"Option[{self.key_of(item)}]"
            case MapT(key, value):
                return f"Map[{self.key_of(key)},{self.key_of(value)}]"
            case SeqT(item):
                return f"Seq[{self.key_of(item)}]"
            case _:
                return str(t)

    def has_dots(self, t: Type) -> bool:
        """Whether values of `t` can hold live dots."""
        found = self._has_dots.get(t)
        if found is None:
            self._has_dots[t] = False
            match t:
                case ParamT(_, bound):
                    found = bound == "Store"
                case Named(name):
                    found = self.program.types[name].dots is not None or self.has_dots(self.program.state_type(t))
                case RecordT(fields):
                    found = any(self.has_dots(f) for _, f in fields)
                case MapT(_, value):
                    found = self.has_dots(value)
                case _:
                    found = False
            self._has_dots[t] = found
        return found

    # -- making values -------------------------------------------------------------------------------

    def symbol(
        self,
        t: Type,
        name: str,
        args: tuple[Term, ...] = (),
        *,
        seen: Context | None = None,
        watch: Watch | None = None,
        keys: tuple[Sym, ...] = (),
        key_types: tuple[Type, ...] = (),
    ) -> Sym:
        """An arbitrary value of `t`: uninterpreted functions of `args` named after `name`.

        `watch(path, keys, key types, value)` is told of every read of a map below it.
        """
        t = self.rep(t)
        match t:
            case Base("Bool"):
                return smt.app(name, args, smt.BOOL)
            case Base("Real"):
                return smt.app(name, args, REAL)
            case Base("Dot"):
                number = smt.app(f"{name}.number", args, INT)
                self.logic.fact(smt.le(smt.integer(1), number))
                return Tup((smt.app(f"{name}.replica", args, INT), number))
            case Base(base):
                v = smt.app(name, args, INT)
                if base in ("Nat", "Time", "Text"):
                    self.logic.fact(smt.le(smt.integer(0), v))
                return v
            case ParamT(kind, "Lattice" | "Store" as bound):

                def told(x: Tup, held: Term) -> None:
                    if watch is not None:
                        watch(f"{name}#live", (*keys, x), (*key_types, DOT), held)

                return self._abstract_symbol(kind, bound == "Lattice", name, args, seen, told)
            case ParamT():
                return smt.app(name, args, INT)
            case SeqT():
                return smt.app(name, args, INT)
            case OptionType(item):
                return Opt(smt.app(f"{name}.present", args, smt.BOOL), self.symbol(item, name, args))
            case TupleT(items):
                return Tup(tuple([self.symbol(i, f"{name}.{n}", args) for n, i in enumerate(items)]))
            case RecordT(fields):
                return Tup(
                    tuple(
                        self.symbol(f, f"{name}.{n}", args, seen=seen, watch=watch, keys=keys, key_types=key_types)
                        for n, f in fields
                    )
                )
            case EnumT():
                variants = self.program.variants(t)
                tag = smt.app(f"{name}.tag", args, INT)
                self.logic.fact(and_(smt.le(smt.integer(0), tag), smt.lt(tag, smt.integer(len(variants)))))
                return Enm(
                    tag,
                    tuple(
                        tuple([self.symbol(ft, f"{name}.{v}.{f}", args) for f, ft in payload])
                        for v, payload in variants
                    ),
                )
            case MapT(key, value):
                kt, vt = key, value

                def read(k: Sym) -> Sym:
                    v = self.symbol(
                        vt,
                        name,
                        args + flatten(k),
                        seen=seen,
                        watch=watch,
                        keys=(*keys, k),
                        key_types=(*key_types, kt),
                    )
                    if watch is not None:
                        watch(name, (*keys, k), (*key_types, kt), v)
                    return v

                place = name.partition(".")[2] if watch is not None else None
                out = Fun(key, value, read, origin=place)
                out.name = (name, args)
                return out
            case _:
                raise Unsupported(f"no encoding of values of type {t}")

    def _abstract_symbol(
        self,
        kind: str,
        lattice: bool,
        name: str,
        args: tuple[Term, ...],
        seen: Context | None,
        told: Callable[[Tup, Term], None],
    ) -> Abs:
        atoms = frozenset() if lattice else seen.atoms if seen is not None else frozenset([name])

        def live(x: Tup) -> Term:
            if lattice:
                return FALSE
            held = smt.app(f"{name}.live", args + flatten(x), smt.BOOL)
            told(x, held)
            return and_(held, seen.has(x)) if seen is not None else held

        return Abs(
            kind, lattice, lambda o: smt.app(f"{name}.obs", (*args, o), smt.BOOL), live, atoms, (name, args)
        )

    def context(self, name: str) -> Context:
        """An arbitrary causal context."""
        ctx = Context(lambda x: smt.app(name, flatten(x), smt.BOOL), frozenset([name]))
        self.contexts[name] = ctx
        return ctx

    def derived_context(self, name: str, has: Callable[[Tup], Term]) -> Context:
        """A context given by a predicate."""
        ctx = Context(has, frozenset([name]))
        self.contexts[name] = ctx
        return ctx

    def state(self, t: Type, name: str, watch: Watch | None = None) -> State:
        """An arbitrary state of a declared type under an arbitrary context."""
        seen = self.context(f"{name}.seen")
        return State(self.symbol(t, name, seen=seen, watch=watch), seen)

    def fresh(self, t: Type, hint: str) -> Sym:
        """An arbitrary value that is used nowhere else."""
        return self.symbol(t, self.logic.name(hint))

    def zero(self, t: Type) -> Sym:
        """The zero of `t`; that of an abstract store takes the context it meets."""
        t = self.rep(t)
        match t:
            case Base("Bool"):
                return FALSE
            case Base("Real"):
                return smt.real(0)
            case Base("Dot"):
                return Tup((smt.integer(0), smt.integer(0)))
            case Base():
                return smt.integer(0)
            case ParamT(kind, "Lattice"):
                return Abs(kind, True, lambda _: FALSE, lambda _: FALSE, frozenset())
            case ParamT(kind, "Store"):
                return Abs(kind, False, None, lambda _: FALSE, frozenset())
            case ParamT():
                return smt.integer(0)
            case OptionType(item):
                return Opt(FALSE, self.zero(item))
            case TupleT(items):
                return Tup(tuple([self.zero(i) for i in items]))
            case RecordT(fields):
                return Tup(tuple([self.zero(f) for _, f in fields]))
            case EnumT():
                payloads = tuple(tuple([self.zero(ft) for _, ft in p]) for _, p in self.program.variants(t))
                return Enm(smt.integer(0), payloads)
            case MapT(key, value):
                z = self.zero(value)
                return Fun(key, value, lambda _: z, zero=True)
            case SeqT():
                return smt.const("sequence.empty", INT)
            case _:
                raise Unsupported(f"no zero of type {t}")

    # -- quantifiers, equality, order ------------------------------------------------------------------

    def forall(
        self,
        types: Sequence[Type],
        body: Callable[..., Term],
        hint: str = "k",
        *,
        claim: bool = False,
        origins: Sequence[str | None] = (),
    ) -> Term:
        """A Boolean equivalent to: body holds of all values of `types`; `claim` and `origins` as in `Logic.forall`."""
        if not types:
            return body()
        witnesses = [self.fresh(t, f"{hint}{n}") for n, t in enumerate(types)]
        return self.logic.forall([self.key_of(t) for t in types], witnesses, body, claim=claim, origins=origins)

    def exists(self, types: Sequence[Type], body: Callable[..., Term], hint: str = "w") -> Term:
        """A Boolean equivalent to: body holds of some values of `types`."""
        return not_(self.forall(types, lambda *xs: not_(body(*xs)), hint))

    def equal(self, a: Sym, b: Sym, *, claim: bool = False) -> Term:
        """Equality of two values of one type; pointwise for maps."""
        if a is b:
            return TRUE
        a, b = alike(a, b)
        if isinstance(a, Term) and isinstance(b, Term):
            return eq(a, b)
        if isinstance(a, Tup) and isinstance(b, Tup):
            return and_(*(self.equal(x, y, claim=claim) for x, y in zip(a.items, b.items, strict=True)))
        if isinstance(a, Opt) and isinstance(b, Opt):
            return and_(eq(a.present, b.present), or_(not_(a.present), self.equal(a.item, b.item, claim=claim)))
        if isinstance(a, Enm) and isinstance(b, Enm):
            same = [eq(a.tag, b.tag)]
            for n, (p, q) in enumerate(zip(a.payloads, b.payloads, strict=True)):
                inside = and_(*(self.equal(x, y, claim=claim) for x, y in zip(p, q, strict=True)))
                same.append(or_(not_(eq(a.tag, smt.integer(n))), inside))
            return and_(*same)
        if isinstance(a, Fun) and isinstance(b, Fun):
            f, g = a, b
            origin = f.origin if f.origin is not None else g.origin
            return self.forall([f.key], lambda k: self.equal(f(k), g(k), claim=claim), claim=claim, origins=(origin,))
        if isinstance(a, Abs) and isinstance(b, Abs):
            if a.observe is None and b.observe is None:
                return TRUE
            atoms = a.atoms | b.atoms
            x, y = self.recontext(a, atoms), self.recontext(b, atoms)
            ox, oy = x.observe, y.observe
            assert ox is not None and oy is not None
            return self.logic.forall(
                [f"{OBSERVER}{a.kind}"],
                [smt.const(self.logic.name("o"), INT)],
                lambda o: eq(ox(o), oy(o)),
                claim=claim,
            )
        raise Unsupported("a look into an abstract part")

    def recontext(self, v: Abs, atoms: frozenset[str]) -> Abs:
        """`v` seen as a value under the union of the contexts `atoms`.

        Where these include its own: by the law of identity that every store proves, zero under a context that holds
        none of its dots changes nothing. Under any other context nothing is known of it.
        """
        if v.lattice:
            return v
        if v.observe is None:
            return Abs(v.kind, False, lambda o: self._zero_observed(v.kind, atoms, o), v.live, atoms)
        if v.atoms == atoms:
            return v
        if not v.atoms <= atoms:
            moved = self._moved.get((id(v), atoms))
            if moved is None:
                name = self.logic.name(f"{v.kind}.placed")
                moved = Abs(v.kind, False, lambda o: smt.app(name, (o,), smt.BOOL), v.live, atoms)
                self._moved[(id(v), atoms)] = moved
                self._kept.append(v)
            return moved
        more = sorted(atoms - v.atoms)
        inside = v.observe
        extra = [self.contexts[m] for m in more]
        disjoint = self.forall([DOT], lambda x: not_(and_(v.live(x), or_(*(e.has(x) for e in extra)))), "x", claim=True)
        name = self.logic.name(f"{v.kind}.moved")

        def observe(o: Term) -> Term:
            grown = or_(inside(o), self._zero_observed(v.kind, frozenset(more), o))
            if disjoint is TRUE:
                return grown
            return ite(disjoint, grown, smt.app(name, (o,), smt.BOOL))

        return Abs(v.kind, False, observe, v.live, atoms)

    def _zero_observed(self, kind: str, atoms: frozenset[str], o: Term) -> Term:
        return or_(*(smt.app(f"{kind}.zero@{a}", (o,), smt.BOOL) for a in sorted(atoms)))

    def choose(self, c: Term, a: Sym, b: Sym) -> Sym:
        """`if c then a else b`."""
        return choose(c, a, b, self.recontext)

    def is_zero(self, v: Sym) -> Term:
        """Whether `v` is the zero of its type."""
        known = self._zero_tests.get(id(v))
        if known is not None:
            return known[1]
        if isinstance(v, Term):
            t = not_(v) if v.sort == smt.BOOL else eq(v, smt.integer(0) if v.sort == INT else smt.real(0))
        elif isinstance(v, Tup):
            t = and_(*(self.is_zero(i) for i in v.items))
        elif isinstance(v, Opt):
            t = not_(v.present)
        elif isinstance(v, Enm):
            t = and_(eq(v.tag, smt.integer(0)), *(self.is_zero(p) for p in v.payloads[0]))
        elif isinstance(v, Fun):
            t = self._zero_map(v)
        elif v.observe is None:
            t = TRUE
        else:
            t = self._zero_abstract(v)
        self._zero_tests[id(v)] = (v, t)
        return t

    def _zero_map(self, f: Fun) -> Term:
        if f.name is None:
            return self.forall([f.key], lambda k: self.is_zero(f(k)), origins=(f.origin,))
        # A function of the keys that the map was read at, so that equal keys give equal answers.
        name, args = f.name
        return self.logic.forall(
            [self.key_of(f.key)],
            [self.symbol(f.key, f"{name}.held {len(args)}", args)],
            lambda k: self.is_zero(f(k)),
            origins=(f.origin,),
            holds=smt.app(f"{name}.empty {len(args)}", args, smt.BOOL),
        )

    def _zero_abstract(self, v: Abs) -> Term:
        inside = v.observe
        assert inside is not None
        name, args = v.name if v.name is not None else (None, ())
        witness = smt.const(self.logic.name("o"), INT) if name is None else smt.app(f"{name}.shown", args, INT)

        def unseen(o: Term) -> Term:
            nothing = FALSE if v.lattice else self._zero_observed(v.kind, v.atoms, o)
            return eq(inside(o), nothing)

        holds = None if name is None else smt.app(f"{name}.none", args, smt.BOOL)
        return self.logic.forall([f"{OBSERVER}{v.kind}"], [witness], unseen, holds=holds)

    def claimed_zero(self, v: Sym) -> Term:
        """That `v` is zero, only to be shown."""
        if isinstance(v, Tup):
            return and_(*(self.claimed_zero(i) for i in v.items))
        if isinstance(v, Fun):
            f = v
            return self.forall([f.key], lambda k: self.claimed_zero(f(k)), claim=True, origins=(f.origin,))
        if isinstance(v, Abs):
            nothing = (lambda _: FALSE) if v.lattice else None
            return self.equal(v, Abs(v.kind, v.lattice, nothing, lambda _: FALSE, frozenset()), claim=True)
        return self.is_zero(v)

    def assume_zero(self, v: Sym) -> None:
        """Assert that `v` is zero; of maps, at ground keys."""
        if isinstance(v, Tup):
            for i in v.items:
                self.assume_zero(i)
        elif isinstance(v, Fun):
            f = v

            def at(k: Sym) -> Term:
                self.assume_zero(f(k))
                return TRUE

            self.logic.universal([self.key_of(f.key)], at, origins=(f.origin,))
        else:
            self.logic.fact(self.is_zero(v))

    def less(self, a: Sym, b: Sym) -> Term:
        """a < b in the order of their type."""
        if isinstance(a, Term) and isinstance(b, Term):
            return and_(not_(a), b) if a.sort == smt.BOOL else smt.lt(a, b)
        if isinstance(a, Tup) and isinstance(b, Tup):
            return self._lexicographic([(x, y, False) for x, y in zip(a.items, b.items, strict=True)])
        if isinstance(a, Opt) and isinstance(b, Opt):
            return and_(b.present, or_(not_(a.present), self.less(a.item, b.item)))
        if isinstance(a, Enm) and isinstance(b, Enm):
            out = [smt.lt(a.tag, b.tag)]
            for n, (p, q) in enumerate(zip(a.payloads, b.payloads, strict=True)):
                inside = self._lexicographic([(x, y, False) for x, y in zip(p, q, strict=True)])
                out.append(and_(eq(a.tag, b.tag), eq(a.tag, smt.integer(n)), inside))
            return or_(*out)
        raise Unsupported("an order on these values")

    def _lexicographic(self, pairs: Sequence[tuple[Sym, Sym, bool]]) -> Term:
        out = FALSE
        for x, y, descending in reversed(pairs):
            first, second = (y, x) if descending else (x, y)
            out = or_(self.less(first, second), and_(self.equal(x, y), out))
        return out

    # -- merges and live dots --------------------------------------------------------------------------

    def merge(self, t: Type, a: Sym, seen_a: Context, b: Sym, seen_b: Context) -> Sym:
        """The merge of two values of type `t`, each under its context. Raises: Unsupported."""
        a, b = alike(a, b)
        if isinstance(a, Abs) and isinstance(b, Abs):
            return self._merge_abstract(a, seen_a, b, seen_b)
        match t:
            case Named(name, args):
                d = self.program.types[name]
                if d.merge is None:
                    return self.merge(self.program.state_type(t), a, seen_a, b, seen_b)
                env = Env(
                    {d.merge.left: a, d.merge.right: b},
                    {d.merge.left: seen_a, d.merge.right: seen_b},
                    {p.name: x for p, x in zip(d.params, args, strict=True)},
                    (seen_a, seen_b),
                )
                out = self.eval(d.merge.body, env)
                if isinstance(out, Fun) and out.origin is None and isinstance(a, Fun) and isinstance(b, Fun):
                    out.origin = a.origin if a.origin is not None else b.origin
                return out
            case RecordT(fields):
                assert isinstance(a, Tup) and isinstance(b, Tup)
                return Tup(
                    tuple(
                        self.merge(f, x, seen_a, y, seen_b)
                        for (_, f), x, y in zip(fields, a.items, b.items, strict=True)
                    )
                )
            case MapT(key, value):
                assert isinstance(a, Fun) and isinstance(b, Fun)
                f, g = a, b
                origin = f.origin if f.origin is not None else g.origin
                return Fun(key, value, lambda k: self.merge(value, f(k), seen_a, g(k), seen_b), origin=origin)
            case _:
                raise Unsupported(f"no merge of {t}")

    def _merge_abstract(self, a: Abs, seen_a: Context, b: Abs, seen_b: Context) -> Abs:
        if not a.lattice:
            a, b = self.recontext(a, seen_a.atoms), self.recontext(b, seen_b.atoms)
        ox, oy = a.observe, b.observe
        assert ox is not None and oy is not None
        if a.lattice:
            return Abs(a.kind, True, lambda o: or_(ox(o), oy(o)), lambda _: FALSE, frozenset())
        name = self.logic.name(f"{a.kind}.kept")
        live_a, live_b = a.live, b.live

        def live(x: Tup) -> Term:
            held = or_(live_a(x), live_b(x))
            return FALSE if held is FALSE else and_(held, smt.app(name, flatten(x), smt.BOOL))

        return Abs(a.kind, False, lambda o: or_(ox(o), oy(o)), live, a.atoms | b.atoms)

    def live(self, t: Type, v: Sym, x: Tup) -> Term:
        """Whether dot `x` is live in `v` of type `t`."""
        if isinstance(v, Abs):
            return v.live(x)
        if not self.has_dots(t):
            return FALSE
        match t:
            case Named():
                return or_(self.own_live(t, v, x), self.live(self.program.state_type(t), v, x))
            case RecordT(fields):
                assert isinstance(v, Tup)
                return or_(*(self.live(f, i, x) for (_, f), i in zip(fields, v.items, strict=True)))
            case MapT(key, value):
                assert isinstance(v, Fun)
                m = v
                return self.exists([key], lambda k: self.live(value, m(k), x), "held")
            case _:
                return FALSE

    def own_live(self, t: Named, v: Sym, x: Tup) -> Term:
        """Whether `x` is among the dots that t's own `dots` clause names."""
        d = self.program.types[t.name]
        if d.dots is None:
            return FALSE
        env = Env({"this": v}, {}, {p.name: a for p, a in zip(d.params, t.args, strict=True)})
        dots = self.eval(d.dots, env)
        assert isinstance(dots, Fun)
        return self.truth(dots(x))

    def type_env(self, t: Named) -> dict[str, Type]:
        """The type arguments of an instance by parameter name."""
        d = self.program.types[t.name]
        return {p.name: a for p, a in zip(d.params, t.args, strict=True)}

    # -- expressions -----------------------------------------------------------------------------------

    def truth(self, v: Sym) -> Term:
        """A Bool value as a term."""
        assert isinstance(v, Term) and v.sort == smt.BOOL
        return v

    def holds(self, e: Expr, env: Env) -> Term:
        """The truth of a Bool expression."""
        return self.truth(self.eval(e, env))

    def state_of(self, e: Expr, env: Env) -> State | None:
        """The state that `e` denotes, with its context; None where it is a plain value."""
        match e:
            case core.Var(_, name) if name in env.seen:
                return State(env.vars[name], env.seen[name])
            case core.Apply():
                assert self.on_apply is not None, "updates are applied in theorems only"
                return self.on_apply(e, env)
            case core.Merge(t, left, right) if env.sides is None:
                a, b = self.state_of(left, env), self.state_of(right, env)
                if a is None or b is None:
                    return None
                merged = self.merge(substitute(t, env.types), a.value, a.seen, b.value, b.seen)
                return State(merged, a.seen.union(b.seen))
            case core.Let(_, name, value, body):
                s = self.state_of(value, env)
                if s is not None:
                    return self.state_of(body, env.bind_states({name: s}))
                return self.state_of(body, env.bind(**{name: self.eval(value, env)}))
            case core.If(_, condition, then, orelse):
                a, b = self.state_of(then, env), self.state_of(orelse, env)
                if a is None or b is None:
                    return None
                c = self.holds(condition, env)
                has_a, has_b = a.seen.has, b.seen.has
                joined = Context(lambda x: ite(c, has_a(x), has_b(x)), a.seen.atoms | b.seen.atoms)
                return State(self.choose(c, a.value, b.value), joined)
            case _:
                return None

    def eval(self, e: Expr, env: Env) -> Sym:
        """The value of `e`. Raises: Unsupported."""
        match e:
            case core.Lit():
                return self._literal(e)
            case core.Zero(t):
                return self.zero(substitute(t, env.types))
            case core.Var(_, name):
                return env.vars[name]
            case core.Seen(_, name):
                seen = env.seen[name]
                return Fun(DOT, BOOL, lambda x: seen.has(x))  # type: ignore[arg-type]
            case core.Get(_, subject, name):
                return self._get(subject, name, env)
            case core.At(_, subject, key):
                m, k = self._value(subject, env), self.eval(key, env)
                if isinstance(m, Abs):
                    return self._opaque(e, env)
                assert isinstance(m, Fun)
                return m(k)
            case core.TupleE(_, items):
                return Tup(tuple([self.eval(i, env) for i in items]))
            case core.RecordE(_, fields):
                return Tup(tuple([self.eval(f, env) for _, f in fields]))
            case core.Variant(t, index, args):
                return self._variant(substitute(t, env.types), index, [self.eval(a, env) for a in args])
            case core.Some(_, item):
                return Opt(TRUE, self.eval(item, env))
            case core.If(_, condition, then, orelse):
                c = self.holds(condition, env)
                if c is TRUE:
                    return self.eval(then, env)
                if c is FALSE:
                    return self.eval(orelse, env)
                return self.choose(c, self.eval(then, env), self.eval(orelse, env))
            case core.Let(_, name, value, body):
                s = self.state_of(value, env)
                if s is not None:
                    return self.eval(body, env.bind_states({name: s}))
                return self.eval(body, env.bind(**{name: self.eval(value, env)}))
            case core.Match(_, subject, cases):
                return self._match(self._value(subject, env), cases, env)
            case core.Op(t, op, args):
                return self._op(op, args, env)
            case core.Build():
                return self._build(e, env)
            case core.MapE(t, items):
                return self._map_literal(substitute(t, env.types), items, env)
            case core.Keys(_, subject):
                m = self._value(subject, env)
                if isinstance(m, Abs):
                    return self._opaque(e, env)
                assert isinstance(m, Fun)
                f = m
                return Fun(f.key, BOOL, lambda k: not_(self.is_zero(f(k))), origin=f.origin)
            case core.Sum(_, subject) | core.Count(_, subject):
                return self._sum(e, self._value(subject, env))
            case core.Pick():
                return self._pick(e, env)
            case core.Quant():
                return self._quantifier(e, env)
            case core.SeqE(_, items):
                return self._seq_literal(e, items, env)
            case core.SeqFor():
                return self._opaque(e, env)
            case core.SeqOp(t, op, args):
                return self._seq_op(substitute(t, env.types), op, [self.eval(a, env) for a in args])
            case core.CallFun():
                return self._call(e, env)
            case core.CallQuery():
                return self._query(e, env)
            case core.Merge(t, left, right):
                if env.sides is not None:
                    a, b = self.eval(left, env), self.eval(right, env)
                    return self.merge(substitute(t, env.types), a, env.sides[0], b, env.sides[1])
                s = self.state_of(e, env)
                if s is not None:
                    return s.value
                here = env.seen.get("this", Context(lambda _: FALSE, frozenset()))
                return self.merge(substitute(t, env.types), self.eval(left, env), here, self.eval(right, env), here)
            case core.DotsOf(_, subject):
                v, st = self._value(subject, env), substitute(subject.type, env.types)
                return Fun(DOT, BOOL, lambda x: self.live(st, v, x))  # type: ignore[arg-type]
            case core.Apply():
                s = self.state_of(e, env)
                assert s is not None
                return s.value
            case _:
                raise Unsupported(f"no encoding of {type(e).__name__}")

    def _value(self, e: Expr, env: Env) -> Sym:
        s = self.state_of(e, env)
        return s.value if s is not None else self.eval(e, env)

    def _literal(self, e: core.Lit) -> Term:
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

    def _get(self, subject: Expr, name: str, env: Env) -> Sym:
        v = self._value(subject, env)
        t = self.rep(substitute(subject.type, env.types))
        if isinstance(v, Abs):
            assert isinstance(t, RecordT)
            return self._hidden(t.fields[t.position(name)][1])
        assert isinstance(v, Tup)
        if t == DOT:
            return v.items[0 if name == "replica" else 1]
        assert isinstance(t, RecordT), f"{t}.{name}"
        return v.items[t.position(name)]

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

    def _variant(self, t: Type, index: int, args: list[Sym]) -> Enm:
        t = self.rep(t)
        assert isinstance(t, EnumT)
        payloads = []
        for n, (_, fields) in enumerate(self.program.variants(t)):
            payloads.append(tuple(args) if n == index else tuple(self.fresh(ft, "blank") for _, ft in fields))
        return Enm(smt.integer(index), tuple(payloads))

    def _match(self, v: Sym, cases: Sequence[tuple[core.Pattern, Expr]], env: Env) -> Sym:
        if isinstance(v, Abs):
            raise Unsupported("a match on a recursive part")
        branches: list[tuple[Term, Sym]] = []
        for pattern, body in cases:
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
                return and_(*(self.matches(i, x, bound) for i, x in zip(items, v.items, strict=True)))
            case core.PVariant(index, args):
                assert isinstance(v, Enm)
                inside = [self.matches(a, x, bound) for a, x in zip(args, v.payloads[index], strict=True)]
                return and_(eq(v.tag, smt.integer(index)), *inside)
            case _:
                raise AssertionError(p)

    def _op(self, op: str, args: tuple[Expr, ...], env: Env) -> Sym:
        if op == "and":
            return and_(*(self.holds(a, env) for a in args))
        if op == "or":
            return or_(*(self.holds(a, env) for a in args))
        if op == "implies":
            return implies(self.holds(args[0], env), self.holds(args[1], env))
        if op == "not":
            return not_(self.holds(args[0], env))
        vs = [self._value(a, env) for a in args]
        if op in ("eq", "ne"):
            zeros = [isinstance(a, core.Zero) for a in args]
            if zeros[1]:
                same = self.is_zero(vs[0])
            elif zeros[0]:
                same = self.is_zero(vs[1])
            else:
                same = self.equal(vs[0], vs[1])
            return same if op == "eq" else not_(same)
        if op == "lt":
            return self.less(vs[0], vs[1])
        if op == "le":
            return not_(self.less(vs[1], vs[0]))
        if op in ("max", "min"):
            out = vs[0]
            for v in vs[1:]:
                first = self.less(out, v) if op == "max" else self.less(v, out)
                out = self.choose(first, v, out)
            return out
        if op in ("union", "inter", "diff", "subset"):
            f, g = vs
            if isinstance(f, Abs) or isinstance(g, Abs):
                raise Unsupported("set algebra on a recursive part")
            assert isinstance(f, Fun) and isinstance(g, Fun)
            key = f.key
            a, b = f, g
            if op == "subset":
                return self.forall([key], lambda k: implies(self.truth(a(k)), self.truth(b(k))))
            origin = a.origin if a.origin is not None else b.origin
            if op == "union":
                return Fun(key, BOOL, lambda k: or_(self.truth(a(k)), self.truth(b(k))), origin=origin)
            if op == "inter":
                return Fun(key, BOOL, lambda k: and_(self.truth(a(k)), self.truth(b(k))), origin=origin)
            return Fun(key, BOOL, lambda k: and_(self.truth(a(k)), not_(self.truth(b(k)))), origin=origin)
        if op == "concat":
            x, y = vs
            assert isinstance(x, Term) and isinstance(y, Term)
            return smt.app("sequence.concat", (x, y), INT)
        x, y = vs if len(vs) == 2 else (smt.integer(0), vs[0])
        assert isinstance(x, Term) and isinstance(y, Term)
        if op == "add":
            return smt.add(x, y)
        if op in ("sub", "neg"):
            return smt.sub(x, y)
        if op == "mul":
            return smt.mul(x, y)
        if op == "monus":
            d = smt.sub(x, y)
            return ite(smt.le(x, y), smt.integer(0) if d.sort == INT else smt.real(0), d)
        raise AssertionError(op)

    def _build(self, e: core.Build, env: Env) -> Fun:
        t = self.rep(substitute(e.type, env.types))
        assert isinstance(t, MapT)
        if self.on_build is not None:
            self.on_build(e, env)
        return Fun(t.key, t.value, lambda k: self.eval(e.body, env.bind(**{e.var: k})))

    def _map_literal(self, t: Type, items: tuple[tuple[Expr, Expr], ...], env: Env) -> Fun:
        t = self.rep(t)
        assert isinstance(t, MapT)
        pairs = [(self.eval(k, env), self.eval(v, env)) for k, v in items]
        zero = self.zero(t.value)

        def read(k: Sym) -> Sym:
            out = zero
            for key, value in pairs:
                out = self.choose(self.equal(key, k), value, out)
            return out

        for key, _ in pairs:
            self.logic.ground(self.key_of(t.key), key)
        return Fun(t.key, t.value, read)

    # -- sums and winners ------------------------------------------------------------------------------

    def _sum(self, e: core.Sum | core.Count, m: Sym) -> Term:
        if isinstance(m, Abs):
            raise Unsupported("a sum over a recursive part")
        assert isinstance(m, Fun)
        f = m
        if isinstance(e, core.Count):
            f = Fun(m.key, NAT, lambda k: ite(self.is_zero(m(k)), smt.integer(0), smt.integer(1)))
        sort = REAL if self.rep(f.value) == core.REAL else INT
        total = smt.const(self.logic.name("sum"), sort)
        self._sums.append(_Sum(id(e), f, total))
        return total

    def relate_sums(self) -> None:
        """State what is known of each two sums over one type: their difference is that of finitely many summands.

        Where all other summands agree (or are ordered), so do the sums. The facts are instances of true statements.
        """
        for i, one in enumerate(self._sums[self._related :], self._related):
            zero = smt.integer(0) if one.total.sort == INT else smt.real(0)
            nothing = _Sum(0, Fun(one.body.key, one.body.value, lambda _, z=zero: z), zero)  # type: ignore[misc]
            self._relate(one, nothing)
            self._relate(nothing, one)
            for two in self._sums[:i]:
                if self.key_of(one.body.key) != self.key_of(two.body.key) or one.total.sort != two.total.sort:
                    continue
                self._relate(one, two)
                self._relate(two, one)
        self._related = len(self._sums)

    def _relate(self, one: _Sum, two: _Sum) -> None:
        key = one.body.key
        special = self.logic.ground_values(self.key_of(key), 0)[:12]
        zero = smt.integer(0) if one.total.sort == INT else smt.real(0)
        at_special = zero
        for n, k in enumerate(special):
            first = and_(*(not_(self.equal(k, j)) for j in special[:n]))
            difference = smt.sub(self._number(one.body(k)), self._number(two.body(k)))
            at_special = smt.add(at_special, ite(first, difference, zero))
        k = self.fresh(key, "s")
        elsewhere = and_(*(not_(self.equal(k, j)) for j in special))
        f, g = self._number(one.body(k)), self._number(two.body(k))
        self.logic.ground(self.key_of(key), k, level=1)
        self.logic.fact(or_(and_(elsewhere, smt.lt(g, f)), smt.le(one.total, smt.add(two.total, at_special))))

    @staticmethod
    def _number(v: Sym) -> Term:
        if not isinstance(v, Term):
            raise Unsupported("a sum over abstract parts")
        return v

    def _pick(self, e: core.Pick, env: Env) -> Opt:
        key = (id(e), *((n, id(v)) for n, v in env.vars.items()), *((n, id(v)) for n, v in env.seen.items()))
        found = self._picks.get(key)
        if found is None:
            found = self._picks[key] = (self._picked(e, env), env)
        return found[0]

    def _picked(self, e: core.Pick, env: Env) -> Opt:
        source = self._value(e.source, env)
        if isinstance(source, Abs):
            raise Unsupported("a choice from a recursive part")
        assert isinstance(source, Fun)
        members = source
        winner = self.fresh(members.key, "winner")
        present = smt.const(self.logic.name("some"), smt.BOOL)
        key_name = self.key_of(members.key)
        self.logic.ground(key_name, winner, level=1, origin=members.origin)
        self.logic.fact(implies(present, self.truth(members(winner))))

        def order(x: Sym) -> list[tuple[Sym, bool]]:
            inner = env.bind(**{e.var: x})
            return [*((self.eval(k, inner), desc) for k, desc in e.keys), (x, False)]

        best = order(winner)

        def beaten(x: Sym) -> Term:
            inside = self.truth(members(x))
            if inside is FALSE:
                return TRUE
            pairs = [(a, b, d) for (a, d), (b, _) in zip(best, order(x), strict=True)]
            if e.kind == "least":
                pairs = [(b, a, d) for a, b, d in pairs]
            return implies(inside, and_(present, not_(self._lexicographic(pairs))))

        self.logic.universal([key_name], beaten, origins=(members.origin,))
        return Opt(present, winner)

    def _quantifier(self, e: core.Quant, env: Env) -> Term:
        types, body = self._peeled(e, env)
        every = self.forall(types, lambda *xs: body(*xs), e.var, origins=self._origins(e, env))
        return every if e.kind == "forall" else not_(every)

    def _origins(self, e: core.Quant, env: Env) -> tuple[str | None, ...]:
        """Where the keys that a chain of quantifiers ranges over belong, as far as the first source tells."""
        out: list[str | None] = []
        at: Expr = e
        while isinstance(at, core.Quant) and at.kind == e.kind:
            first = not out and at.source is not None
            source = self._value(at.source, env) if first and at.source is not None else None
            out.append(source.origin if isinstance(source, Fun) else None)
            at = at.body
        return tuple(out)

    def _peeled(self, e: core.Quant, env: Env, *, claim: bool = False) -> tuple[list[Type], Callable[..., Term]]:
        """The types and the body of a chain of quantifiers of one kind; the body of `exists` is negated."""
        chain = [e]
        while isinstance(inner := chain[-1].body, core.Quant) and inner.kind == e.kind:
            chain.append(inner)

        def body(*xs: Sym) -> Term:
            bound, members = env, []
            for q, x in zip(chain, xs, strict=True):
                if q.source is not None:
                    source = self._value(q.source, bound)
                    if not isinstance(source, Fun):
                        raise Unsupported("a quantifier over a recursive part")
                    inside = source(x)
                    members.append(self.truth(inside) if isinstance(inside, Term) else not_(self.is_zero(inside)))
                bound = bound.bind(**{q.var: x})
            inside = and_(*members)
            if inside is FALSE:
                return TRUE
            last = chain[-1].body
            holds = self.claimed(last, bound) if claim else self.holds(last, bound)
            return implies(inside, holds if e.kind == "forall" else not_(holds))

        return [substitute(q.var_type, env.types) for q in chain], body

    def claimed(self, e: Expr, env: Env) -> Term:
        """The truth of a Bool expression that is only to be shown; see `Logic.forall`."""
        match e:
            case core.Quant(kind="forall"):
                types, body = self._peeled(e, env, claim=True)
                return self.forall(types, body, e.var, claim=True, origins=self._origins(e, env))
            case core.Op(_, "and" | "or" as op, args):
                parts = (self.claimed(a, env) for a in args)
                return and_(*parts) if op == "and" else or_(*parts)
            case core.Op(_, "implies", (a, b)):
                return implies(self.holds(a, env), self.claimed(b, env))
            case core.Op(_, "eq", (a, b)) if not isinstance(a, core.Zero) and not isinstance(b, core.Zero):
                return self.equal(self._value(a, env), self._value(b, env), claim=True)
            case core.If(_, condition, then, orelse):
                c = self.holds(condition, env)
                return ite(c, self.claimed(then, env), self.claimed(orelse, env))
            case core.Let(_, name, value, body):
                s = self.state_of(value, env)
                inner = env.bind(**{name: self.eval(value, env)}) if s is None else env.bind_states({name: s})
                return self.claimed(body, inner)
            case _:
                return self.holds(e, env)

    def assume(self, e: Expr, env: Env) -> None:
        """Assert a Bool expression; universal claims are only instantiated, at ground values, and make no witnesses."""
        if isinstance(e, core.Quant) and e.kind == "forall":
            types, body = self._peeled(e, env)
            self.logic.universal([self.key_of(t) for t in types], body, origins=self._origins(e, env))
        elif isinstance(e, core.Op) and e.op == "and":
            for a in e.args:
                self.assume(a, env)
        else:
            self.logic.fact(self.holds(e, env))

    # -- sequences, calls ------------------------------------------------------------------------------

    def _seq_literal(self, e: core.SeqE, items: tuple[Expr, ...], env: Env) -> Term:
        out = smt.const("sequence.empty", INT)
        for i in items:
            name = f"sequence.unit {self.key_of(substitute(i.type, env.types))}"
            unit = smt.app(name, flatten(self.eval(i, env)), INT)
            out = smt.app("sequence.concat", (out, unit), INT)
        return out

    def _seq_op(self, t: Type, op: str, args: list[Sym]) -> Sym:
        flat = tuple([x for a in args for x in flatten(a)])
        return self.symbol(t, f"sequence.{op} {self.key_of(t)}", flat)

    def _call(self, e: core.CallFun, env: Env) -> Sym:
        d = self.program.functions[e.name]
        types = {n: substitute(t, env.types) for n, t in e.type_args}
        args = [self.eval(a, env) for a in e.args]
        if d.recursive:
            names = ",".join(self.key_of(t) for t in types.values())
            flat = tuple([x for a in args for x in flatten(a)])
            return self.symbol(substitute(d.result, types), f"fun.{e.name}[{names}]", flat)
        return self.eval(d.body, Env({n: a for (n, _), a in zip(d.params, args, strict=True)}, {}, types))

    def _query(self, e: core.CallQuery, env: Env) -> Sym:
        s = self.state_of(e.subject, env)
        subject = s.value if s is not None else self.eval(e.subject, env)
        owner = substitute(e.owner, env.types)
        assert isinstance(owner, Named)
        if isinstance(subject, Abs) or self._depth > 12:
            return self._opaque(e, env)
        d = self.program.types[owner.name]
        q = d.query(e.query)
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


__all__ = ["REPLICA", "Context", "Encoder", "Env", "State", "Watch"]
