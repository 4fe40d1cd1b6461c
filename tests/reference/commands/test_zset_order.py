"""The order of large sorted sets: it follows every change, and commands look at few members to answer about few."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mergelaw.commands.table import Call
from mergelaw.commands.zset_order import Order
from mergelaw.commands.zset_scores import lex_range, score_range
from mergelaw.commands.zset_state import Scores, scores_now
from mergelaw.replica.snapshot import Incoming, Snapshot
from tests.reference.commands.harness import Instance, Mesh

MANY = 3000


def filled(instance: Instance | None = None, count: int = MANY) -> Instance:
    """A sorted set `z` of so many members, ten of each score."""
    instance = instance or Instance()
    instance.run("ZADD", "z", *(item for n in range(count) for item in (n // 10, f"m{n:05}")))
    return instance


def scores(instance: Instance, key: bytes = b"z") -> Scores | None:
    return scores_now(Call([], instance.db, instance.now_ms, instance.client, instance.server), key)


# An order is that of the state ----------------------------------------------------------------------------------------


class Following(RuleBasedStateMachine):
    """Two instances, each with orders that follow whatever happens."""

    KEYS = (b"k", b"l")

    def __init__(self) -> None:
        super().__init__()
        # Orders are kept of all, also of the smallest.
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr("mergelaw.commands.zset_order.SMALL", -1)
        self.mesh = Mesh(2)

    def teardown(self) -> None:
        self._patch.undo()

    members = st.sampled_from(["a", "b", "c", "d", "\xff"])
    numbers = st.sampled_from(["0", "1", "-1", "0.1", "inf", "-inf", "7", "1e308"])
    where = st.integers(1, 2)
    keys = st.sampled_from(["k", "l"])

    @rule(at=where, key=keys, member=members, number=numbers)
    def add(self, at: int, key: str, member: str, number: str) -> None:
        self.mesh[at].run("ZADD", key, number, member)

    @rule(at=where, key=keys, member=members, number=numbers)
    def increase(self, at: int, key: str, member: str, number: str) -> None:
        self.mesh[at].run("ZINCRBY", key, number, member)

    @rule(at=where, key=keys, member=members)
    def remove(self, at: int, key: str, member: str) -> None:
        self.mesh[at].run("ZREM", key, member)

    @rule(at=where, key=keys, line=st.sampled_from(["ZPOPMIN {}", "DEL {}", "ZREMRANGEBYRANK {} 0 1", "SADD {} x"]))
    def write(self, at: int, key: str, line: str) -> None:
        self.mesh[at].run(line.format(key))

    @rule(
        at=where,
        line=st.sampled_from(["RENAME k l", "COPY k l REPLACE", "ZUNIONSTORE l 2 k l", "SET k v", "EXPIRE k 1"]),
    )
    def copy(self, at: int, line: str) -> None:
        self.mesh[at].run(line)

    @rule(at=where, member=members)
    def block(self, at: int, member: str) -> None:
        for line in ("MULTI", f"ZADD k 1 {member} 2 z", "ZPOPMAX k", f"ZINCRBY l 3 {member}", "ZREM l z", "EXEC"):
            self.mesh[at].run(*(word.encode("latin-1") for word in line.split()))

    @rule(source=where)
    def deliver(self, source: int) -> None:
        self.mesh.deliver(source, 3 - source)

    @rule(source=where)
    def full_sync(self, source: int) -> None:
        incoming = Incoming(self.mesh[3 - source].db)
        for chunk in Snapshot(self.mesh[source].db).chunks():
            incoming.feed(chunk)
        incoming.finish()

    @rule(ms=st.sampled_from([1, 600]))
    def wait(self, ms: int) -> None:
        self.mesh.wait(ms)

    @rule(at=where)
    def tick(self, at: int) -> None:
        self.mesh[at].tick()

    @invariant()
    def orders_are_those_of_the_state(self) -> None:
        for instance in self.mesh.instances:
            for key in self.KEYS:
                found = scores(instance, key)
                if found is None:
                    continue
                order = found.order()
                assert order.held is found.held
                assert order.scores == dict(found.items())
                assert list(order) == sorted((number, member) for member, number in found.items())
                assert [order.rank(member) for _, member in order] == list(range(len(found)))


TestFollowing = Following.TestCase
TestFollowing.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def test_orders_are_not_made_anew_by_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Order] = []
    original = Order.__init__

    def counting(self: Order, *args: Any) -> None:
        made.append(self)
        original(self, *args)

    mesh = Mesh(2)
    one = filled(mesh[1])
    mesh.sync()
    monkeypatch.setattr(Order, "__init__", counting)
    for n in range(200):
        one.run("ZADD", "z", n, f"new{n}")
        one.run("ZINCRBY", "z", 5, f"m{n + 500:05}")
        one.run("ZREM", "z", f"m{n + 900:05}")
        one.run("ZPOPMAX z")
        mesh[2].run("ZADD", "z", "0.5", f"other{n}")
        mesh.sync()
        assert one.run("ZRANK", "z", f"new{n}") is not None
        assert one.run("ZCARD z") == MANY + 1 - n - 1 + n
    assert len(made) == 1
    found = scores(one)
    assert found is not None
    assert list(found.order()) == sorted((number, member) for member, number in found.items())


# Cost -----------------------------------------------------------------------------------------------------------------


class Watched:
    """A map that counts how often all of it is gone through."""

    def __init__(self, held: Mapping[str, Any]) -> None:
        self.held = held
        self.walks = 0

    def __len__(self) -> int:
        return len(self.held)

    def get(self, name: str) -> Any:
        return self.held.get(name)

    def __iter__(self) -> Iterator[str]:
        self.walks += 1
        return iter(self.held)

    def items(self) -> Any:
        self.walks += 1
        return self.held.items()

    def values(self) -> Any:
        self.walks += 1
        return self.held.values()


@pytest.mark.parametrize(
    "line",
    [
        "ZADD z 3.5 new", "ZADD z 3.5 m00007", "ZINCRBY z 3 m00007", "ZREM z m00008 nope", "ZSCORE z m00007",
        "ZMSCORE z m00007 nope", "ZADD z XX GT 5 m00001",
    ],
)  # fmt: skip
def test_naming_a_few_members_looks_at_no_others(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    one = filled()
    watched: list[Watched] = []
    original = Scores.__init__

    def watching(self: Scores, *args: Any) -> None:
        original(self, *args)
        watched.append(Watched(self.held))
        self.held = watched[-1]  # type: ignore[assignment]

    monkeypatch.setattr(Scores, "__init__", watching)
    one.run(line)
    assert watched and not sum(w.walks for w in watched)


class CountingRow:
    """The row of an order, which counts the elements that are taken from it."""

    def __init__(self, row: Any) -> None:
        self.row = row
        self.taken = 0

    def islice(self, *args: Any) -> Iterator[Any]:
        for item in self.row.islice(*args):
            self.taken += 1
            yield item

    def __iter__(self) -> Iterator[Any]:
        self.taken += len(self.row)
        return iter(self.row)

    def __len__(self) -> int:
        return len(self.row)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)

    def __getitem__(self, at: int) -> Any:
        self.taken += 1
        return self.row[at]


@pytest.mark.parametrize(
    ("line", "most"),
    [
        ("ZRANGE z 1000 1009 WITHSCORES", 10),
        ("ZREVRANGE z 5 9", 5),
        ("ZRANGE z 20 (200 BYSCORE LIMIT 500 7", 7),
        ("ZREVRANGEBYSCORE z +inf -inf LIMIT 1 3", 3),
        ("ZCOUNT z 20 200", 0),
        ("ZRANK z m01234", 0),
        ("ZPOPMIN z 4", 4),
        ("ZPOPMAX z", 1),
        ("ZMPOP 1 z MAX COUNT 3", 3),
        ("ZRANDMEMBER z 5", 5),
        ("ZREMRANGEBYRANK z 7 9", 3),
        ("ZREMRANGEBYSCORE z 30 30", 10),
        ("GEOSEARCH z FROMMEMBER m00000 BYRADIUS 0 m COUNT 3 ANY", 20),
        ("ZRANGE same - + BYLEX LIMIT 900 5", 8),
        ("ZLEXCOUNT same [m00100 (m00200", 3),
        ("ZRANGE same (m00100 + BYLEX LIMIT 0 5", 8),
    ],
)
def test_a_part_of_the_order_costs_what_it_holds(line: str, most: int) -> None:
    one = filled()
    one.run("ZADD", "same", *(item for n in range(MANY) for item in (0, f"m{n:05}")))
    key = line.split()[2 if line.startswith("ZMPOP") else 1].encode()
    found = scores(one, key)
    assert found is not None
    order = found.order()
    order._row = row = CountingRow(order._row)
    reply = one.run(line)
    assert reply
    assert row.taken <= most


# Ranges ---------------------------------------------------------------------------------------------------------------

names = st.text(alphabet="ab\0\xff", max_size=3)
bounds = st.sampled_from(["-inf", "+inf", "0", "(0", "1", "(1", "0.5", "(-1"])
edges = st.one_of(st.sampled_from(["-", "+"]), names.map(lambda n: "[" + n), names.map(lambda n: "(" + n))


def order_of(held: dict[str, float]) -> Order:
    return Order(held, lambda raw: float(raw))


@given(held=st.dictionaries(names, st.sampled_from([-1.0, 0.0, 0.5, 1.0]), max_size=12), low=bounds, high=bounds)
def test_ranges_of_scores(held: dict[str, float], low: str, high: str) -> None:
    order = order_of(held)
    start, stop = order.ranks(score_range(low.encode(), high.encode()))
    least, greatest = float(low.lstrip("(")), float(high.lstrip("("))
    wanted = [
        (number, member)
        for number, member in order
        if (number > least if low[0] == "(" else number >= least)
        and (number < greatest if high[0] == "(" else number <= greatest)
    ]
    assert list(order.between(start, stop)) == wanted


@given(members=st.sets(names, max_size=12), low=edges, high=edges, reverse=st.booleans())
def test_ranges_of_members(members: set[str], low: str, high: str, reverse: bool) -> None:
    order = order_of(dict.fromkeys(members, 1.0))
    start, stop = order.ranks(lex_range(low.encode("latin-1"), high.encode("latin-1")), reverse)

    def above(member: str) -> bool:
        return low == "-" or low != "+" and (member > low[1:] or low[0] == "[" and member == low[1:])

    def below(member: str) -> bool:
        return high == "+" or high != "-" and (member < high[1:] or high[0] == "[" and member == high[1:])

    wanted = sorted(member for member in members if above(member) and below(member))
    assert [member for _, member in order.between(start, stop)] == wanted


# Scans ----------------------------------------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.sampled_from([1, 10, 100, 500]))
def test_a_scan_gives_all_that_is_there_all_the_time(seed: int, count: int) -> None:
    draw = random.Random(seed)
    one = filled(count=600)
    seen: dict[bytes, bytes] = {}
    cursor = b"0"
    while True:
        cursor, page = one.run("ZSCAN", "z", cursor, "COUNT", count)
        for member, number in zip(page[::2], page[1::2], strict=True):
            assert member not in seen
            seen[member] = number
        if cursor == b"0":
            break
        one.run("ZADD", "z", 5, f"x{draw.randrange(1000)}")
        one.run("ZREM", "z", f"m{draw.randrange(300, 600):05}")
    assert {b"m%05d" % n: b"%d" % (n // 10) for n in range(300)}.items() <= seen.items()
