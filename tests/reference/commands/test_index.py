from __future__ import annotations

import random
import zlib

import pytest

from mergelaw.commands.glob import matcher
from mergelaw.commands.index import KeyIndex
from mergelaw.replica.database import Database, default_engines
from mergelaw.replica.snapshot import Incoming, Snapshot
from tests.reference.commands.harness import Instance, Mesh


def scanned(instance: Instance, *options: str | int) -> list[bytes]:
    """A complete scan, with what comes twice."""
    found: list[bytes] = []
    cursor = b"0"
    while True:
        cursor, some = instance.run("SCAN", cursor, *options)
        found += some
        if cursor == b"0":
            return found


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_a_scan_of_keys_that_stay_finds_each_once(instance: Instance, count: int) -> None:
    names = {b"key:%d" % n for n in range(300)}
    instance.run("MSET", *[part for name in names for part in (name, b"v")])
    assert sorted(scanned(instance, "COUNT", count)) == sorted(names)


def test_a_scan_finds_what_stays_while_other_keys_come_and_go(instance: Instance) -> None:
    choose = random.Random(3)
    for n in range(200):
        instance.run("SET", f"stays:{n}", 1)
    cursor, found, calls = b"0", [], 0
    while calls == 0 or cursor != b"0":
        cursor, some = instance.run("SCAN", cursor, "COUNT", 5)
        found += some
        calls += 1
        for _ in range(10):
            instance.run("SET", f"goes:{choose.randrange(500)}", 1)
            instance.run("DEL", f"goes:{choose.randrange(500)}")
    kept = [key for key in found if key.startswith(b"stays:")]
    assert sorted(kept) == sorted(b"stays:%d" % n for n in range(200))
    assert calls < 400


def test_a_scan_ends_though_keys_are_added_all_the_time(instance: Instance) -> None:
    instance.run("SET a 1")
    cursor, calls = b"0", 0
    while calls == 0 or cursor != b"0":
        cursor, _ = instance.run("SCAN", cursor, "COUNT", 10)
        calls += 1
        for n in range(5):
            instance.run("SET", f"new:{calls}:{n}", 1)
        assert calls < 500


def test_keys_of_one_hash_come_together() -> None:
    db = Database(1, default_engines())
    index = KeyIndex(db, lambda key: 42)
    for n in range(10):
        tx = db.begin(0)
        tx.update(b"k%d" % n, "add", "x")
        tx.commit()
    cursor, found = index.scan(0, 3)
    assert len(found) == 10
    assert index.scan(cursor, 3)[1] == []


def test_an_index_finds_keys_that_were_there_before(instance: Instance) -> None:
    instance.run("MSET", *[part for n in range(50) for part in (f"k{n}", "v")])
    index = KeyIndex(instance.db, zlib.crc32)
    assert sorted(index.scan(0, 100)[1]) == sorted(instance.db.keys)


def test_a_change_is_told_to_whoever_listened_before() -> None:
    db = Database(1, default_engines())
    told: list[bytes] = []
    db.on_change = told.append
    KeyIndex(db)
    tx = db.begin(0)
    tx.update(b"k", "add", "x")
    tx.commit()
    assert told == [b"k"]


def test_scan_chooses_by_pattern_and_type(instance: Instance) -> None:
    instance.run("MSET a1 1 a2 2 b1 3")
    instance.run("SADD as x")
    assert sorted(scanned(instance, "MATCH", "a*")) == [b"a1", b"a2", b"as"]
    assert sorted(scanned(instance, "MATCH", "a*", "TYPE", "STRING")) == [b"a1", b"a2"]
    assert scanned(instance, "TYPE", "set") == [b"as"]


def test_scan_and_keys_hide_what_has_expired_or_is_deleted(instance: Instance) -> None:
    instance.run("MSET a 1 b 2 c 3")
    instance.run("PEXPIRE a 10")
    instance.run("DEL b")
    instance.now_ms += 10
    assert scanned(instance) == instance.run("KEYS *") == [b"c"]
    assert instance.run("RANDOMKEY") == b"c"


def test_scan_finds_keys_of_peers() -> None:
    mesh = Mesh(2)
    mesh[1].run("MSET a 1 b 2")
    assert scanned(mesh[2]) == []
    mesh.sync()
    assert sorted(scanned(mesh[2])) == [b"a", b"b"]


def test_a_scan_that_begins_during_a_full_sync_finds_all_its_keys() -> None:
    mesh = Mesh(2)
    names = sorted(b"k%04d" % n for n in range(2500))
    mesh[1].run("MSET", *[part for name in names for part in (name, "v")])
    incoming = Incoming(mesh[2].db)
    for chunk in Snapshot(mesh[1].db).chunks():
        incoming.feed(chunk)
    incoming.finish(mesh[2].now_ms)
    assert not mesh[2].db.settled
    assert mesh[2].run("GET k0042") == b"v"
    assert sorted(scanned(mesh[2], "COUNT", 100)) == names


def test_keys_and_flushall_reach_the_keys_of_a_full_sync() -> None:
    mesh = Mesh(2)
    mesh[1].run("MSET a 1 b 2")
    for command, left in (("KEYS *", 2), ("FLUSHALL", 0)):
        target = Mesh(2)[2]
        incoming = Incoming(target.db)
        for chunk in Snapshot(mesh[1].db).chunks():
            incoming.feed(chunk)
        incoming.finish(target.now_ms)
        target.run(command)
        assert (target.db.settled, target.run("DBSIZE")) == (True, left)


def test_any_key_may_be_drawn(instance: Instance) -> None:
    for n in range(20):
        instance.run("SET", f"k{n}", 1)
    assert {instance.run("RANDOMKEY") for _ in range(500)} == {b"k%d" % n for n in range(20)}


def test_idle_time_counts_from_the_last_use(instance: Instance) -> None:
    instance.run("SET a 1")
    instance.now_ms += 5000
    assert instance.run("OBJECT IDLETIME a") == 5
    instance.run("GET a")
    assert instance.run("OBJECT IDLETIME a") == 0
    instance.now_ms += 3000
    instance.run("CLIENT NO-TOUCH ON")
    instance.run("GET a")
    assert instance.run("OBJECT IDLETIME a") == 3
    instance.run("TOUCH a")
    assert instance.run("OBJECT IDLETIME a") == 0


def test_many_stars_do_not_take_long() -> None:
    assert not matcher(b"*a" * 30 + b"*b")(b"a" * 5000)
    assert matcher(b"a*b*c?*")(b"a-b-b-c-x")
    assert not matcher(b"a*ab")(b"ab")


def test_letters_of_either_case_match_where_asked_to() -> None:
    assert matcher(b"MAX*", ignore_case=True)(b"maxmemory")
    assert matcher(b"MAXMEMORY", ignore_case=True)(b"maxmemory")
    assert not matcher(b"MAX*")(b"maxmemory")
