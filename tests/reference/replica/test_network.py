"""Random timelines: whatever the network and the instances do, the same effects received mean the same state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from random import Random
from traceback import format_exception
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from immutables import Map

from mergelaw.language.core import Named
from mergelaw.replica.database import Database, default_engines
from mergelaw.semantics.engine import Engine
from mergelaw.semantics.interpreter import Interpreter
from tests.reference.replica.network import Network, Op, state_of

COUNTER = b"only counted"
"""A key that is never set or deleted: its total is that of all increments received."""
TOTAL = b"only added"
"""A set that nothing is removed from."""

keys = st.sampled_from([b"a", b"b"])
names = st.sampled_from(["x", "y"])
values = st.one_of(st.tuples(st.just(0), names), st.tuples(st.just(1), st.integers(-3, 3)))
amounts = st.one_of(st.integers(-3, 5), st.fractions(-2, 2, max_denominator=4))
times = st.integers(900, 1600)


def op(update: str, *args: st.SearchStrategy[Any]) -> st.SearchStrategy[Op]:
    return st.tuples(keys, st.just(update), *args)


ops: st.SearchStrategy[Op] = st.one_of(
    op("set", values),
    op("set_for", values, times),
    op("set_keeping", values),
    op("increase", amounts),
    op("increase", amounts),
    op("add", names),
    op("add", names),
    op("remove", names),
    op("hash_set", names, values),
    op("hash_set_for", names, values, times),
    op("hash_increase", names, amounts),
    op("hash_expire", names, times),
    op("hash_persist", names),
    op("hash_remove", names),
    op("score", names, st.integers(0, 3)),
    op("push_right", names),
    op("expire", times),
    op("persist"),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just(COUNTER), st.just("increase"), st.integers(1, 9)),
    st.tuples(st.just(TOTAL), st.just("add"), st.text("0123456789", min_size=1, max_size=3)),
)

replicas = st.integers(1, 3)
places = st.integers(0, 9)
events = st.one_of(
    st.tuples(st.just("run"), replicas, st.lists(ops, min_size=1, max_size=3)),
    st.tuples(st.just("run"), replicas, st.lists(ops, min_size=1, max_size=3)),
    st.tuples(st.just("run"), replicas, st.lists(ops, min_size=1, max_size=3)),
    st.tuples(st.just("deliver"), replicas, replicas, places),
    st.tuples(st.just("deliver"), replicas, replicas, places),
    st.tuples(st.just("deliver"), replicas, replicas, places),
    st.tuples(st.just("again"), replicas, replicas, places),
    st.tuples(st.just("drop"), replicas, replicas, places),
    st.tuples(st.just("partial"), replicas, replicas),
    st.tuples(st.just("full"), replicas, replicas),
    st.tuples(st.just("begin full"), replicas, replicas),
    st.tuples(st.just("chunks"), replicas, replicas, st.integers(1, 3)),
    st.tuples(st.just("settle"), replicas, st.integers(1, 2)),
    st.tuples(st.just("fsync"), replicas, places),
    st.tuples(st.just("save"), replicas),
    st.tuples(st.just("crash"), replicas),
    st.tuples(st.just("recover"), replicas),
    st.tuples(st.just("reap"), replicas),
    st.tuples(st.just("collect"), replicas),
    st.tuples(st.just("time"), st.integers(1, 300)),
)


def step(net: Network, event: tuple[Any, ...]) -> None:
    what, *rest = event
    if what in ("deliver", "again", "drop", "partial", "full", "begin full", "chunks") and rest[0] == rest[1]:
        return
    match what:
        case "run":
            net.run(*rest)
        case "deliver":
            net.deliver(*rest)
        case "again":
            net.deliver(*rest, keep=True)
        case "drop":
            net.drop(*rest)
        case "partial":
            net.partial_sync(*rest)
        case "full":
            net.full_sync(*rest)
        case "begin full":
            net.send_snapshot(*rest)
        case "chunks":
            net.feed(*rest)
        case "settle":
            net[rest[0]].settle(rest[1])
        case "fsync":
            net.instances[rest[0]].sync_disk(rest[1])
        case "save":
            net.instances[rest[0]].save()
        case "crash":
            net.crash(*rest)
        case "recover":
            net.recover(*rest)
        case "reap":
            net.reap(*rest)
        case "collect":
            net.collect(*rest)
        case "time":
            net.now += rest[0]


def accounted(net: Network) -> None:
    """Counters and sets hold exactly what the effects received say."""
    for replica, instance in net.instances.items():
        db = net[replica]
        entry = db.entry(COUNTER)
        # What an accumulator held last, by its dot: the effects carry totals.
        totals: Counter[tuple[int, int]] = Counter()
        members = set()
        for effect in instance.applied:
            for part in effect.parts:
                if part.key == COUNTER:
                    for dot, held in db.layout.parts(part.value).items():
                        totals[dot] = max(totals[dot], held[1][0][1])
                if part.key == TOTAL:
                    members |= set(part.value[3][0])
        shown = None if entry is None else db.engines["Key"].query("get", entry.value, db.seen, ())
        assert shown == (((1, sum(totals.values())),) if totals else None)
        held_members = db.entry(TOTAL)
        assert members == (set() if held_members is None else set(held_members.value[3][0]))


def live(timeline: list[tuple[Any, ...]], causal: bool, engines: Mapping[str, Engine] | None = None) -> Network:
    """Runs a timeline, checking all the way, and then lets everybody get everything."""
    net = Network(3, causal=causal, engines=engines)
    for event in timeline:
        step(net, event)
        net.check()
    accounted(net)
    net.quiesce()
    net.check()
    assert len({instance.db.received for instance in net.instances.values()}) == 1
    assert not any(instance.db.waiting for instance in net.instances.values())
    accounted(net)
    return net


@pytest.mark.parametrize("causal", [False, True])
@given(timeline=st.lists(events, min_size=50, max_size=120))
@settings(max_examples=25)
def test_same_effects_same_state(causal: bool, timeline: list[tuple[Any, ...]]) -> None:
    live(timeline, causal)


# -- long walks, which shrink by themselves --------------------------------------------------------


def walk(random: Random, steps: int) -> list[tuple[Any, ...]]:
    return [some_event(random) for _ in range(steps)]


def some_event(random: Random) -> tuple[Any, ...]:
    one, other = random.sample((1, 2, 3), 2)
    place = random.randrange(10)
    run = ("run", one, [some_op(random) for _ in range(random.randint(1, 3))])
    return random.choice(
        [
            *[run] * 4,
            *[("deliver", one, other, place)] * 5,
            *[(what, one, other, place) for what in ("again", "drop")],
            *[(what, one, other) for what in ("partial", "full", "begin full")],
            *[(what, one) for what in ("save", "crash", "recover", "reap", "collect")],
            ("chunks", one, other, random.randint(1, 3)),
            ("settle", one, random.randint(1, 2)),
            ("fsync", one, place),
            ("time", random.randint(1, 300)),
        ]
    )


def some_op(random: Random) -> Op:
    key, name = random.choice((b"a", b"b")), random.choice("xy")
    value = random.choice([(0, name), (1, random.randint(-3, 3))])
    time = random.randint(900, 1600)
    amount = random.choice([random.randint(-3, 5), Fraction(random.randint(-4, 4), random.randint(1, 4))])
    return random.choice(
        [
            (key, "set", value),
            (key, "set_for", value, time),
            (key, "set_keeping", value),
            *[(key, "increase", amount)] * 2,
            *[(key, "add", name)] * 2,
            (key, "remove", name),
            (key, "hash_set", name, value),
            (key, "hash_set_for", name, value, time),
            (key, "hash_set_keeping", name, value),
            (key, "hash_increase", name, amount),
            (key, "hash_expire", name, time),
            (key, "hash_persist", name),
            (key, "hash_remove", name),
            (key, "score", name, random.randint(0, 3)),
            (key, "push_right", name),
            (key, "sketch_add", Map({random.randint(0, 2): random.randint(1, 4)})),
            (key, "append", ((name, name),)),
            (key, "json_set", (1, True)),
            (key, "expire", time),
            (key, "persist"),
            *[("delete", key)] * 2,
            (COUNTER, "increase", random.randint(1, 9)),
            (TOTAL, "add", str(random.randint(0, 999))),
        ]
    )


def failure(timeline: list[tuple[Any, ...]], causal: bool) -> str | None:
    try:
        live(timeline, causal)
    except Exception as problem:  # whatever goes wrong is what the test is about
        return "".join(format_exception(problem)[-3:])
    return None


def shrunk(timeline: list[tuple[Any, ...]], causal: bool) -> list[tuple[Any, ...]]:
    """A part of a failing timeline that fails as well, and none of whose events can be left out."""
    size = len(timeline)
    while size:
        at = 0
        while at < len(timeline):
            less = timeline[:at] + timeline[at + size :]
            if failure(less, causal):
                timeline = less
            else:
                at += size
        size //= 2
    return timeline


def check_walks(seeds: range, steps: int) -> None:
    for seed in seeds:
        timeline, causal = walk(Random(seed), steps), bool(seed % 2)
        if failure(timeline, causal):
            timeline = shrunk(timeline, causal)
            events = "\n".join(map(str, timeline))
            pytest.fail(f"seed {seed}, causal {causal}:\n{events}\n{failure(timeline, causal)}")


def test_walks() -> None:
    check_walks(range(300), 120)


@pytest.mark.slow
def test_many_walks() -> None:
    check_walks(range(1000, 4000), 120)
    check_walks(range(10_000, 10_300), 500)


def test_the_interpreter_agrees() -> None:
    program = default_engines()["Key"].program
    for seed in range(6):
        timeline = walk(Random(seed), 40)
        net = live(timeline, causal=False)
        oracle = Database(9, {"Key": Interpreter(program, Named("Key"))})
        effects = list(net.instances[1].applied)
        Random(seed).shuffle(effects)
        for effect in effects:
            oracle.receive(replace(effect, after=None), 0)
        assert oracle.received == net[1].received
        assert state_of(oracle) == state_of(net[1])


def test_instances_that_interpret_and_instances_that_run_compiled_code() -> None:
    program = default_engines()["Key"].program
    for seed in range(3):
        timeline = walk(Random(seed), 25)
        compiled = live(timeline, causal=False)
        interpreted = live(timeline, causal=False, engines={"Key": Interpreter(program, Named("Key"))})
        for replica in (1, 2, 3):
            assert compiled[replica].received == interpreted[replica].received
            assert state_of(compiled[replica]) == state_of(interpreted[replica])
