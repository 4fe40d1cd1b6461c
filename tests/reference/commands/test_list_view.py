"""The order of a list follows its state, whatever changes it, and no command looks at all elements to reach a few."""

from __future__ import annotations

import gc
import sys
import weakref
from types import FrameType
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mergelaw.commands.list_view import Order, orders
from mergelaw.commands.parse import from_text
from mergelaw.commands.state import ask_part
from mergelaw.replica.snapshot import Incoming, Snapshot
from tests.reference.commands.harness import Instance, Mesh
from tests.reference.commands.tables import converge

KEYS = ("k", "l")
who = st.integers(1, 3)
key = st.sampled_from(KEYS)
texts = st.lists(st.sampled_from("abc"), min_size=1, max_size=4)
index = st.integers(-9, 9)
side = st.sampled_from(["LEFT", "RIGHT"])


class Lists(RuleBasedStateMachine):
    """Three instances; effects and whole states go between them at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.mesh = Mesh(3)

    def order(self, instance: Instance, name: str) -> Order | None:
        entry = instance.db.visible(name.encode(), instance.now_ms)
        if entry is None or entry.content != "list":
            return None
        return orders(instance.db).of(name.encode(), entry.value)

    @rule(who=who, key=key, word=st.sampled_from(["LPUSH", "RPUSH"]), texts=texts)
    def push(self, who: int, key: str, word: str, texts: list[str]) -> None:
        self.mesh[who].run(word, key, *texts)

    @rule(who=who, key=key, word=st.sampled_from(["LPOP", "RPOP"]), count=st.integers(0, 3))
    def pop(self, who: int, key: str, word: str, count: int) -> None:
        self.mesh[who].run(word, key, count)

    @rule(who=who, key=key, at=index, text=st.sampled_from("xy"))
    def set(self, who: int, key: str, at: int, text: str) -> None:
        self.mesh[who].run("LSET", key, at, text)

    @rule(who=who, key=key, where=st.sampled_from(["BEFORE", "AFTER"]), pivot=st.sampled_from("abcx"))
    def insert(self, who: int, key: str, where: str, pivot: str) -> None:
        self.mesh[who].run("LINSERT", key, where, pivot, "i")

    @rule(who=who, key=key, start=index, end=index)
    def trim(self, who: int, key: str, start: int, end: int) -> None:
        self.mesh[who].run("LTRIM", key, start, end)

    @rule(who=who, key=key, text=st.sampled_from("abcx"))
    def remove(self, who: int, key: str, text: str) -> None:
        self.mesh[who].run("LREM", key, 1, text)

    @rule(who=who, key=key, to=key, a=side, b=side)
    def move(self, who: int, key: str, to: str, a: str, b: str) -> None:
        self.mesh[who].run("LMOVE", key, to, a, b)

    @rule(who=who, key=key, word=st.sampled_from(["DEL", "PERSIST"]))
    def other(self, who: int, key: str, word: str) -> None:
        self.mesh[who].run(word, key)

    @rule(who=who, key=key)
    def expire(self, who: int, key: str) -> None:
        self.mesh[who].run("PEXPIRE", key, 5)

    @rule()
    def time_passes(self) -> None:
        self.mesh.wait(3)

    @rule(who=who)
    def reap(self, who: int) -> None:
        self.mesh[who].tick()

    @rule(who=who, key=key)
    def another_type(self, who: int, key: str) -> None:
        self.mesh[who].run("SADD", key, "m")

    @precondition(lambda self: any(i.server.published for i in self.mesh.instances))
    @rule(who=who, to=who)
    def deliver(self, who: int, to: int) -> None:
        if who != to:
            self.mesh.deliver(who, to)

    @rule(who=who, to=who, settles=st.booleans())
    def full_sync(self, who: int, to: int, settles: bool) -> None:
        if who == to:
            return
        incoming = Incoming(self.mesh[to].db)
        for chunk in Snapshot(self.mesh[who].db).chunks(200):
            incoming.feed(chunk)
        incoming.finish()
        while settles and self.mesh[to].db.settle(1):
            pass

    @invariant()
    def orders_show_the_state(self) -> None:
        for instance in self.mesh.instances:
            for name in KEYS:
                order = self.order(instance, name)
                entry = instance.db.visible(name.encode(), instance.now_ms)
                assert (order is None) == (entry is None or entry.content != "list")
                if order is None or entry is None:
                    continue
                anew = Order(orders(instance.db).held(entry.value), order._read)
                assert list(order.pairs) == list(anew.pairs)
                shown = ask_part(instance.db, entry, "list", "values")
                assert instance.run("LRANGE", name, 0, -1) == [from_text(text) for (text,) in shown]
                assert instance.run("LLEN", name) == len(shown)

    def teardown(self) -> None:
        converge(self.mesh)


class MoreLists(Lists):
    """As often as one likes."""


TestLists = Lists.TestCase
TestLists.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestMoreLists = pytest.mark.slow(MoreLists.TestCase)
TestMoreLists.settings = settings(max_examples=2000, stateful_step_count=40, deadline=None)


# Cost -----------------------------------------------------------------------------------------------------------------

MANY = 20_000


def filled(count: int = MANY) -> Instance:
    """A list `l` of so many elements, asked for once."""
    instance = Instance()
    instance.run("RPUSH", "l", *(b"%d" % n for n in range(count)))
    instance.run("LINDEX", "l", count // 2)
    return instance


LINES = [
    "LPUSH l x", "RPUSH l x", "LINDEX l 5", "LINDEX l -5", "LINDEX l 500", "LSET l 400 x", "LSET l 0 x",
    "LRANGE l 490 500", "LPOP l", "RPOP l", "LPOP l 3", "LLEN l", "LMOVE l l LEFT RIGHT", "RPOPLPUSH l m",
    "LINSERT l AFTER 50 x", "LPOS l 50", "LREM l 1 6{}", "LTRIM l 1 -2", "LMPOP 1 l RIGHT", "BLPOP l 0", "EXPIRE l 100",
]  # fmt: skip


def steps(instance: Instance, line: str) -> int:
    """How many bytecodes a command runs."""
    done = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal done
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        done += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        instance.run(line)
    finally:
        sys.settrace(before)
    return done


def test_commands_cost_the_same_on_a_large_list() -> None:
    """Each comes twice: what runs the first time only is not counted."""
    small, large = filled(1000), filled()
    for line in LINES:
        costs = []
        for instance in (small, large):
            instance.run(line.format(0))
            costs.append(steps(instance, line.format(1)))
        assert costs[1] < 1.5 * costs[0] + 500, (line, costs)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """All orders that are made."""
    found: list[Order] = []
    original = Order.__init__

    def counting(self: Order, *args: Any) -> None:
        found.append(self)
        original(self, *args)

    monkeypatch.setattr(Order, "__init__", counting)
    return found


def test_orders_are_not_made_anew_by_writes(made: list[Order]) -> None:
    mesh = Mesh(2)
    one, two = mesh[1], mesh[2]
    one.run("RPUSH", "l", *range(3000))
    mesh.sync()
    for n in range(100):
        for line in ("LPUSH l a b", "RPOP l", "LSET l 7 c", "LINSERT l BEFORE c d", "LREM l 1 d", "LTRIM l 1 -1"):
            one.run(line)
        one.run("EXPIRE", "l", 100 + n)
        two.run("RPUSH l e")
        two.run("LPOP l")
        two.run("LSET l -3 f")
        mesh.sync()
        assert one.run("LRANGE l 0 5") == two.run("LRANGE l 0 5")
        assert one.run("LRANGE l -5 -1") == two.run("LRANGE l -5 -1")
    assert len(made) == 2
    assert one.run("LLEN l") == two.run("LLEN l")
    assert one.run("LRANGE l 0 -1") == two.run("LRANGE l 0 -1")


def test_a_deleted_list_begins_anew() -> None:
    one = filled(300)
    one.run("DEL l")
    assert one.run("LRANGE l 0 -1") == []
    one.run("RPUSH l a b")
    assert one.run("LRANGE l 0 -1") == [b"a", b"b"]


def test_orders_do_not_keep_a_database() -> None:
    one = filled(50)
    known = weakref.ref(one.db)
    del one
    gc.collect()
    assert known() is None


def test_a_write_that_nobody_announced_is_seen(made: list[Order]) -> None:
    """Somebody else took the place of the one who is told."""
    one = filled(200)
    one.db.on_touched = None
    one.run("LPUSH l first")
    assert one.run("LRANGE l 0 1") == [b"first", b"0"]
    assert one.run("LLEN l") == 201
