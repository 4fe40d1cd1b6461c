"""Full sync: the traces of stores.md 16, and that it stops nobody."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Iterator

import pytest

from mergelaw.replica.codec import BadEncoding
from mergelaw.replica.database import Database, default_engines
from mergelaw.replica.model import BadEffect
from mergelaw.replica.snapshot import Chunk, Incoming, Snapshot, decode_chunk, encode_chunk
from mergelaw.semantics.context import EMPTY, CausalContext
from tests.reference.replica.network import state_of
from tests.reference.replica.test_database import db, get, members, run

ENGINES = default_engines()


def sync(source: Database, target: Database, max_bytes: int = 1 << 18) -> None:
    incoming = Incoming(target)
    for chunk in Snapshot(source).chunks(max_bytes):
        incoming.feed(chunk)
    incoming.finish()


def test_an_empty_database_is_one_chunk() -> None:
    a, b = db(1), db(2)
    chunks = list(Snapshot(a).chunks())
    assert len(chunks) == 1 and decode_chunk(chunks[0], ENGINES) == Chunk(0, True, EMPTY, EMPTY, EMPTY, ())
    sync(a, b)
    assert not b.keys and b.settled


@pytest.mark.parametrize("max_bytes", [1, 200, 1 << 18])
def test_a_snapshot_brings_everything(max_bytes: int) -> None:
    a, b = db(1), db(2)
    for i in range(20):
        run(a, (b"s%d" % i, "set", (1, i)), (b"c", "increase", i, None), (b"set", "add", str(i)))
    run(a, (b"h", "hash_set_for", "f", (0, "v"), 5000), (b"s3", "DEL"), (b"c", "set", (1, 7)))
    sync(a, b, max_bytes)
    assert b.settle(1000) is False
    assert state_of(a) == state_of(b)
    assert (a.seen, a.received, a.size) == (b.seen, b.received, b.size)
    assert a.due(9999, 10) == [b"h"]


def test_what_was_deleted_there_is_deleted_here() -> None:
    a, b = db(1), db(2)
    b.receive(run(a, (b"k", "set", (0, "v")), (b"s", "add", "x")), 0)
    run(a, (b"k", "DEL"), (b"s", "remove", "x"))
    sync(a, b)
    assert b.visible(b"k", 0) is None and b.entry(b"s") is None
    assert b.size == 0 and state_of(b) == {}


def test_a_remove_that_overtook_its_add_is_not_forgotten() -> None:
    a, b, c, d = db(1), db(2), db(3), db(4)
    add = run(a, (b"s", "add", "x"))
    b.receive(add, 0)
    c.receive(run(b, (b"s", "remove", "x")), 0)
    sync(c, d)
    c.receive(add, 0)
    d.receive(add, 0)
    assert c.received == d.received and state_of(c) == state_of(d) == {}


def test_both_sides_keep_what_only_they_have() -> None:
    a, b = db(1), db(2)
    run(a, (b"s", "add", "x"), (b"a", "set", (0, "1")))
    run(b, (b"s", "add", "y"), (b"b", "set", (0, "2")))
    sync(a, b)
    sync(b, a)
    assert members(a, b"s") == members(b, b"s") == {"x", "y"}
    assert state_of(a) == state_of(b) and a.seen == b.seen and a.received == b.received


def test_commands_and_effects_go_on_meanwhile() -> None:
    a, b, c = db(1), db(2), db(3)
    for i in range(10):
        run(a, (b"k%d" % i, "add", "old"))
    removed = run(a, (b"k3", "remove", "old"))
    incoming = Incoming(b)
    chunks = list(Snapshot(a).chunks(1))
    assert len(chunks) == 9  # k3 is gone
    for chunk in chunks[:4]:
        assert not incoming.feed(chunk)
    assert incoming.keys == 4 and not b.keys
    later = run(a, (b"k1", "remove", "old"), (b"k2", "add", "new"))
    b.receive(later, 0)
    mine = run(b, (b"k1", "add", "mine"))
    for chunk in chunks[4:]:
        incoming.feed(chunk)
    assert incoming.complete and incoming.received == CausalContext.from_vector({1: removed.last})
    incoming.finish()
    assert len(b.lags) == 1 and b.received == a.received | mine.context
    # Every key is whole as soon as it is asked for, whatever was merged by then.
    assert members(b, b"k1") == {"mine"} and members(b, b"k2") == {"old", "new"} and members(b, b"k3") == set()
    run(b, (b"k5", "remove", "old"))
    assert b.settle(2) is True
    taken = Snapshot(b)
    assert b.settle(1000) is False and not b.lags
    again = Incoming(c)
    for chunk in taken.chunks(1):
        again.feed(chunk)
    again.finish()
    assert state_of(b) == state_of(c) and b.seen == c.seen


def test_two_snapshots_settle_one_after_the_other() -> None:
    a, b, c = db(1), db(2), db(3)
    b.receive(run(a, (b"k", "increase", 5, None), (b"s", "add", "x")), 0)
    first = list(Snapshot(a).chunks())
    run(b, (b"k", "DEL"), (b"s", "remove", "x"), (b"t", "add", "y"))
    second = list(Snapshot(b).chunks())
    for chunks in (first, second):
        incoming = Incoming(c)
        for chunk in chunks:
            incoming.feed(chunk)
        incoming.finish()
    assert len(c.lags) == 2
    copy = Database(4, ENGINES)
    sync(c, copy)
    assert get(c, b"k") is None and members(c, b"t") == {"y"}
    assert state_of(c) == state_of(copy) == state_of(b)
    assert c.seen == b.seen


def test_effects_that_waited_for_something_in_the_snapshot() -> None:
    a, b, c = db(1, causal=True), db(2, causal=True), db(3)
    b.receive(run(a, (b"k", "set", (0, "1"))), 0)
    late = run(b, (b"k", "set", (0, "2")))
    assert c.receive(late, 0) == []
    incoming = Incoming(c)
    for chunk in Snapshot(a).chunks():
        incoming.feed(chunk)
    assert incoming.finish() == [late]
    assert get(c, b"k") == ((0, "2"),) and c.received == b.received


def test_old_snapshots_do_no_harm() -> None:
    a, b = db(1), db(2)
    b.receive(run(a, (b"c", "increase", 5, None), (b"s", "add", "x")), 0)
    old = list(Snapshot(a).chunks())
    for database in (a, b):
        assert database.entry(b"c") is not None
    deleted = run(a, (b"c", "DEL"), (b"s", "remove", "x"))
    b.receive(deleted, 0)
    for target in (a, b):
        incoming = Incoming(target)
        for chunk in old:
            incoming.feed(chunk)
        incoming.finish()
    assert state_of(a) == state_of(b) and get(a, b"c") is None and members(b, b"s") == set()


def test_snapshots_that_lie() -> None:
    a, b = db(1), db(2)
    run(a, (b"k", "set", (0, "v")), (b"l", "set", (0, "w")))
    one, two = Snapshot(a).chunks(1)
    for wrong in ([two], [one, one], [one, two, two], [two, one]):
        incoming = Incoming(b)
        with pytest.raises(BadEncoding):
            for chunk in wrong:
                incoming.feed(chunk)
    with pytest.raises(BadEncoding, match="last chunk"):
        Incoming(b).finish()
    first = decode_chunk(one, ENGINES)
    twice = Chunk(0, True, first.seen, first.received, EMPTY, first.entries * 2)
    with pytest.raises(BadEncoding, match="twice"):
        Incoming(b).feed(encode_chunk(twice, ENGINES))
    unseen = Chunk(0, True, EMPTY, EMPTY, EMPTY, first.entries)
    with pytest.raises(BadEncoding, match="live dot"):
        Incoming(b).feed(encode_chunk(unseen, ENGINES))
    received = Chunk(0, True, EMPTY, CausalContext([(1, 1)]), EMPTY, ())
    with pytest.raises(BadEncoding, match="not seen"):
        Incoming(b).feed(encode_chunk(received, ENGINES))
    run(b, (b"k", "set", (0, "mine")))
    before = state_of(b), b.seen, b.received
    incoming = Incoming(b)
    forged = CausalContext([(2, 99)])
    incoming.feed(Chunk(0, True, forged, EMPTY, EMPTY, ()))
    with pytest.raises(BadEffect):
        incoming.finish()
    assert (state_of(b), b.seen, b.received) == before and b.settled


def filled(count: int) -> Database:
    """A database with so many strings, made without running commands."""
    database = db(1)
    run(database, (b"k", "set", (0, "v")))
    value = database.keys[b"k"].value
    for i in range(count):
        database.load(b"key:%d" % i, {"Key": value})
    return database


def slowest(steps: Iterable[object]) -> float:
    """Processor seconds of the longest of the steps: those that the machine gives to others do not count."""
    longest, going = 0.0, iter(steps)
    while True:
        started = time.thread_time()
        done = next(going, None) is None
        longest = max(longest, time.thread_time() - started)
        if done:
            return longest


@pytest.mark.slow
def test_a_snapshot_of_a_million_keys_stops_nobody() -> None:
    source, target = filled(1_000_000), db(2)
    incoming = Incoming(target)

    def begin() -> Iterator[Snapshot]:
        yield Snapshot(source)

    def sending() -> Iterator[bytes]:
        for chunk in Snapshot(source).chunks():
            chunks.append(chunk)
            yield chunk

    def receiving() -> Iterator[bool]:
        for chunk in chunks:
            yield incoming.feed(chunk)
        incoming.finish()
        yield True

    def settling() -> Iterator[bool]:
        while target.settle(500):
            yield True

    gc.freeze()
    gc.disable()
    try:
        chunks: list[bytes] = []
        assert slowest(begin()) < 0.005
        times = {step.__name__: slowest(step()) for step in (sending, receiving, settling)}
        assert max(times.values()) < 0.05, times
        assert target.size == source.size
    finally:
        gc.enable()
        gc.unfreeze()
