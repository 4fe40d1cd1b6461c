"""The states that an obligation speaks of, and what is known of them because of how the system works.

Three facts hold of all states of one system, and each is an obligation of its own: a live dot has been seen; a dot
lives in one place (`born`, a ghost function of dots, says in which); fresh dots are new. Declared invariants and
relations are added on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from mergelaw.language import core
from mergelaw.language.core import DOT, MapT, Named, ParamT, Program, Property, RecordT, TupleT, Type
from mergelaw.laws import smt
from mergelaw.laws.deltas import DeltaEncoder, SymbolicDelta
from mergelaw.laws.encode import Context, Encoder, Env, State
from mergelaw.laws.entries import Place
from mergelaw.laws.memo import per_program
from mergelaw.laws.places import Part, dot_places, properties
from mergelaw.laws.smt import FALSE, INT, TRUE, Term, and_, eq, implies, not_, or_
from mergelaw.laws.symbolic import Abs, Logic, Sym, Tup, flatten, nonzero_part
from mergelaw.laws.unroll import unrolled

BORN = "born:"
"""Prefix of the ghost functions from a dot to the keys of its place."""


Fire = Callable[[tuple[Sym, ...]], None]
"""States a fact about a part, given the keys that lead to it."""


class Scene:
    """Builds the states and updates of one obligation about the declared type `name`."""

    def __init__(
        self, program: Program, name: str, *, declared: bool, max_level: int = 1, unroll: bool = False
    ) -> None:
        """With `declared`, the type's own invariants and relations are assumed of its states from the start.

        With `unroll`, a recursive type is unfolded once inside itself.
        """
        program = unrolled(program, name, once=unroll)
        self.program = program
        self.definition = program.types[name]
        self.type = self.definition.self_type
        self.logic = Logic(max_level=max_level)
        self.enc = Encoder(program, self.logic)
        self.deltas = DeltaEncoder(
            self.enc, self.held, self.born_key, lambda owner, update, i: may_live(program, owner.name, update, i)
        )
        self.declared = declared
        self.dot_places = dot_places(self.enc, self.type)
        self.properties = properties(self.enc, self.type)
        self.uses: dict[str, None] = {}
        self.entries_told = False
        """State of each live dot that the entries around it are not zero: needed to see which entries a merge drops."""
        self.piece: int | None = None
        """Of a claim about every leaf: the number of the one leaf that it is about."""
        self._fresh: list[Tup] = []
        self._taken: list[tuple[Tup, int]] = []
        self._known: set[int] = set()
        self._watched: dict[str, list[tuple[Part, Fire]]] = {}
        self._supposed: list[Callable[[], None]] = []
        self._reads: dict[str, list[tuple[str, tuple[Sym, ...], int]]] = {}
        """Until `declare`: the reads of maps, by state: path, keys, level."""

    # -- states ------------------------------------------------------------------------------------

    def state(self, label: str, *, existing: bool = True) -> State:
        """An arbitrary state; one that exists already holds no fresh dot."""
        places: dict[tuple[str, int], list[Part]] = {}
        loose: list[Part] = []
        for p in self.dot_places:
            path = ".".join([label, *(s for s in p.steps if isinstance(s, str))])
            rep = self.enc.rep(p.type)
            if isinstance(rep, MapT) and rep.key == DOT:
                places.setdefault((path, len(p.keys) + 1), []).append(p)
            elif isinstance(rep, ParamT):
                places.setdefault((f"{path}#live", len(p.keys) + 1), []).append(p)
            else:
                loose.append(p)
        told: set[tuple[int, ...]] = set()

        def has(x: Tup) -> Term:
            t = smt.app(f"{label}.seen", flatten(x), smt.BOOL)
            if existing and t is not FALSE:
                self._once(t, lambda: self._old(t, x))
            return t

        seen = Context(has, frozenset([f"{label}.seen"]))
        self.enc.contexts[f"{label}.seen"] = seen
        holder: list[State] = []

        def watch(path: str, keys: tuple[Sym, ...], types: tuple[Type, ...], value: Sym) -> None:
            for p in places.get((path, len(keys)), ()):
                once = (id(p), *(t.uid for k in keys for t in flatten(k)))
                if once not in told:
                    told.add(once)
                    self.logic.later(partial(self._place_facts, p, holder[0], keys[:-1], keys[-1]))
            if not self.declared:
                self._reads.setdefault(label, []).append((path, keys, self.logic.level))
            for part, fire in self._watched.get(label, ()):
                _fire(part, fire, label, path, keys)
            if existing:
                for x in dots_in(types[-1], keys[-1]):
                    self.logic.later(partial(self._old, nonzero_part(value), x))

        value = self.enc.symbol(self.type, label, seen=seen, watch=watch)
        s = State(value, seen, label)
        holder.append(s)
        for p in loose:
            types = [self.enc.key_of(k) for k in (*p.keys, DOT)]
            self.logic.universal(types, lambda *ks, p=p: self._place_fact(p, s, ks[:-1], ks[-1]))
        self._suppose(lambda: self.assume_invariants(s))
        return s

    def _once(self, t: Term, action: Callable[[], None]) -> None:
        if t.uid not in self._known:
            self._known.add(t.uid)
            self.logic.later(action)

    def _place_facts(self, p: Part, s: State, keys: tuple[Sym, ...], x: Sym) -> None:
        self.logic.fact(self._place_fact(p, s, keys, x))

    def _place_fact(self, p: Part, s: State, keys: tuple[Sym, ...], x: Sym) -> Term:
        assert isinstance(x, Tup)
        live = self.live_at(p, s.value, keys, x)
        if live is FALSE:
            return TRUE
        known = [s.seen.has(x), self.born(p, keys, x)]
        if self.entries_told:
            # Zero has no live dots, so neither the part nor the entries around it are zero.
            at = p.read(s.value, keys)
            if isinstance(at, Abs):
                known.append(not_(self.enc.is_zero(at)))
            for n in p.drops:
                entry = Part(p.steps[:n], p.type, p.positions[:n])
                # Not for keys of keys, and so on without end.
                if not flatten(x)[0].name.startswith(BORN):
                    self.logic.ground(self.enc.key_of(entry.keys[-1]), keys[len(entry.keys) - 1], level=1)
                known.append(not_(self.enc.is_zero(entry.read(s.value, keys[: len(entry.keys)]))))
        return implies(live, and_(*known))

    def live_at(self, p: Part, value: Sym, keys: tuple[Sym, ...], x: Tup) -> Term:
        """Whether dot `x` is live in `value` at a place that holds dots of its own."""
        at = p.read(value, keys)
        if isinstance(at, Abs):
            return at.live(x)
        assert isinstance(p.type, Named)
        return self.enc.own_live(p.type, at, x)

    def born(self, p: Part, keys: tuple[Sym, ...], x: Tup) -> Term:
        """That `x` was born at `p`, at `keys`; the place of birth is a ghost function of dots."""
        n = self.dot_places.index(p)
        out = [eq(smt.app("born", flatten(x), INT), smt.integer(n))]
        rest = list(keys)
        for i, s in enumerate(p.steps):
            if not isinstance(s, str):
                out.append(self.enc.equal(self._born_key(_label(p.steps[: i + 1]), s, x), rest.pop(0)))
        return and_(*out)

    def _born_key(self, label: str, t: Type, x: Tup) -> Sym:
        return self.enc.symbol(t, f"{BORN}{label}", flatten(x))

    def born_key(self, place: Place, t: Type, x: Tup) -> Sym:
        """The key, in the map at `place`, below which `x` was born."""
        return self._born_key(_label((*(s if isinstance(s, str) else t for s in place), t)), t, x)

    def held(self, value: Sym, place: Place, x: Tup) -> Term:
        """Whether dot `x` is live in the state `value` at or below `place`: where it was born, if anywhere."""
        out = []
        for p in self.dot_places:
            if len(p.steps) < len(place):
                continue
            keys: list[Sym] = []
            for i, s in enumerate(p.steps):
                at = place[i] if i < len(place) else None
                if isinstance(s, str):
                    if at is not None and at != s:
                        break
                elif at is None:
                    keys.append(self._born_key(_label(p.steps[: i + 1]), s, x))
                else:
                    assert not isinstance(at, str)
                    keys.append(at)
            else:
                out.append(self.live_at(p, value, tuple(keys), x))
        return or_(*out)

    def _old(self, present: Term, x: Tup) -> None:
        for d in self._fresh:
            self.logic.fact(implies(present, self.older(x, d)))

    @staticmethod
    def older(x: Tup, d: Tup) -> Term:
        """That dot `x` is not of d's replica, or of a smaller number."""
        (xr, xn), (dr, dn) = flatten(x), flatten(d)
        return or_(not_(eq(xr, dr)), smt.lt(xn, dn))

    def grown(self, s: State, label: str) -> State:
        """`s` under its context and an arbitrary further one."""
        return State(s.value, s.seen.union(self.enc.context(label)))

    def zero(self, seen: Context) -> State:
        """The zero under a context."""
        return State(self.enc.zero(self.type), seen)

    def empty(self) -> Context:
        """The empty context."""
        return Context(lambda _: FALSE, frozenset())

    def merge(self, a: State, b: State) -> State:
        """The merge of two states."""
        return State(self.enc.merge(self.type, a.value, a.seen, b.value, b.seen), a.seen.union(b.seen))

    # -- declared properties -------------------------------------------------------------------------

    def evaluate(self, part: Part, prop: Property, states: Sequence[State], replica: Sym | None) -> Term:
        """The property at an arbitrary instance of its part, to be shown."""

        def at(*keys: Sym) -> Term:
            return self._at(part, prop, states, replica, keys)

        return self.enc.forall(part.keys, at, "k", claim=True)

    def _at(
        self, part: Part, prop: Property, states: Sequence[State], replica: Sym | None, keys: tuple[Sym, ...]
    ) -> Term:
        return self.enc.claimed(prop.body, self._env(part, prop, states, replica, keys))

    def _env(
        self, part: Part, prop: Property, states: Sequence[State], replica: Sym | None, keys: tuple[Sym, ...]
    ) -> Env:
        assert isinstance(part.type, Named)
        bound = {n: State(part.read(s.value, keys), s.seen) for n, s in zip(prop.states, states, strict=True)}
        env = Env(types=self.enc.type_env(part.type)).bind_states(bound)
        if prop.replica is not None:
            assert replica is not None
            env = env.bind(**{prop.replica: replica})
        return env

    def declare(self) -> None:
        """From now on what the type declares is assumed, of the states made before too."""
        self.declared = True
        for suppose in self._supposed:
            suppose()
        self._supposed.clear()
        self._reads.clear()

    def _suppose(self, suppose: Callable[[], None]) -> None:
        if self.declared:
            suppose()
        else:
            self._supposed.append(suppose)

    def _assume(self, part: Part, prop: Property, states: Sequence[State], replica: Sym | None) -> None:
        self.uses[prop.name] = None
        if not part.keys:
            self.enc.assume(prop.body, self._env(part, prop, states, replica, ()))
            return
        done: set[tuple[int, ...]] = set()

        def fire(keys: tuple[Sym, ...]) -> None:
            once = tuple(t.uid for k in keys for t in flatten(k))
            if once not in done:
                done.add(once)
                self.logic.later(lambda: self.enc.assume(prop.body, self._env(part, prop, states, replica, keys)))

        labels = [s.label for s in states]
        if any(n is None for n in labels):
            self.logic.universal([self.enc.key_of(k) for k in part.keys], lambda *ks: negate(fire, ks))
        for n in labels:
            if n is not None:
                self._watched.setdefault(n, []).append((part, fire))
                for path, keys, level in self._reads.get(n, ()):
                    self.logic.level = level
                    _fire(part, fire, n, path, keys)
                self.logic.level = 0

    def assume_invariants(self, s: State) -> None:
        """All declared invariants of `s`."""
        for part, prop in self.properties:
            if prop.kind == "invariant":
                self._assume(part, prop, [s], None)

    def assume_compatible(self, a: State, b: State) -> None:
        """All declared relations between two states of one system, both ways."""
        for part, prop in self.properties:
            if prop.kind == "compatible":
                self._suppose(partial(self._assume, part, prop, [a, b], None))
                if a is not b:
                    self._suppose(partial(self._assume, part, prop, [b, a], None))

    def assume_home(self, replica: Sym, mine: State, other: State) -> None:
        """All declared relations between the state that a replica holds and another one."""
        for part, prop in self.properties:
            if prop.kind == "home":
                self._suppose(partial(self._assume, part, prop, [mine, other], replica))

    # -- updates -----------------------------------------------------------------------------------

    def replica(self, name: str = "r") -> Term:
        """An arbitrary replica."""
        r = smt.const(self.logic.name(name), INT)
        self.logic.ground("Replica", r)
        return r

    def fresh_dots(self, replica: Term, count: int) -> tuple[Tup, ...]:
        """Consecutive dots of a replica that occur in no existing state, greater than all of its dots there."""
        first = smt.const(self.logic.name("d"), INT)
        self.logic.fact(smt.le(smt.integer(1), first))
        dots = tuple(Tup((replica, smt.add(first, smt.integer(i)))) for i in range(count))
        for earlier, size in self._taken:
            same = eq(_replica(earlier), replica)
            self.logic.fact(or_(not_(same), smt.lt(smt.add(_number(earlier), smt.integer(size - 1)), first)))
        self._taken.append((dots[0], count))
        self._fresh.append(dots[0])
        for d in dots:
            self.logic.ground("Dot", d)
        return dots

    def births(self, delta: SymbolicDelta, count: int) -> None:
        """The last update's dots were born where its delta has them: the ghost may be so chosen, as they are new."""
        first = self.newest()
        for i in range(count):
            d = Tup((first.items[0], smt.add(_number(first), smt.integer(i))))
            for p in self.dot_places:
                if self.live_at(p, delta.value, tuple(self.enc.fresh(k, "k") for k in p.keys), d) is FALSE:
                    continue
                if not p.keys:
                    self.logic.fact(implies(self.live_at(p, delta.value, (), d), self.born(p, (), d)))
                    continue
                types = [self.enc.key_of(k) for k in p.keys]
                self.logic.universal(
                    types,
                    lambda *ks, p=p, d=d: implies(self.live_at(p, delta.value, ks, d), self.born(p, ks, d)),
                )

    def newest(self) -> Tup:
        """The first of the dots that the last update took."""
        return self._fresh[-1]

    def known_dot(self, x: Tup) -> None:
        """`x` is a dot that exists already."""
        self.logic.later(lambda: self._old(TRUE, x))

    def argument(self, t: Type, name: str) -> Sym:
        """An arbitrary argument of an update, query or theorem."""
        v = self.enc.symbol(t, self.logic.name(name))
        if not isinstance(self.enc.rep(t), MapT | RecordT) and not isinstance(v, Abs):
            self.logic.ground(self.enc.key_of(t), v)
        for x in dots_in(t, v):
            self.known_dot(x)
        return v

    def update(
        self, update: core.UpdateDef, this: State, args: Sequence[Sym], by: Term, when: Sym | None = None
    ) -> SymbolicDelta:
        """The delta of an update by replica `by`, which holds `this`, with fresh dots."""
        dots = self.fresh_dots(by, max(1, len(update.at)))
        if when is None:
            when = self.enc.fresh(core.TIME, "now")
        return self.deltas.run(self.type, update, this, args, by, dots[: len(update.at)], when, identity=dots)

    def arguments(self, update: core.UpdateDef) -> list[Sym]:
        """Arbitrary arguments of an update."""
        return [self.argument(t, n) for n, t in update.params]


def _fire(part: Part, fire: Fire, label: str, path: str, keys: tuple[Sym, ...]) -> None:
    """States what is known of `part` where the map at `path` was read at or below it."""
    n = len(part.keys)
    where = ".".join([label, *(s for s in part.steps if isinstance(s, str))])
    inside = n <= len(keys) and (path == where or path.startswith((f"{where}.", f"{where}#")))
    if inside or (n == len(keys) and where.startswith(f"{path}.")):
        fire(keys[:n])


def negate(fire: Fire, keys: tuple[Sym, ...]) -> Term:
    """State the fact for these keys; nothing else to say."""
    fire(keys)
    return TRUE


def _label(steps: Sequence[str | Type]) -> str:
    return Part(tuple(steps), DOT).label()


@per_program
def may_live(program: Program, owner: str, update: str, i: int) -> bool:
    """Whether the update can make the i-th dot that it names live, as far as its text tells."""
    with smt.aside():
        scene = Scene(program, owner, declared=False)
        definition = scene.definition.update(update)
        d = scene.update(definition, scene.state("this"), scene.arguments(definition), scene.replica())
        first = scene.newest()
        dot = Tup((first.items[0], smt.add(_number(first), smt.integer(i))))
        for p in scene.dot_places:
            keys = tuple(scene.enc.fresh(k, "k") for k in p.keys)
            if scene.live_at(p, d.value, keys, dot) is not FALSE:
                return True
        return False


def _replica(d: Tup) -> Term:
    return flatten(d)[0]


def _number(d: Tup) -> Term:
    return flatten(d)[1]


def dots_in(t: Type, v: Sym) -> list[Tup]:
    """The dots that a value of `t` always holds (in tuples and records)."""
    if t == DOT:
        assert isinstance(v, Tup)
        return [v]
    if isinstance(t, TupleT) and isinstance(v, Tup):
        return [d for i, x in zip(t.items, v.items, strict=True) for d in dots_in(i, x)]
    if isinstance(t, RecordT) and isinstance(v, Tup):
        return [d for (_, i), x in zip(t.fields, v.items, strict=True) for d in dots_in(i, x)]
    return []
