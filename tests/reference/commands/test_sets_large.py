"""Large sets and hashes: no command looks at all members to answer about a few, and scans miss nothing."""

from __future__ import annotations

import gc
import random
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from immutables import Map

from mergelaw.commands import collection
from mergelaw.commands.collection import SMALL, View, always, chosen, ordered, place, views
from tests.reference.commands.harness import Instance, Mesh

MANY = 3000


def filled(count: int = MANY, instance: Instance | None = None) -> Instance:
    """A set `s` and a hash `h` of so many names."""
    instance = instance or Instance()
    names = [b"%d" % n for n in range(count)]
    instance.run("SADD", "s", *names)
    instance.run("HSET", "h", *(item for name in names for item in (name, b"v")))
    return instance


# Views ----------------------------------------------------------------------------------------------------------------


@given(
    steps=st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2), max_size=4), max_size=12),
    start=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 1)),
)
def test_a_view_follows_its_map(start: dict[str, int], steps: list[dict[str, int]]) -> None:
    """0: in the map, but not present; 2: taken out."""
    held: Any = Map(start)
    view = View(held, bool)
    for step in steps:
        for name, value in step.items():
            held = held.set(name, value) if value < 2 else held.delete(name) if name in held else held
        view.follow(held, step)
        assert sorted(view.names) == sorted(name for name, value in held.items() if value)


def test_views_are_not_made_anew_by_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    original = View.__init__

    def counting(self: View, *args: Any) -> None:
        made.append(self)
        original(self, *args)

    monkeypatch.setattr(View, "__init__", counting)
    mesh = Mesh(2)
    one = filled(instance=mesh[1])
    mesh.sync()
    popped: set[bytes] = set()
    for n in range(300):
        popped.add(one.run("SPOP s"))
        one.run("SADD", "s", f"new{n}")
        one.run("SRANDMEMBER s")
        one.run("HDEL", "h", one.run("HRANDFIELD h"))
        one.run("HSET", "h", f"new{n}", "v")
        mesh[2].run("SADD", "s", f"other{n}")
        mesh[2].run("HSET", "h", f"other{n}", "v")
        mesh.sync()
        assert one.run("HLEN h") == MANY + n + 1
        assert one.run("SCARD s") == MANY + n + 1
    # A set and a hash, at the instance that was asked.
    assert len(made) == 2
    key = one.db.keys[b"s"]
    held = collection.table_of(one.db, key.value, "members")
    assert sorted(views(one.db).names(b"s", "members", held, always)) == sorted(held)
    assert len(popped) == 300
    assert not popped & set(one.run("SMEMBERS s").items)


def test_a_deleted_key_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    one = filled()
    one.run("SPOP s")
    one.run("DEL s h")
    assert one.run("SPOP s") is None
    one.run("SADD", "s", *(f"x{n}" for n in range(200)))
    assert one.run("SPOP s").startswith(b"x")


def test_views_do_not_keep_a_database() -> None:
    one = filled(200)
    one.run("SPOP s")
    known = weakref.ref(one.db)
    del one
    gc.collect()
    assert known() is None


# Cost -----------------------------------------------------------------------------------------------------------------


class Watched:
    """Counts how often all of a map is gone through, by the methods that commands have for it."""

    def __init__(self, held: Any) -> None:
        self.held = held
        self.walks = 0

    def __len__(self) -> int:
        return len(self.held)

    def __contains__(self, name: str) -> bool:
        return name in self.held

    def __getitem__(self, name: str) -> Any:
        return self.held[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.held.get(name, default)

    def __iter__(self) -> Iterator[str]:
        self.walks += 1
        return iter(self.held)

    def items(self) -> Any:
        self.walks += 1
        return self.held.items()


@pytest.mark.parametrize(
    "line",
    ["SADD s new", "SREM s 5", "SCARD s", "SISMEMBER s 7", "SMISMEMBER s 7 nope", "SMOVE s t 9", "SADD s 5 6 7"],
)
def test_naming_a_few_members_looks_at_no_others(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    one = filled()
    watched: list[Watched] = []
    original = collection.table_of

    def watching(db: Any, value: Any, store: str) -> Any:
        watched.append(Watched(original(db, value, store)))
        return watched[-1]

    monkeypatch.setattr("mergelaw.commands.sets.table_of", watching)
    one.run(line)
    assert watched and not sum(w.walks for w in watched)


# Scans ----------------------------------------------------------------------------------------------------------------


def test_maps_are_in_the_order_of_place() -> None:
    held = Map((f"member {n}", True) for n in range(5000))
    names = list(ordered(held))
    assert [place(n) for n in names] == sorted(map(place, held))


def scanned(instance: Instance, command: str, key: str, count: int) -> Iterator[list[bytes]]:
    """The pages of a scan; the caller may change the collection between them."""
    cursor = b"0"
    while True:
        cursor, page = instance.run(command, key, cursor, "COUNT", count)
        yield page
        if cursor == b"0":
            return


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32), count=st.sampled_from([1, 10, 100, 500]))
def test_a_scan_gives_all_that_is_there_all_the_time(seed: int, count: int) -> None:
    draw = random.Random(seed)
    one = filled(600)
    stays = {b"%d" % n for n in range(300)}
    seen: Counter[bytes] = Counter()
    ever = {b"%d" % n for n in range(600)}
    for number, page in enumerate(scanned(one, "SSCAN", "s", count)):
        seen.update(page)
        if number % 7 == 0:
            one.run("SADD", "s", f"x{number}")
            ever.add(b"x%d" % number)
        one.run("SREM", "s", draw.randrange(300, 600))
        if number % 50 == 3:
            # Another scan begins, and is given up.
            one.run("SSCAN", "s", 0, "COUNT", 5)
    assert stays <= set(seen) <= ever
    assert max(seen.values()) == 1


def test_a_scan_of_fields_gives_values() -> None:
    one = filled()
    pages = [page for pages in scanned(one, "HSCAN", "h", 100) for page in [pages]]
    assert all(len(page) <= 220 for page in pages)
    flat = [item for page in pages for item in page]
    assert dict(zip(flat[::2], flat[1::2], strict=True)) == {b"%d" % n: b"v" for n in range(MANY)}
    bare = [item for page in scanned(one, "HSCAN", "h", 1000) for item in page]
    assert len(bare) == 2 * MANY
    cursor, names = one.run("HSCAN h 0 COUNT 1000 NOVALUES MATCH 1*")
    assert cursor != b"0" and names and all(name.startswith(b"1") for name in names)


def test_a_scan_goes_on_where_the_set_has_become_small() -> None:
    one = filled()
    cursor, page = one.run("SSCAN", "s", 0, "COUNT", 1000)
    gone = [b"%d" % n for n in range(MANY) if n % 50]
    one.run("SREM", "s", *gone)
    assert one.run("SCARD s") <= SMALL
    found = set(page)
    while cursor != b"0":
        cursor, page = one.run("SSCAN", "s", cursor, "COUNT", 10)
        found.update(page)
    assert {b"%d" % n for n in range(0, MANY, 50)} <= found


# Choosing -------------------------------------------------------------------------------------------------------------


@given(size=st.integers(0, 30), count=st.integers(0, 40), seed=st.integers(0, 1000))
def test_chosen_names_are_different(size: int, count: int, seed: int) -> None:
    names = [str(n) for n in range(size)]
    found = chosen(names, count, random.Random(seed).randrange)
    assert len(found) == len(set(found)) == min(size, count)
    assert set(found) <= set(names)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_choice_is_as_likely(count: int) -> None:
    draw = random.Random(7).randrange
    seen = Counter(tuple(sorted(chosen(list("abcd"), count, draw))) for _ in range(6000))
    expected = 6000 / {1: 4, 2: 6, 4: 1}[count]
    assert all(abs(times - expected) < expected / 5 for times in seen.values())
    assert len(seen) == {1: 4, 2: 6, 4: 1}[count]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("SRANDMEMBER s -1000001", b"-ERR value is out of range\r\n"),
        ("SRANDMEMBER s -9223372036854775807", b"-ERR value is out of range\r\n"),
        ("HRANDFIELD h -1000001", b"-ERR value is out of range\r\n"),
        ("HRANDFIELD h -4611686018427387904 WITHVALUES", b"-ERR value is out of range\r\n"),
        ("SRANDMEMBER nokey -9223372036854775807", b"*0\r\n"),
    ],
)
def test_too_many_random_members_are_refused(line: str, reply: bytes) -> None:
    assert filled(200).wire(line) == reply


def test_pairs_in_both_protocols() -> None:
    one = Instance()
    one.run("HSET h f v")
    one.run("SADD s a")
    assert one.wire("HRANDFIELD h 1 WITHVALUES") == b"*2\r\n$1\r\nf\r\n$1\r\nv\r\n"
    one.client.protocol = 3
    assert one.wire("HRANDFIELD h 1 WITHVALUES", protocol=3) == b"*1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"
    assert one.wire("HGETALL h", protocol=3) == b"%1\r\n$1\r\nf\r\n$1\r\nv\r\n"
    for line in ("SMEMBERS s", "SINTER s s", "SUNION s", "SDIFF s", "SPOP s 1"):
        assert one.wire(line, protocol=3) == b"~1\r\n$1\r\na\r\n"
    assert one.wire("SMEMBERS s", protocol=3) == b"~0\r\n"
    one.run("SET k ab")
    assert one.wire("LCS k k LEN", protocol=3) == b":2\r\n"
    assert one.wire("LCS k k IDX WITHMATCHLEN", protocol=3) == (
        b"%2\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:0\r\n:1\r\n*2\r\n:0\r\n:1\r\n:2\r\n$3\r\nlen\r\n:2\r\n"
    )
