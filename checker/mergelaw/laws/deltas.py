"""Updates, symbolically: the delta's value, its context, what it forgets, and its footprint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from mergelaw.language import core
from mergelaw.language.core import MapT, Named, RecordT, Type, substitute
from mergelaw.laws import smt
from mergelaw.laws.encode import Context, Encoder, Env, State
from mergelaw.laws.entries import Entries, Entry, Pending, Place
from mergelaw.laws.smt import FALSE, TRUE, Term, and_, not_, or_
from mergelaw.laws.symbolic import Abs, Fun, Sym, Tup, Unsupported, flatten


@dataclass(frozen=True)
class SymbolicDelta:
    """The result of an update on an arbitrary state."""

    value: Sym
    seen: Context
    """The update's dots and what it forgets."""
    forgets: Callable[[Tup], Term]
    """Whether a dot is forgotten (without the update's own dots)."""
    touches: Callable[[Place], Term]
    """Whether a place is in the footprint."""
    requires: Term


class DeltaEncoder:
    """Encodes the updates of one program."""

    def __init__(
        self,
        encoder: Encoder,
        held: Callable[[Sym, Place, Tup], Term],
        born_key: Callable[[Place, Type, Tup], Sym],
        may_live: Callable[[Named, str, int], bool],
    ) -> None:
        """`held(state, place, x)`: dot x is live in the state at or below the place.

        `born_key(place, key type, x)`: the key of the map at the place below which x was born.
        `may_live(owner, update, i)`: whether the update can make the i-th dot it names live.
        """
        self.encoder = encoder
        self._entries = Entries(encoder)
        self._held = held
        self._born_key = born_key
        self._may_live = may_live

    def run(
        self,
        owner: Named,
        update: core.UpdateDef,
        this: State,
        args: Sequence[Sym],
        by: Sym | None,
        dots: Sequence[Tup],
        when: Sym | None,
        identity: Sequence[Tup],
        whole: _Whole | None = None,
    ) -> SymbolicDelta:
        """The delta of `update` at `this`. `dots` are the dots it names, `identity` all it takes.

        `whole` tells of which state `this` is a part, for the update of a part.
        """
        enc = self.encoder
        variables: dict[str, Sym] = {"this": this.value}
        variables.update({n: a for (n, _), a in zip(update.params, args, strict=True)})
        if update.by is not None and by is not None:
            variables[update.by] = by
        variables.update(zip(update.at, dots, strict=True))
        if update.when is not None and when is not None:
            variables[update.when] = when
        # What the updates of parts are handed on.
        variables.update({n: v for n, v in (("%by", by), ("%when", when)) if v is not None})
        name = whole.context if whole is not None else enc.logic.name("delta.seen")
        top = whole if whole is not None else _Whole(this.value, (), name)
        env = Env(variables, {"this": this.seen}, enc.type_env(owner))
        entries: list[Entry] = []
        forgets: list[Callable[[Tup], Term]] = []
        collector = _Collector(self, owner, this, top, entries, forgets)
        collector.collect(update.body, TRUE, env, ())
        value = self._entries.value(owner, entries)
        own = tuple(identity)

        def forgotten(x: Tup) -> Term:
            return or_(*(f(x) for f in forgets))

        members: dict[tuple[Term, ...], Term] = {}

        def has(x: Tup) -> Term:
            key = flatten(x)
            found = members.get(key)
            if found is None:
                found = members[key] = or_(*[enc.equal(x, d) for d in own], forgotten(x))
            return found

        seen = enc.derived_context(name, has) if whole is None else Context(has, frozenset([name]))
        requires = TRUE if update.requires is None else enc.holds(update.requires, env)
        return SymbolicDelta(value, seen, forgotten, lambda p: self._entries.touched(owner, entries, p), requires)

    def abstract_update(self, owner: Named, update: str, part: Abs, dots: Sequence[Tup], context: str) -> SymbolicDelta:
        """Any update of an abstract part.

        What it forgets is live in the part, and what is live in its delta is forgotten too or one of its dots: this
        much is proved of each update of each type (obligations `fresh` and `live dots are seen`).
        """
        enc = self.encoder
        name = enc.logic.name(f"{part.kind}.delta")
        able = [d for i, d in enumerate(dots) if self._may_live(owner, update, i)]

        def forgets(x: Tup) -> Term:
            return and_(smt.app(f"{name}.forgets", flatten(x), smt.BOOL), part.live(x))

        def new(x: Tup) -> Term:
            return or_(*(enc.equal(x, d) for d in dots))

        def live(x: Tup) -> Term:
            mine = or_(forgets(x), *(enc.equal(x, d) for d in able))
            return and_(smt.app(f"{name}.live", flatten(x), smt.BOOL), mine)

        seen = Context(lambda x: or_(new(x), forgets(x)), frozenset([context]))
        value = Abs(
            part.kind,
            part.lattice,
            lambda o: smt.app(f"{name}.obs", (o,), smt.BOOL),
            live,
            frozenset() if part.lattice else seen.atoms,
        )
        return SymbolicDelta(value, seen, forgets, lambda _: TRUE, TRUE)

    def find(self, path: core.Path, value: Sym, env: Env, owner: Named) -> tuple[Type, Sym]:
        """Type and value at `path` in `value`."""
        enc = self.encoder
        t: Type = owner
        for step in path.steps:
            t = enc.rep(t)
            if isinstance(value, Abs):
                raise Unsupported("a path into a recursive part")
            if isinstance(step, str):
                assert isinstance(t, RecordT) and isinstance(value, Tup)
                n = t.position(step)
                value, t = value.items[n], t.fields[n][1]
            else:
                assert isinstance(t, MapT) and isinstance(value, Fun)
                key = enc.eval(step, env)
                value, t = value(key), t.value
        return t, value


@dataclass(frozen=True)
class _Whole:
    """The state that an update, or the update of a part of it, starts from."""

    value: Sym
    place: Place
    """Where the part is in it."""
    context: str
    """Name of the context of the whole delta."""


def _is_keys_of(source: core.Expr, steps: tuple[core.Step, ...]) -> bool:
    """Whether `source` is `keys(this.steps)`."""
    if not isinstance(source, core.Keys):
        return False
    at: core.Expr = source.subject
    for step in reversed(steps):
        if (
            isinstance(step, str)
            and isinstance(at, core.Get)
            and at.name == step
            or isinstance(at, core.At)
            and at.key == step
        ):
            at = at.subject
        else:
            return False
    return at == core.Var(at.type, "this")


def remembered(value: Callable[[Env], Sym], pending: Pending) -> Callable[[Env], Sym]:
    """`value`, computed once for each binding of the pending variables: each computation makes new witnesses."""
    memo: dict[tuple[int, ...], Sym] = {}

    def once(env: Env) -> Sym:
        key = tuple(t.uid for v, _, _ in pending for t in flatten(env.vars[v]))
        found = memo.get(key)
        if found is None:
            found = memo[key] = value(env)
        return found

    return once


@dataclass(frozen=True)
class _Collector:
    """Walks the body of one update."""

    deltas: DeltaEncoder
    owner: Named
    this: State
    whole: _Whole
    entries: list[Entry]
    forgets: list[Callable[[Tup], Term]]
    sources: dict[str, core.Expr] = field(default_factory=dict)
    """What the variables of `each` range over."""

    def collect(self, d: core.Delta, guard: Term, env: Env, pending: Pending) -> None:
        """Take up what `d` says under `guard`."""
        enc = self.deltas.encoder
        match d:
            case core.Block(block):
                for e in block:
                    self._entry(e, guard, env, pending)
            case core.IfDelta(condition, then, orelse):
                c = enc.holds(condition, env)
                self.collect(then, and_(guard, c), env, pending)
                self.collect(orelse, and_(guard, not_(c)), env, pending)
            case core.LetDelta(name, value, body):
                self.collect(body, guard, env.bind(**{name: enc.eval(value, env)}), pending)
            case core.MatchDelta(subject, cases):
                v = enc.eval(subject, env)
                rest = guard
                for pattern, body in cases:
                    bound: dict[str, Sym] = {}
                    c = enc.matches(pattern, v, bound)
                    self.collect(body, and_(rest, c), env.bind(**bound), pending)
                    rest = and_(rest, not_(c))
            case _:
                raise Unsupported(f"no encoding of {type(d).__name__}")

    def _entry(self, e: core.Entry, guard: Term, env: Env, pending: Pending) -> None:
        if guard is FALSE:
            return
        enc = self.deltas.encoder
        match e:
            case core.Assign(path, value):
                self._add(guard, env, pending, path, value=lambda n: enc.eval(value, n))
            case core.Forget(path):
                self._add(guard, env, pending, path, held=lambda n: self._find(path, n)[1])
                self._forget(
                    guard, env, pending, path, lambda n, place, x: self.deltas._held(self.whole.value, place, x)
                )
            case core.ForgetDots(dots):
                self._forget_dots(guard, env, pending, dots)
            case core.Each(var, var_type, source, inner):
                s = enc.eval(source, env)
                if not isinstance(s, Fun):
                    raise Unsupported("`each` over a recursive part")
                self.sources[var] = source
                for i in inner:
                    self._entry(i, guard, env, (*pending, (var, substitute(var_type, env.types), s)))
            case core.PartUpdate():
                self._part(e, guard, env, pending)
            case _:
                raise Unsupported(f"no encoding of {type(e).__name__}")

    def _add(
        self,
        guard: Term,
        env: Env,
        pending: Pending,
        path: core.Path,
        *,
        value: Callable[[Env], Sym] | None = None,
        held: Callable[[Env], Sym] | None = None,
        inner: Callable[[Env, Place], Term] | None = None,
    ) -> None:
        once = None if value is None else remembered(value, pending)
        self.entries.append(Entry(guard, env, pending, path.steps, once, held, inner))

    def _find(self, path: core.Path, env: Env) -> tuple[Type, Sym]:
        return self.deltas.find(path, self.this.value, env, self.owner)

    def _part(self, e: core.PartUpdate, guard: Term, env: Env, pending: Pending) -> None:
        enc = self.deltas.encoder
        memo: dict[tuple[int, ...], SymbolicDelta] = {}
        kept: list[Sym] = []

        def delta(n: Env) -> SymbolicDelta:
            bound = [n.vars[v] for v, _, _ in pending]
            key = tuple(t.uid for b in bound for t in flatten(b))
            found = memo.get(key)
            if found is None:
                part, inner = self._find(e.path, n)
                dots = [d for name in e.dots if isinstance(d := n.vars[name], Tup)]
                if isinstance(inner, Abs):
                    owner = substitute(e.owner, n.types)
                    assert isinstance(owner, Named)
                    found = self.deltas.abstract_update(owner, e.update, inner, dots, self.whole.context)
                else:
                    assert isinstance(part, Named)
                    update = enc.program.types[part.name].update(e.update)
                    args = [enc.eval(a, n) for a in e.args]
                    by, when = n.vars.get("%by"), n.vars.get("%when")
                    place = (*self.whole.place, *self._place(e.path, n))
                    whole = replace(self.whole, place=place)
                    state = State(inner, self.this.seen)
                    found = self.deltas.run(part, update, state, args, by, dots, when, (), whole)
                memo[key] = found
                kept.extend(bound)
            return found

        self._add(
            guard,
            env,
            pending,
            e.path,
            value=lambda n: delta(n).value,
            inner=lambda n, p: delta(n).touches(p),
        )
        self._forget(guard, env, pending, e.path, lambda n, _, x: delta(n).forgets(x))

    def _place(self, path: core.Path, env: Env) -> Place:
        return tuple(s if isinstance(s, str) else self.deltas.encoder.eval(s, env) for s in path.steps)

    def _forget(
        self,
        guard: Term,
        env: Env,
        pending: Pending,
        path: core.Path,
        holds: Callable[[Env, Place, Tup], Term],
    ) -> None:
        """Forgets the dots of which `holds` is true, given the place; an `each` variable is where the dot was born."""
        enc = self.deltas.encoder
        memo: dict[tuple[int, ...], Term] = {}
        free = {v for v, _, _ in pending} - {s.name for s in path.steps if isinstance(s, core.Var)}
        if free:
            raise Unsupported("an `each` whose variable is not a key of its path")

        def forgotten(x: Tup) -> Term:
            key = tuple(t.uid for t in flatten(x))
            found = memo.get(key)
            if found is not None:
                return found
            inner, place, members = env, self.whole.place, [guard]
            for n, step in enumerate(path.steps):
                if isinstance(step, str):
                    place = (*place, step)
                    continue
                each = next(((t, s) for v, t, s in pending if isinstance(step, core.Var) and v == step.name), None)
                if each is not None and isinstance(step, core.Var) and step.name not in inner.vars:
                    k = self.deltas._born_key(place, each[0], x)
                    inner = inner.bind(**{step.name: k})
                    # What is live below a key makes it one of the keys.
                    if not _is_keys_of(self.sources[step.name], path.steps[:n]):
                        members.append(enc.truth(each[1](k)))
                place = (*place, enc.eval(step, inner))
            found = memo[key] = and_(*members, holds(inner, place, x))
            return found

        self.forgets.append(forgotten)

    def _forget_dots(self, guard: Term, env: Env, pending: Pending, dots: core.Expr) -> None:
        enc = self.deltas.encoder

        def forgotten(x: Tup) -> Term:
            inner, members = env, [guard]
            if pending:
                named = [k for k, _ in dots.items] if isinstance(dots, core.MapE) else []
                for v, t, s in pending:
                    if t != core.DOT or not any(isinstance(k, core.Var) and k.name == v for k in named):
                        raise Unsupported("`forget` of dots that the variable of `each` does not name")
                    inner = inner.bind(**{v: x})
                    members.append(enc.truth(s(x)))
            found = enc.eval(dots, inner)
            assert isinstance(found, Fun)
            return and_(*members, enc.truth(found(x)))

        self.forgets.append(forgotten)
