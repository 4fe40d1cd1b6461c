"""How long one command takes in the replica's core, beside the compiled update alone.

Nothing is asserted about time. `make bench` runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from mergelaw.replica import codec
from mergelaw.replica.database import Database, default_engines
from mergelaw.replica.model import Effect

ENGINES = default_engines()
KEY = ENGINES["Key"]

pytestmark = pytest.mark.slow


def one(db: Database, key: bytes, update: str, *args: Any) -> Effect:
    tx = db.begin(1000)
    tx.update(key, update, *args)
    effect = tx.commit()
    assert effect is not None
    return effect


def increase(db: Database) -> Effect:
    tx = db.begin(1000)
    tx.update(b"counter", "increase", 1, tx.accumulator(b"counter"))
    effect = tx.commit()
    assert effect is not None
    return effect


COMMANDS: dict[str, Callable[[Database, int], Effect]] = {
    "SET": lambda db, i: one(db, b"string", "set", (0, "value")),
    "SET of a new key": lambda db, i: one(db, b"string:%d" % i, "set", (0, "value")),
    "INCR": lambda db, i: increase(db),
    "SADD": lambda db, i: one(db, b"set", "add", f"member {i % 1000}"),
    "HSET": lambda db, i: one(db, b"hash", "hash_set", f"field {i % 1000}", (0, "value")),
}

UPDATES: dict[str, tuple[str, tuple[Any, ...]]] = {
    "SET": ("set", ((0, "value"),)),
    "INCR": ("increase", (1, None)),
    "SADD": ("add", ("member",)),
    "HSET": ("hash_set", ("field", (0, "value"))),
}

commands = pytest.mark.parametrize("name", COMMANDS)
updates = pytest.mark.parametrize("name", UPDATES)


@commands
def test_a_command_and_its_effect(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark.group = "a command"
    db, numbers = Database(1, ENGINES), count()
    effect = benchmark(lambda: COMMANDS[name](db, next(numbers)))
    assert effect.last == db.last


@updates
def test_the_compiled_update_alone(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark.group = "a command"
    db = Database(1, ENGINES)
    update, args = UPDATES[name]
    one(db, b"k", update, *args)
    this, seen = db.keys[b"k"].value, db.seen
    dots = tuple((1, db.last + 1 + i) for i in range(KEY.dots_taken(update)))
    benchmark(lambda: KEY.apply(this, seen, KEY.update(update, this, seen, args, 1, dots, 1000)))


@commands
def test_an_effect_of_another_instance(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark.group = "an effect received"
    source, target, numbers = Database(1, ENGINES), Database(2, ENGINES), count()

    def made() -> tuple[tuple[Effect, int], dict[str, Any]]:
        return (COMMANDS[name](source, next(numbers)), 1000), {}

    assert benchmark.pedantic(target.receive, setup=made, rounds=2000)


@commands
def test_encoding(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark.group = "an effect to bytes"
    effect = COMMANDS[name](Database(1, ENGINES), 0)
    assert benchmark(codec.encode_effect, effect, ENGINES)


@commands
def test_decoding(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark.group = "bytes to an effect"
    data = codec.encode_effect(COMMANDS[name](Database(1, ENGINES), 0), ENGINES)
    assert benchmark(codec.decode_effect, data, ENGINES).first == 1


def many(name: str) -> Effect:
    """An effect of a thousand keys."""
    update, args = UPDATES[name]
    tx = Database(1, ENGINES).begin(1000)
    for i in range(1000):
        tx.update(b"key:%d" % i, update, *args)
    effect = tx.commit()
    assert effect is not None
    return effect


@updates
def test_encoding_many_parts(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark.group = "an effect of 1000 keys to bytes"
    assert benchmark(codec.encode_effect, many(name), ENGINES)


@updates
def test_decoding_many_parts(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark.group = "bytes to an effect of 1000 keys"
    effect = many(name)
    read = benchmark(codec.decode_effect, codec.encode_effect(effect, ENGINES), ENGINES)
    assert [part.value for part in read.parts] == [part.value for part in effect.parts]


@pytest.mark.parametrize("members", [1, 100, 1000])
def test_many_members_in_one_command(benchmark: BenchmarkFixture, members: int) -> None:
    benchmark.group = "SADD of many members"
    db = Database(1, ENGINES)
    names = [f"member {i}" for i in range(members)]

    def add() -> Effect | None:
        tx = db.begin(1000)
        for name in names:
            tx.update(b"set", "add", name)
        return tx.commit()

    assert benchmark(add) is not None
