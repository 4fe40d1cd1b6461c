"""The finder refutes classical wrong designs with the fewest updates, and finds nothing wrong with right ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product

import pytest
from immutables import Map

from mergelaw.language import check_text
from mergelaw.laws.finder import Exhausted, Finder, Limits, explore_bounded, refute, witness
from mergelaw.laws.model import Counterexample, Kind, Obligation
from mergelaw.laws.obligations import obligations
from mergelaw.laws.system import Call, History, System, Unreachable
from mergelaw.semantics.context import CausalContext
from mergelaw.semantics.engine import UpdateRefused
from mergelaw.semantics.interpreter import Interpreter

RESETTABLE = """
type Resettable {
  state { up: Map[Replica, Nat], down: Map[Replica, Nat] }
  merge(a, b) = { up = { r -> max(a.up[r], b.up[r]) }, down = { r -> max(a.down[r], b.down[r]) } }
  update inc by r = { up[r] = up[r] + 1 }
  update reset = { each r in keys(up): { down[r] = up[r] } }
  theorem cancelled_was_counted(s: This): forall r in keys(s.down): s.down[r] <= s.up[r]
  theorem in_order(s: This) requires causal: forall r in keys(s.down): s.down[r] <= s.up[r]
}
"""

ONE_DOT_TWICE = """
store Dots {
  state Set[Dot]
  merge(a, b) = (a & b) | (a - b.seen) | (b - a.seen)
  dots = this
  update mark at d = {d} forgetting this
}
store Pairs {
  state { adds: Map[Text, Dots], marks: Dots }
  update add_two(e: Text, f: Text) at d = { adds[e] = {d}, marks = {d} }
  update remove(e: Text) = { forget adds[e] }
}
"""

FOOTPRINT = """
store Dots {
  state Set[Dot]
  merge(a, b) = (a & b) | (a - b.seen) | (b - a.seen)
  dots = this
}
store Hidden {
  state { adds: Map[Text, Dots] }
  update add(e: Text) at d = { adds[e] = {d} } forgetting adds[e]
  update remove(e: Text) = { forget dots(adds[e]) }
}
"""

PARTS = """
enum Shade { dark, light, grey(level: Nat) }
type Shades {
  state { held: Set[Shade], low: Map[Text, Low] }
  merge(a, b) = { held = a.held | b.held, low = { k -> merge(a.low[k], b.low[k]) } }
  update hold(s: Shade) = { held = {s} }
  update raise(k: Text, n: Nat) = { low[k] = n }
  theorem no_grey(s: This): forall x in s.held: match x { grey(n) => n != 2, _ => true }
}
type Low {
  state Nat
  merge(a, b) = max(a, b)
  invariant below_two: this < 2
}
type Larger {
  state Option[(Nat, Text)]
  merge(a, b) = max(a, b)
}
"""

LONG = Limits(seconds=60)

NO_TIE_BREAK = """
type Latest {
  state Option[{ time: Time, value: Text }]
  merge(a, b) = match a {
    none => b,
    some(x) => match b { none => a, some(y) => if y.time > x.time then b else a }
  }
  update set(v: Text) when t = some({ time = t, value = v })
}
"""

CAUSAL_ELSE_TIME = """
fun covered(v: Map[Replica, Nat], w: Map[Replica, Nat]): Bool = forall r in keys(v): v[r] <= w[r]
type Pairwise {
  state { clock: Map[Replica, Nat], time: Time, writer: Option[Replica], value: Text }
  merge(a, b) =
    if covered(a.clock, b.clock) then b
    else if covered(b.clock, a.clock) then a
    else if (a.time, a.writer) < (b.time, b.writer) then b else a
  update set(v: Text) by r at d when t =
    { clock = { q -> if q == r then d.number else clock[q] where q in keys(clock) | {r} },
      time = t, writer = some(r), value = v }
}
"""

ADDED_UP = """
type AddedUp {
  state { counts: Map[Replica, Nat] }
  merge(a, b) = { counts = { r -> a.counts[r] + b.counts[r] } }
  update inc by r = { counts[r] = 1 }
  query value: Nat = sum(counts)
}
"""

BELOW_ZERO = """
type Stock {
  state { up: Map[Replica, Nat], down: Map[Replica, Nat] }
  merge(a, b) = { up = { r -> max(a.up[r], b.up[r]) }, down = { r -> max(a.down[r], b.down[r]) } }
  update inc by r = { up[r] = up[r] + 1 }
  update dec by r requires value >= 1 = { down[r] = down[r] + 1 }
  query value: Int = sum(up) - sum(down)
  invariant never_negative: value >= 0
  theorem never_negative(s: This): s.value >= 0
  theorem dec_counts(s: This, p: Replica) : (s.dec() by p).value == s.value - 1
}
"""

TWO_PHASE = """
type TwoPhaseSet[E] {
  state { added: Set[E], removed: Set[E] }
  merge(a, b) = { added = a.added | b.added, removed = a.removed | b.removed }
  rule remove_is_final(remove): "What was once removed never comes back."
  update add(e: E) = { added = {e} }
  update remove(e: E) = { removed = {e} }
  query contains(e: E): Bool = e in added and e not in removed
  theorem add_works(s: This, e: E, p: Replica): (s.add(e) by p).contains(e)
  theorem removed_is_final(s: This, e: E, p: Replica, t: later This): not merge(s.remove(e) by p, t).contains(e)
}
"""

TAKE_THE_COVERING = """
fun covered(v: Map[Replica, Nat], w: Map[Replica, Nat]): Bool = forall r in keys(v): v[r] <= w[r]
type Orswot[E] {
  state { clock: Map[Replica, Nat], entries: Map[E, Set[Dot]] }
  merge(a, b) =
    if covered(a.clock, b.clock) then b
    else if covered(b.clock, a.clock) then a
    else {
      clock = { r -> max(a.clock[r], b.clock[r]) },
      entries = { e -> (a.entries[e] & b.entries[e])
                     | { d where d in a.entries[e] and d.number > b.clock[d.replica] }
                     | { d where d in b.entries[e] and d.number > a.clock[d.replica] } }
    }
  update add(e: E) by r at d =
    { clock = { q -> if q == r then d.number else clock[q] where q in keys(clock) | {r} },
      entries = { f -> if f == e then {d} else entries[f] where f in keys(entries) | {e} } }
  update remove(e: E) = { clock = clock, entries = { f -> entries[f] where f != e } }
  query contains(e: E): Bool = entries[e] != {}
  theorem observed_removes_stick(s: This, e: E, p: Replica): not merge(s.remove(e) by p, s).contains(e)
}
"""

OR_SET = """
store Dots {
  state Set[Dot]
  merge(a, b) = (a & b) | (a - b.seen) | (b - a.seen)
  dots = this
}
store ORSet[E] {
  state { adds: Map[E, Dots] }
  rule add_wins(add, remove): "An add wins over a concurrent remove."
  update add(e: E) at d = { adds[e] = {d} } forgetting adds[e]
  update remove(e: E) = { forget adds[e] }
  query contains(e: E): Bool = adds[e] != {}
  theorem add_wins(s: This, e: E, p: Replica, q: Replica): merge(s.add(e) by p, s.remove(e) by q).contains(e)
  theorem remove_wins(s: This, e: E, p: Replica, q: Replica): not merge(s.add(e) by p, s.remove(e) by q).contains(e)
  theorem stays_removed(s: This, e: E, p: Replica, t: later This):
    (exists d in t.adds[e]: d not in s.seen) or not merge(s.remove(e) by p, t).contains(e)
  theorem gone_for_ever(s: This, e: E, p: Replica, t: later This):
    s.contains(e) => not merge(s.remove(e) by p, t).contains(e)
  theorem never(s: This, e: E, p: Replica): not s.contains(e) and s.contains(e) => s == {}
}
"""

COUNTER = """
type Counter {
  state { counts: Map[Replica, Nat] }
  merge(a, b) = { counts = { r -> max(a.counts[r], b.counts[r]) } }
  update inc(n: Nat) by r = { counts[r] = counts[r] + n }
  query value: Nat = sum(counts)
  home own(p, mine, other): other.counts[p] <= mine.counts[p]
  home all(p, mine, other): other.value <= mine.value
  theorem both_counted(s: This, m: Nat, n: Nat, p: Replica, q: Replica):
    merge(s.inc(m) by p, s.inc(n) by q).value == s.value + m + n
}
"""


def obligation(text: str, type_name: str, name: str) -> Obligation:
    program = check_text(text, "test.crdt")
    found = [o for o in obligations(program, type_name) if o.name.startswith(name)]
    assert found, [o.name for o in obligations(program, type_name)]
    return found[0]


def search(text: str, type_name: str, name: str, limits: Limits = LONG) -> Counterexample | Exhausted:
    return refute(check_text(text, "test.crdt"), obligation(text, type_name, name), limits)


def refutation(text: str, type_name: str, name: str) -> Counterexample:
    found = search(text, type_name, name)
    assert isinstance(found, Counterexample), found
    return found


def test_last_writer_wins_without_tie_break_is_not_commutative() -> None:
    found = refutation(NO_TIE_BREAK, "Latest", "commutative")
    assert (found.updates, found.replicas) == (2, 2)
    assert [r.label for r in found.results] == ["merge(a, b)", "merge(b, a)"]
    assert [s.action for s in found.timeline] == [
        'set("x") when 1',
        'set("y") when 1',
        "merge from instance 2",
        "merge from instance 1 as of t1",
    ]


@pytest.mark.parametrize("law", ["associative", "idempotent", "identity"])
def test_last_writer_wins_without_tie_break_keeps_the_other_laws(law: str) -> None:
    found = search(NO_TIE_BREAK, "Latest", law)
    assert isinstance(found, Exhausted)
    assert found.complete
    assert found.updates == 3


def test_cause_else_time_goes_round_in_a_circle_with_three_writes() -> None:
    assert isinstance(search(CAUSAL_ELSE_TIME, "Pairwise", "commutative"), Exhausted)
    found = refutation(CAUSAL_ELSE_TIME, "Pairwise", "associative")
    assert found.updates == 3
    assert {"time", "writer"} <= {*found.differs}


def test_counter_merged_by_addition_counts_a_repeated_message_twice() -> None:
    found = refutation(ADDED_UP, "AddedUp", "idempotent")
    assert found.updates == 1
    assert [(r.label, r.literal) for r in found.results] == [
        ("merge(a, a)", "{ counts = {1: 2} }"),
        ("a", "{ counts = {1: 1} }"),
    ]
    assert found.differs == ("counts[1]",)


def test_counter_merged_by_addition_is_commutative_and_associative() -> None:
    assert isinstance(search(ADDED_UP, "AddedUp", "commutative"), Exhausted)
    assert isinstance(search(ADDED_UP, "AddedUp", "associative"), Exhausted)


def test_never_below_zero_fails_for_a_delta_by_itself() -> None:
    found = refutation(BELOW_ZERO, "Stock", "invariant never_negative")
    assert found.updates == 2
    assert "by itself" in found.because


def test_never_below_zero_fails_as_theorem_though_each_replica_checks() -> None:
    found = refutation(BELOW_ZERO, "Stock", "theorem never_negative")
    assert found.updates == 2
    assert [r.literal for r in found.results] == ["-1"]


def test_updates_that_are_refused_refute_nothing() -> None:
    assert isinstance(search(BELOW_ZERO, "Stock", "theorem dec_counts"), Exhausted)


def test_two_phase_set_cannot_add_again() -> None:
    found = refutation(TWO_PHASE, "TwoPhaseSet", "theorem add_works")
    assert (found.updates, found.replicas) == (2, 1)
    assert [s.action for s in found.timeline] == ['remove("x")', 'add("x")']


def test_two_phase_set_keeps_removed_elements_out() -> None:
    assert isinstance(search(TWO_PHASE, "TwoPhaseSet", "theorem removed_is_final"), Exhausted)


def test_taking_the_covering_clock_brings_removed_elements_back() -> None:
    found = refutation(TAKE_THE_COVERING, "Orswot", "theorem observed_removes_stick")
    assert found.updates == 2
    assert [s.action for s in found.timeline] == [
        'add("x") at 1.1',
        "merge from instance 1",
        'remove("x")',
        "merge from instance 2",
    ]
    assert found.timeline[3].change == 'entries["x"] = {1.1}'
    assert isinstance(search(TAKE_THE_COVERING, "Orswot", "commutative"), Counterexample)


@pytest.mark.parametrize(
    "text, type_name, wrong",
    [
        (OR_SET, "ORSet", {"theorem remove_wins", "theorem gone_for_ever"}),
        (COUNTER, "Counter", {"home all"}),
    ],
)
def test_just_the_wrong_claims_of_lawful_types_are_refuted(text: str, type_name: str, wrong: set[str]) -> None:
    program = check_text(text, "test.crdt")
    finder = Finder(program, type_name)
    limits = Limits(updates=3, seconds=60)
    refuted = set()
    for o in obligations(program, type_name):
        found = finder.refute(o, limits)
        if isinstance(found, Counterexample):
            refuted.add(f"{o.kind.value} {o.subject}")
        else:
            assert found.complete or o.kind in (Kind.FINITE_SUPPORT, Kind.FRESH, Kind.LIFTING, Kind.WITNESS), o.name
    assert refuted == wrong


def test_later_states_hold_deltas_that_the_update_had_not_seen() -> None:
    found = refutation(OR_SET, "ORSet", "theorem gone_for_ever")
    assert found.updates == 3
    assert [s.label.split(" ")[0] for s in found.states if s.label.startswith("t")] == ["t", "t.seen"]


def test_a_theorem_is_told_with_the_rule_about_its_updates() -> None:
    assert refutation(OR_SET, "ORSet", "theorem remove_wins").rule == "add_wins: An add wins over a concurrent remove."
    assert refutation(TWO_PHASE, "TwoPhaseSet", "theorem add_works").rule is not None


def test_witness_meets_the_premises() -> None:
    program = check_text(OR_SET, "test.crdt")
    found = witness(program, obligation(OR_SET, "ORSet", "witness gone_for_ever"), LONG)
    assert isinstance(found, Counterexample)
    assert found.updates == 2
    laws = witness(program, obligation(OR_SET, "ORSet", "witness laws"))
    assert isinstance(laws, Counterexample)
    assert laws.updates == 1


def test_no_witness_for_premises_that_never_hold() -> None:
    program = check_text(OR_SET, "test.crdt")
    assert isinstance(witness(program, obligation(OR_SET, "ORSet", "witness never"), LONG), Exhausted)


def test_bounded_exploration_tells_how_far_it_went() -> None:
    program = check_text(OR_SET, "test.crdt")
    o = obligation(OR_SET, "ORSet", "theorem stays_removed")
    found = explore_bounded(program, o, 2, LONG)
    assert isinstance(found, Exhausted)
    assert (found.updates, found.complete) == (2, True)


def test_out_of_time_is_not_complete() -> None:
    found = search(OR_SET, "ORSet", "associative", Limits(updates=5, seconds=0.05))
    assert isinstance(found, Exhausted)
    assert not found.complete
    assert found.updates < 5


def test_a_limit_on_histories_is_kept() -> None:
    found = search(OR_SET, "ORSet", "associative", Limits(histories=10))
    assert isinstance(found, Exhausted)
    assert not found.complete
    assert found.histories == 11


def test_causal_delivery_spares_what_requires_it() -> None:
    assert refutation(RESETTABLE, "Resettable", "theorem cancelled_was_counted").updates == 2
    found = search(RESETTABLE, "Resettable", "theorem in_order")
    assert isinstance(found, Exhausted)
    assert found.complete


def test_one_dot_for_two_places_is_refuted() -> None:
    found = refutation(ONE_DOT_TWICE, "Pairs", "compatible a dot lives in one place")
    assert found.updates == 1
    assert "1.1 lives in" in found.because
    assert isinstance(search(ONE_DOT_TWICE, "Pairs", "invariant live dots are seen"), Exhausted)


def test_what_a_delta_does_beyond_its_footprint_is_refuted() -> None:
    found = refutation(FOOTPRINT, "Hidden", "frame remove")
    assert found.differs == ('adds["x"]',)
    assert isinstance(search(FOOTPRINT, "Hidden", "frame add"), Exhausted)


def test_properties_of_parts_are_refuted_where_they_are_written() -> None:
    found = refutation(PARTS, "Shades", "invariant low[].below_two by delta of raise")
    assert found.updates == 1
    assert 'invariant below_two of `low["x"]`' in found.because


def test_all_variants_of_an_enum_are_tried() -> None:
    found = refutation(PARTS, "Shades", "theorem no_grey")
    assert found.updates == 1
    assert found.timeline[0].action == "hold(grey(2))"


def test_a_type_without_updates_takes_any_value() -> None:
    program = check_text(PARTS, "test.crdt")
    assert isinstance(witness(program, obligation(PARTS, "Larger", "witness laws"), LONG), Counterexample)
    found = search(PARTS, "Larger", "commutative")
    assert isinstance(found, Exhausted)
    assert found.states > 1
    wrong = PARTS.replace("state Option[(Nat, Text)]\n  merge(a, b) = max(a, b)", "state Nat\n  merge(a, b) = a")
    assert refutation(wrong, "Larger", "commutative").updates == 1


# -- the pruned search loses nothing ---------------------------------------------------------------------


def everything(system: System, updates: int) -> Iterator[History]:
    """All histories, without any pruning."""
    calls = [("add", ("x",)), ("add", ("y",)), ("remove", ("x",)), ("remove", ("y",))]
    level = [system.start]
    for _ in range(updates):
        longer = []
        for history in level:
            for replica, (name, args), saw in product((1, 2), calls, range(1 << len(history))):
                try:
                    longer.append(system.run(history, Call(replica, name, args, 0, saw)))
                except (Unreachable, UpdateRefused):
                    continue
        level = longer
    yield from level


def pairs(histories: Iterator[History]) -> set[object]:
    """All pairs of states of one history, up to renaming."""
    found = set()
    for history in histories:
        states = {history.state(m) for m in history.masks()}
        for a, b in product(states, repeat=2):
            found.add((history.system.pair(a), history.system.pair(b)))
    return {canonical(p) for p in found}


def canonical(pair: object) -> object:
    """The least of all renamings."""
    renamed = (
        rename(pair, dict(zip((1, 2), replicas, strict=True)), dict(zip("xy", texts, strict=True)))
        for replicas in permutations((1, 2))
        for texts in permutations("xy")
    )
    return min(renamed, key=repr)


def rename(value: object, replicas: dict[int, int], texts: dict[str, str]) -> object:
    """Maps become sorted tuples; what is a pair of ints is a dot."""
    match value:
        case str():
            return texts[value]
        case CausalContext():
            return tuple(sorted((replicas[r], n) for r, n in value))
        case Map():
            return tuple(sorted((rename(k, replicas, texts), rename(v, replicas, texts)) for k, v in value.items()))
        case (int(replica), int(number)):
            return replicas[replica], number
        case tuple():
            return tuple(rename(v, replicas, texts) for v in value)
        case _:
            return value


@pytest.mark.parametrize("updates", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_pruning_reaches_all_pairs_of_states_up_to_renaming(updates: int) -> None:
    program = check_text(OR_SET, "test.crdt")
    finder = Finder(program, "ORSet")
    brute = System(finder.program, finder.type, Interpreter, 2)
    pruned = finder.system(2)
    all_pairs = pairs(everything(brute, updates))
    kept = pairs(h for n in range(updates + 1) for h in pruned.histories(n))
    assert all_pairs <= kept
