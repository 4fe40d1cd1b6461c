"""Commands that share a transaction: writes that take each other's place are run later, and nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergelaw.replica.codec import decode_effect, encode_effect
from mergelaw.replica.database import Database, default_engines
from mergelaw.replica.transaction import Transaction
from tests.reference.commands.harness import Instance, Server


class Sharing(Server):
    """A server that commits when it is told to."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.tx: Transaction | None = None

    def begin(self, now_ms: int) -> Transaction:
        if self.tx is None:
            self.tx = self._db.begin(now_ms)
        self.tx.now_ms = now_ms
        return self.tx

    def end(self, tx: Transaction) -> None:
        assert tx is self.tx

    def flush(self) -> None:
        if self.tx is not None:
            super().end(self.tx)
            self.tx = None


def sharing(replica: int = 1) -> Instance:
    instance = Instance(replica)
    instance.server = Sharing(instance.db)
    return instance


def flush(instance: Instance) -> None:
    assert isinstance(instance.server, Sharing)
    instance.server.flush()


KEYS = st.sampled_from(["k", "l"])
VALUES = st.sampled_from(["a", "7", "-3"])
WRITES = st.one_of(
    st.tuples(st.just("SET"), KEYS, VALUES),
    st.tuples(st.just("INCR"), KEYS),
    st.tuples(st.just("INCRBY"), KEYS, st.sampled_from(["5", "-9", "288230376151711743"])),
    st.tuples(st.just("HSET"), KEYS, st.sampled_from(["f", "g"]), VALUES),
    st.tuples(st.just("SADD"), KEYS, st.sampled_from(["x", "y"])),
)
OTHERS = st.one_of(
    st.tuples(st.sampled_from(["GET", "DEL", "TYPE", "PERSIST", "GETDEL", "HGETALL", "SMEMBERS", "DBSIZE"]), KEYS).map(
        lambda c: c[:1] if c[0] == "DBSIZE" else c
    ),
    st.tuples(st.just("EXPIRE"), KEYS, st.sampled_from(["100", "-1"])),
    st.tuples(st.just("APPEND"), KEYS, VALUES),
    st.tuples(st.just("RENAME"), KEYS, KEYS),
    st.tuples(st.just("HDEL"), KEYS, st.just("f")),
    st.tuples(st.just("HEXPIRE"), KEYS, st.just("100"), st.just("FIELDS"), st.just("1"), st.just("f")),
    st.tuples(st.just("flush")),
    st.tuples(st.just("peer")),
)
RUNS = st.lists(st.one_of(WRITES, WRITES, WRITES, OTHERS), max_size=25)


def content(instance: Instance, key: str) -> Any:
    kind = instance.run("TYPE", key).text
    read = {b"string": ("GET",), b"hash": ("HGETALL",), b"set": ("SMEMBERS",)}.get(kind)
    if read is None:
        return kind
    found = instance.run(read[0], key)
    return sorted(found.items()) if isinstance(found, dict) else sorted(found.items) if kind == b"set" else found


@settings(max_examples=300, deadline=None)
@given(RUNS)
def test_replies_and_states_are_those_of_commands_one_by_one(commands: list[tuple[str, ...]]) -> None:
    """Beside a peer's writes, which arrive in between; and a third instance that has only the effects agrees."""
    plain, shared, peer, third = Instance(1), sharing(), Instance(2), Instance(3)
    sent = told = 0
    for command in commands:
        if command == ("flush",):
            flush(shared)
        elif command == ("peer",):
            peer.run("INCRBY", "k", "2") if sent % 2 else peer.run("SADD", "l", "p")
            sent += 1
            for effect in peer.server.published[told:]:
                plain.db.receive(effect, plain.now_ms)
                shared.db.receive(effect, shared.now_ms)
                third.db.receive(effect, third.now_ms)
            told = len(peer.server.published)
        else:
            assert repr(shared.run(*command)) == repr(plain.run(*command)), command
    flush(shared)
    for key in ("k", "l"):
        assert content(shared, key) == content(plain, key)
    for effect in shared.server.published:
        again = decode_effect(encode_effect(effect, default_engines()), default_engines())
        assert third.db.receive(again, third.now_ms) == [again]
    assert {k: e.value for k, e in third.db.keys.items()} == {k: e.value for k, e in shared.db.keys.items()}
    assert third.db.seen == shared.db.seen
    assert third.db.received == shared.db.received


def test_many_increments_are_one_update_and_all_count() -> None:
    instance = sharing()
    assert [instance.run("INCR", "c") for _ in range(100)] == list(range(1, 101))
    flush(instance)
    (effect,) = instance.server.published
    assert effect.last - effect.first < 10
    assert instance.run("GET", "c") == b"100"


def test_the_last_of_many_writes_is_sent() -> None:
    instance = sharing()
    for n in range(50):
        instance.run("SET", "k", f"value {n}")
        assert instance.run("HSET", "h", "f", n) == (n == 0)
    flush(instance)
    (effect,) = instance.server.published
    assert len(encode_effect(effect, default_engines())) < 400
    assert instance.run("GET", "k") == b"value 49"
    assert instance.run("HGET", "h", "f") == b"49"


def test_watch_notices_a_write_that_was_put_off() -> None:
    instance = sharing()
    watcher = instance.connect()
    instance.run("SET", "k", "1")
    instance.run("WATCH", "k", client=watcher)
    instance.run("SET", "k", "2")
    instance.run("MULTI", client=watcher)
    instance.run("GET", "k", client=watcher)
    assert repr(instance.run("EXEC", client=watcher)) == "NilArray()"


@pytest.mark.parametrize("write", [("SET", "k", "v"), ("INCR", "k"), ("HSET", "k", "f", "v"), ("SADD", "k", "m")])
def test_a_snapshot_has_what_was_put_off(write: tuple[str, ...]) -> None:
    instance = sharing()
    for _ in range(3):
        instance.run(*write)
    views = {key: entry.value for key, entry in instance.db.view()}
    flush(instance)
    assert views == {key: entry.value for key, entry in instance.db.keys.items()}
