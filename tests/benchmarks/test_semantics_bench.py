"""How fast types run, compiled beside interpreted: one group each, whose figures pytest-benchmark compares.

Nothing is asserted about time. `make bench` runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from immutables import Map
from pytest_benchmark.fixture import BenchmarkFixture

from mergelaw.language import check_text
from mergelaw.language.core import TEXT, Named, Program, Type
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import CausalContext, Dot
from mergelaw.semantics.engine import Delta, Engine, State
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.values import Raw

SPECS = """
store DotSet {
  state Set[Dot]
  merge(a, b) = (a & b) | (a - b.seen) | (b - a.seen)
  dots = this
}

store ORSet[E] {
  state { adds: Map[E, DotSet] }
  update add(e: E) by r at d = { adds[e] = {d} } forgetting adds[e]
  update remove(e: E) = { forget adds[e] }
  query contains(e: E): Bool = adds[e] != {}
  query members: Set[E] = { e where adds[e] != {} }
}

type GCounter {
  state { counts: Map[Replica, Nat] }
  merge(a, b) = { counts = { r -> max(a.counts[r], b.counts[r]) } }
  update inc(n: Nat) by r = { counts[r] = counts[r] + n }
  query value: Nat = sum(counts)
}

type LWWRegister[V] {
  state { time: Time, writer: Option[Replica], value: Option[V] }
  merge(a, b) = if (a.time, a.writer) < (b.time, b.writer) then b else a
  update write(v: V) by r when now = { time = max(now, time + 1), writer = some(r), value = some(v) }
  query value_or(v: V): V = match value { some(x) => x, none => v }
}
"""

ENGINES: dict[str, Callable[[Program, Named], Engine]] = {"compiled": Compiled, "interpreted": Interpreter}
BIG = 100_000
"""Members of the set that only the compiled engine changes: the interpreter merges all of it, which takes seconds."""
MIDDLE = 1_000
"""Members of the sets that both engines work on."""

pytestmark = pytest.mark.slow
engines = pytest.mark.parametrize("engine", ENGINES)
sizes = pytest.mark.parametrize(("engine", "size"), [("compiled", BIG), ("compiled", MIDDLE), ("interpreted", MIDDLE)])
updates = pytest.mark.parametrize("name", ["add", "remove"])


def run(engine: str, name: str, *args: Type) -> Engine:
    return ENGINES[engine](check_text(SPECS, "<benchmark>"), Named(name, args))


@cache
def filled(count: int, first: int = 0) -> State:
    """An ORSet of numbered members from `first`, added by replicas 1 and 2 in turn, and its context."""
    members = range(first, first + count)
    adds: Map[str, Map[Dot, bool]] = Map((f"member {i}", Map([((1 + i % 2, 1 + i // 2), True)])) for i in members)
    return (adds,), CausalContext.from_vector({1: first + count, 2: first + count})


def delta_of(engine: Engine, name: str, member: str, state: Raw, seen: CausalContext) -> Delta:
    return engine.update(name, state, seen, (member,), 1, ((1, seen.next_number(1)),), 0)


@sizes
@updates
def test_orset_delta_is_applied(benchmark: BenchmarkFixture, engine: str, size: int, name: str) -> None:
    benchmark.group = f"apply the delta of {name} to an ORSet"
    run_it = run(engine, "ORSet", TEXT)
    state, seen = filled(size)
    delta = delta_of(run_it, name, "member 7", state, seen)
    after = benchmark(run_it.apply, state, seen, delta)
    assert run_it.query("contains", after, seen, ("member 7",)) == (name == "add")


@sizes
@updates
def test_orset_delta_is_made(benchmark: BenchmarkFixture, engine: str, size: int, name: str) -> None:
    benchmark.group = f"make the delta of {name} in an ORSet"
    run_it = run(engine, "ORSet", TEXT)
    state, seen = filled(size)
    delta = benchmark(delta_of, run_it, name, "member 7", state, seen)
    assert (2, 4) in delta.context  # the dot of member 7


@engines
def test_merge_of_two_sets(benchmark: BenchmarkFixture, engine: str) -> None:
    benchmark.group = f"merge two ORSets of {MIDDLE}, half of it in common"
    run_it = run(engine, "ORSet", TEXT)
    (left, left_seen), (right, right_seen) = filled(MIDDLE), filled(MIDDLE, MIDDLE // 2)
    merged = benchmark(run_it.merge, left, left_seen, right, right_seen)
    assert run_it.query("contains", merged, left_seen | right_seen, (f"member {MIDDLE - 1}",))


@sizes
def test_orset_query(benchmark: BenchmarkFixture, engine: str, size: int) -> None:
    benchmark.group = "ask an ORSet for a member"
    run_it = run(engine, "ORSet", TEXT)
    state, seen = filled(size)
    assert benchmark(run_it.query, "contains", state, seen, ("member 7",))


@engines
def test_counter_increment(benchmark: BenchmarkFixture, engine: str) -> None:
    benchmark.group = "increment a GCounter of 3 and apply the delta"
    run_it = run(engine, "GCounter")
    state, seen = (Map({1: 5, 2: 7, 3: 1}),), CausalContext.from_vector({1: 5, 2: 7, 3: 1})

    def increment() -> Raw:
        delta = run_it.update("inc", state, seen, (2,), 1, ((1, 6),), 0)
        return run_it.apply(state, seen, delta)

    assert run_it.query("value", benchmark(increment), seen, ()) == 15


@engines
def test_register_write(benchmark: BenchmarkFixture, engine: str) -> None:
    benchmark.group = "write a register and apply the delta"
    run_it = run(engine, "LWWRegister", TEXT)
    state, seen = (3, (2,), ("old",)), CausalContext.from_vector({1: 5, 2: 7})

    def write() -> Raw:
        delta = run_it.update("write", state, seen, ("new",), 1, ((1, 6),), 9)
        return run_it.apply(state, seen, delta)

    assert run_it.query("value_or", benchmark(write), seen, ("none",)) == "new"
