"""The compiler agrees with the interpreter: same states, deltas, answers and refusals, in any history."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from immutables import Map

from mergelaw.language import check_text, core
from mergelaw.language.core import BOOL, DOT, NAT, REAL, REPLICA, TEXT, TIME, Named, Program, Type
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import EMPTY, CausalContext, Dot
from mergelaw.semantics.engine import Delta, Engine, UpdateRefused, union
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.library import library
from mergelaw.semantics.types import load
from mergelaw.semantics.values import Raw, make_map

REPLICAS = (1, 2, 3)

SPECS = """
// The dots of one element.
store DotSet {
  state Set[Dot]
  merge(a, b) = (a & b) | (a - b.seen) | (b - a.seen)
  dots = this
}

store ORSet[E: Ordered] {
  state { adds: Map[E, DotSet] }
  update add(e: E) by r at d = { adds[e] = {d} } forgetting adds[e]
  update remove(e: E) = { forget adds[e] }
  update clear = { each e in keys(adds): { forget adds[e] } }
  update move(e: E, f: E) at d requires e != f and adds[e] != {} = { adds[f] = {d}, forget adds[e] }
  query contains(e: E): Bool = adds[e] != {}
  query members: Set[E] = { e where adds[e] != {} }
  query size: Nat = count(members)
  query first: Option[E] = least(e in members)
  query stale: Bool = exists e in keys(adds): forall d in adds[e]: d in seen
  query as_if(e: E, f: E): Set[E] = (if contains(e) then this else {}).without(f)
  query without(e: E): Set[E] = members - {e}
  invariant seen_dots: forall e in keys(adds): forall d in adds[e]: d in seen
  compatible stale(x, y): x.stale and y.stale => x.size == y.size
  compatible one_place(x, y): forall e in keys(x.adds), f in keys(y.adds): e == f or x.adds[e] & y.adds[f] == {}
}

type GCounter {
  state { counts: Map[Replica, Nat] }
  merge(a, b) = { counts = { r -> max(a.counts[r], b.counts[r]) } }
  update inc(n: Nat) by r = { counts[r] = counts[r] + n }
  query value: Nat = sum(counts)
  query above(n: Nat): Nat = sum({ r -> monus(counts[r], n) })
  compatible sums(x, y): merge(x, y).value <= x.value + y.value
  home own(p, mine, other): other.counts[p] <= mine.counts[p]
}

// One counter for each key; what is under an alias of a record is merged field by field.
type Tally[K: Ordered] {
  state { total: GCounter, by_key: Map[K, { up: GCounter, down: GCounter }] }
  update raise(k: K, n: Nat) = { total.inc(n), by_key[k].up.inc(n) }
  update lower(k: K, n: Nat) = { by_key[k].down.inc(n) }
  update raise_all(ks: Set[K], n: Nat) = { each k in ks: { by_key[k].up.inc(n) }, total.inc(n * count(ks)) }
  query of(k: K): Int = by_key[k].up.value - by_key[k].down.value
  query top: Option[K] = greatest(k in keys(by_key) by by_key[k].up.value, desc by_key[k].down.value)
  query ranking: Seq[K] = [k for k in keys(by_key) by desc by_key[k].up.value where 0 < by_key[k].up.value]
  query both: Set[K] = { k where by_key[k].up != {} } & { k where by_key[k].down != {} }
}

// What stands under each dot goes with it, and merges by itself while it stays.
store DotMap[S: Store] {
  state Map[Dot, { here: Bool, part: S }]
  merge(a, b) = { d ->
    if d in a.seen and not a[d].here or d in b.seen and not b[d].here then {}
    else { here = a[d].here or b[d].here, part = merge(a[d].part, b[d].part) } }
  dots = keys(this)
  update open at d = { this[d].here = true }
  query opened: Set[Dot] = { d where this[d].here }
}

enum Mark { blank, named(name: Text), pair(left: Nat, right: Option[Nat]) }

store Board {
  state { sets: DotMap[ORSet[Text]], marks: Map[Text, Map[Dot, DotSet]], highest: Highest }
  update start(e: Text) at d, x =
    { sets[d].here = true, sets[d].part.add(e) at x, highest.see(named(e)) }
  update put(at_dot: Dot, e: Text) at x requires sets[at_dot].here =
    { sets[at_dot].here = true, sets[at_dot].part.add(e) at x, forget {at_dot} }
  update drop(at_dot: Dot) requires sets[at_dot].here = { forget {at_dot}, sets[at_dot] = {} }
  update mark(e: Text, of: Dot) at d = { marks[e][of] = {d} } forgetting marks[e][of]
  update unmark(e: Text) = { forget marks[e] }
  update see(m: Mark) = match m { named(n) => if n == "" then {} else { highest.see(m) }, pair(x, _) =>
    let twice = x + x in { highest.see(pair(twice, some(x))) }, blank => {} }
  query anywhere(e: Text): Bool = exists d in keys(sets): sets[d].part.contains(e)
  query marked: Set[Text] = keys(marks)
  query texts: Seq[Text] = [e for e in keys(marks) by desc anywhere(e) where e != ""]
  query seen_marks: Nat = count({ e where exists d in keys(marks[e]): d in seen })
  query high: Mark = highest
  query has(e: Text): Bool =
    match least(d in keys(sets) by desc d.number) { some(d) => sets[d].part.contains(e), none => false }
}

type Highest {
  state Mark
  merge(a, b) = max(a, b)
  update see(m: Mark) = m
}

// A value counts only under the newest epoch; the epochs are a vector.
store Guarded[S: Store] {
  state { epoch: Map[Replica, Nat], value: S }
  merge(a, b) =
    let epoch = { r -> max(a.epoch[r], b.epoch[r]) } in
    { epoch = epoch, value = merge(if a.epoch == epoch then a.value else {}, if b.epoch == epoch then b.value else {}) }
  update reset by r at d = { epoch[r] = d.number }
}

store GuardedSet {
  state { inner: Guarded[ORSet[Text]] }
  update add(e: Text) at d = { inner.epoch = inner.epoch, inner.value.add(e) at d }
  update remove(e: Text) = { inner.epoch = inner.epoch, inner.value.remove(e) }
  update restart at d = { inner.reset() at d }
  query members: Set[Text] = inner.value.members
}

type Longest {
  state Seq[Nat]
  merge(a, b) = if length(a) < length(b) or length(a) == length(b) and a < b then b else a
  update push(n: Nat) = this ++ [n, n + 1]
  update replace(s: Seq[Nat]) requires starts_with(s, first_two(this)) = s
  query ends: (Option[Nat], Option[Nat]) = (first(this), last(this))
  query middle: Seq[Nat] = rest(init(this))
  query halved: Seq[Nat] = [half(n) for n in this where 0 < n]
}

fun first_two(s: Seq[Nat]): Seq[Nat] = match first(s) { some(x) => [x], none => [] }
fun half(n: Nat): Nat = if n < 2 then 0 else 1 + half(monus(n, 2))
"""


# -- what is run ---------------------------------------------------------------------------------------


@cache
def inline() -> Program:
    """The specs above."""
    return check_text(SPECS, "<inline>")


INLINE = {
    "ORSet": Named("ORSet", (TEXT,)),
    "GCounter": Named("GCounter"),
    "Tally": Named("Tally", (core.OptionType(NAT),)),
    "Board": Named("Board"),
    "GuardedSet": Named("GuardedSet"),
    "Longest": Named("Longest"),
    "DotMap": Named("DotMap", (core.RecordT((("set", Named("ORSet", (TEXT,))), ("count", Named("GCounter")))),)),
}


# -- drawing values ------------------------------------------------------------------------------------


class Values:
    """Strategies by type; dots come from those that have been taken."""

    def __init__(self, program: Program, dots: Iterable[Dot]) -> None:
        self.program = program
        self.dots = sorted(dots) or [(1, 1)]

    def of(self, t: Type, depth: int = 2) -> st.SearchStrategy[Raw]:
        """Values of `t`, small ones."""
        if t == BOOL:
            return st.booleans()
        if t in (NAT, TIME):
            return st.integers(0, 4)
        if t == core.INT:
            return st.integers(-3, 3)
        if t == REAL:
            return st.integers(-6, 6).map(lambda n: Fraction(n, 2))
        if t == TEXT:
            return st.sampled_from(["x", ""])
        if t == REPLICA:
            return st.sampled_from(REPLICAS)
        if t == DOT:
            return st.sampled_from(self.dots)
        match t:
            case core.OptionType(item):
                return st.none() | st.tuples(self.of(item, depth))
            case core.TupleT(items):
                return st.tuples(*(self.of(i, depth) for i in items))
            case core.RecordT(fields):
                return st.tuples(*(self.of(f, depth) for _, f in fields))
            case core.SeqT(item):
                return st.lists(self.of(item, depth), max_size=2).map(tuple)
            case core.EnumT():
                payloads = [[self.of(f, depth) for _, f in fields] for _, fields in self.program.variants(t)]
                return st.one_of(*(st.tuples(st.just(i), *payload) for i, payload in enumerate(payloads)))
            case core.MapT(key, value) as m:
                if depth == 0:
                    return st.just(Map())
                held = st.just(True) if value == BOOL else self.of(value, depth - 1)
                pairs = st.lists(st.tuples(self.of(key, depth), held), max_size=2)
                return pairs.map(lambda items: make_map(self.program, m, items))
            case Named():
                return self.of(self.program.state_type(t), depth)
            case _:
                raise AssertionError(t)


# -- histories -----------------------------------------------------------------------------------------


@dataclasses.dataclass
class Replica:
    """What one replica holds."""

    state: Raw
    seen: CausalContext = EMPTY


class History:
    """Three replicas that run updates and merge deltas in any order, on both engines in lockstep."""

    def __init__(self, program: Program, type: Named, data: st.DataObject) -> None:
        self.program = program
        self.type = type
        self.data = data
        self.oracle: Engine = Interpreter(program, type)
        self.compiled = Compiled(program, type)
        self.replicas = {r: Replica(self.oracle.zero()) for r in REPLICAS}
        self.deltas: list[Delta] = []
        self.next = dict.fromkeys(REPLICAS, 1)

    def run(self, steps: int) -> None:
        """Draw and run so many steps, comparing the engines after each."""
        assert self.compiled.zero() == self.oracle.zero()
        updates = self.program.types[self.type.name].updates
        actions = ["update"] * 3 * bool(updates) + ["deliver"] * 3 + ["merge", "deliver_all"]
        for _ in range(steps):
            getattr(self, self.data.draw(st.sampled_from(actions), label="action"))()
        for replica in self.replicas.values():
            self.ask(replica)
        self.properties()

    def values(self) -> Values:
        return Values(self.program, [(r, n) for r in REPLICAS for n in range(1, self.next[r])])

    def draw(self, t: Type) -> Raw:
        types = {p.name: a for p, a in zip(self.program.types[self.type.name].params, self.type.args, strict=True)}
        return self.data.draw(self.values().of(core.substitute(t, types)), label=str(t))

    def replica(self) -> tuple[int, Replica]:
        r = self.data.draw(st.sampled_from(REPLICAS), label="replica")
        return r, self.replicas[r]

    def update(self) -> None:
        """One replica runs an update."""
        r, replica = self.replica()
        updates = {u.name: u for u in self.program.types[self.type.name].updates}
        definition = updates[self.data.draw(st.sampled_from(list(updates)), label="update")]
        args = tuple(self.draw(t) for _, t in definition.params)
        taken = self.oracle.dots_taken(definition.name)
        assert self.compiled.dots_taken(definition.name) == taken
        dots = tuple((r, self.next[r] + i) for i in range(taken))
        when = self.data.draw(st.integers(0, 5))
        wanted = outcome(self.oracle, definition.name, replica, args, r, dots, when)
        made = outcome(self.compiled, definition.name, replica, args, r, dots, when)
        assert made == wanted
        if isinstance(wanted, Delta):
            self.next[r] += taken
            self.deltas.append(wanted)
            self.apply(replica, wanted)

    def apply(self, replica: Replica, delta: Delta) -> None:
        wanted = self.oracle.merge(replica.state, replica.seen, delta.value, delta.context)
        assert self.compiled.merge(replica.state, replica.seen, delta.value, delta.context) == wanted
        assert self.compiled.apply(replica.state, replica.seen, delta) == wanted, f"footprint {delta.footprint}"
        replica.state = wanted
        replica.seen |= delta.context

    def deliver(self) -> None:
        """A delta of any replica reaches one, perhaps again."""
        if self.deltas:
            self.apply(self.replica()[1], self.data.draw(st.sampled_from(self.deltas)))

    def deliver_all(self) -> None:
        """Several deltas reach a replica as one, merged on the way."""
        if self.deltas:
            first, *rest = self.data.draw(st.lists(st.sampled_from(self.deltas), min_size=1, max_size=3))
            for d in rest:
                value = self.oracle.merge(first.value, first.context, d.value, d.context)
                assert self.compiled.merge(first.value, first.context, d.value, d.context) == value
                first = Delta(value, first.context | d.context, union(first.footprint, d.footprint), d.dots)
            self.apply(self.replica()[1], first)

    def merge(self) -> None:
        """A replica merges all that another one holds."""
        (_, left), (_, right) = self.replica(), self.replica()
        self.apply(left, Delta(right.state, right.seen, None, ()))

    def ask(self, replica: Replica) -> None:
        """Every query, and the live dots."""
        assert self.compiled.dots(replica.state) == self.oracle.dots(replica.state)
        for q in self.program.types[self.type.name].queries:
            args = tuple(self.draw(t) for _, t in q.params)
            wanted = self.oracle.query(q.name, replica.state, replica.seen, args)
            assert self.compiled.query(q.name, replica.state, replica.seen, args) == wanted, q.name

    def properties(self) -> None:
        """Invariants and relations, of any states that have come up."""
        values = self.values()

        def universe(t: Type) -> list[Raw]:
            samples: dict[Type, list[Raw]] = {DOT: values.dots[:4], NAT: [0, 1, 2], REPLICA: list(REPLICAS)}
            return samples.get(t, ["", "x", "y"] if t == TEXT else [])

        for prop in self.program.types[self.type.name].properties:
            states = tuple((r.state, r.seen) for r in (self.replica()[1] for _ in prop.states))
            replica = self.draw(REPLICA) if prop.replica is not None else None
            wanted = self.oracle.holds(prop, states, replica, universe)
            assert self.compiled.holds(prop, states, replica, universe) == wanted, prop.name


def outcome(
    engine: Engine, name: str, at: Replica, args: tuple[Raw, ...], by: int, dots: tuple[Dot, ...], when: int
) -> Delta | tuple[str, object]:
    """The delta of an update, or which update refused, and where it says so."""
    try:
        return engine.update(name, at.state, at.seen, args, by, dots, when)
    except UpdateRefused as refused:
        return refused.update, refused.span


def histories(count: int) -> settings:
    """That many histories. Few values, and many steps: what goes wrong needs several updates of one place."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=count, deadline=None, suppress_health_check=slow)


@pytest.mark.parametrize("name", INLINE)
@histories(150)
@given(data=st.data(), steps=st.integers(1, 14))
def test_both_engines_agree_on_inline_specs(name: str, data: st.DataObject, steps: int) -> None:
    History(inline(), INLINE[name], data).run(steps)


@pytest.mark.parametrize("name", [n for n, d in library().items() if d.kind in ("type", "store")])
@histories(25)
@given(data=st.data(), steps=st.integers(1, 12))
def test_both_engines_agree_on_the_library(name: str, data: st.DataObject, steps: int) -> None:
    loaded = load(name, engine="interpreted")
    History(loaded.program, loaded.type, data).run(steps)


# -- what the interpreter does not show ----------------------------------------------------------------


class Untouchable:
    """A part of a state that must not be looked at."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"`{name}` of a part outside of the footprint")


def orset() -> Compiled:
    return Compiled(inline(), INLINE["ORSet"])


def test_apply_looks_only_at_the_footprint() -> None:
    other = Untouchable()
    held: Map[Dot, bool] = Map([((1, 1), True)])
    state, seen = (Map({"x": held, "y": other}),), CausalContext([(1, 1), (1, 2)])
    for name, wanted in (("add", Map([((2, 1), True)])), ("remove", None)):
        delta = orset().update(name, (Map({"x": held}),), seen, ("x",), 2, ((2, 1),), 0)
        (adds,) = orset().apply(state, seen, delta)
        assert adds.get("x") == wanted
        assert dict(adds.items())["y"] is other


def test_apply_of_everything_looks_only_at_what_the_delta_names() -> None:
    dots = Compiled(inline(), Named("DotSet"))
    new: Map[Dot, bool] = Map([((2, 1), True)])
    delta = Delta(new, CausalContext([(1, 1), (2, 1)]), None, ())
    this: Map[Dot, bool] = Map([((1, 1), True), ((1, 2), True)])
    assert dots.apply(this, CausalContext(this), delta) == Map([((1, 2), True), ((2, 1), True)])


def test_a_delta_that_changes_nothing_returns_the_state_itself() -> None:
    compiled = orset()
    delta = compiled.update("add", compiled.zero(), EMPTY, ("x",), 1, ((1, 1),), 0)
    once = compiled.apply(compiled.zero(), EMPTY, delta)
    assert compiled.apply(once, delta.context, delta) is once
    assert compiled.merge(once, delta.context, once, delta.context) is once


def test_a_refusal_names_the_update_and_its_place() -> None:
    with pytest.raises(UpdateRefused) as refused:
        orset().update("move", orset().zero(), EMPTY, ("x", "x"), 1, ((1, 1),), 0)
    definition = inline().types["ORSet"].update("move")
    assert definition.requires is not None
    assert (refused.value.update, refused.value.span) == ("move", definition.requires.span)


def test_wrong_calls_are_refused() -> None:
    compiled = orset()
    with pytest.raises(KeyError):
        compiled.update("steal", compiled.zero(), EMPTY, (), 1, ((1, 1),), 0)
    with pytest.raises(KeyError):
        compiled.query("thieves", compiled.zero(), EMPTY, ())
    with pytest.raises(ValueError, match="takes 1 dots, not 2"):
        compiled.update("add", compiled.zero(), EMPTY, ("x",), 1, ((1, 1), (1, 2)), 0)
    with pytest.raises(ValueError, match="needs 1 type arguments"):
        Compiled(inline(), Named("ORSet"))


def test_the_source_runs_and_is_generated_once() -> None:
    compiled = orset()
    compile(compiled.source, "<source>", "exec")
    assert "# update ORSet[Text].add" in compiled.source
    assert compiled._code is orset()._code
    assert compiled._code is not Compiled(inline(), Named("ORSet", (NAT,)))._code
