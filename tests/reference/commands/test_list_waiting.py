"""Pops and moves of clients that wait for a list."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from mergelaw.commands import dispatch
from mergelaw.commands.reply import NIL_ARRAY, Failure, Waiting
from mergelaw.commands.table import Call
from tests.reference.commands.harness import Instance, Mesh
from tests.reference.commands.tables import converge


class Waits:
    """Clients of an instance; inside an event loop."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    async def start(self, line: str) -> asyncio.Task[Any]:
        """A client of its own sends `line` and waits."""
        instance = self.instance
        call = Call(
            [word.encode() for word in line.split()], instance.db, instance.now_ms, instance.connect(), instance.server
        )
        reply = dispatch.execute(call)
        assert isinstance(reply, Waiting), reply
        task = asyncio.ensure_future(reply.start())
        await asyncio.sleep(0)
        return task


def played(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("BLPOP k 0", [b"k", b"a"]),
        ("BRPOP k 0", [b"k", b"c"]),
        ("BLMPOP 0 1 k LEFT", [b"k", [b"a"]]),
        ("BLMPOP 0 2 other k RIGHT COUNT 2", [b"k", [b"c", b"b"]]),
        ("BLMPOP 0 1 k LEFT COUNT 9", [b"k", [b"a", b"b", b"c"]]),
        ("BLMOVE k l LEFT LEFT 0", b"a"),
        ("BRPOPLPUSH k l 0", b"c"),
    ],
)
def test_a_push_serves_who_waits(line: str, reply: Any) -> None:
    async def run() -> None:
        one = Instance()
        task = await Waits(one).start(line)
        assert one.run("RPUSH k a b c") == 3
        assert await task == reply
        mesh = Mesh(2)
        for effect in one.server.published:
            mesh[1].db.receive(effect, one.now_ms)
        assert mesh[1].run("LRANGE k 0 -1") == one.run("LRANGE k 0 -1")
        assert mesh[1].run("LRANGE l 0 -1") == one.run("LRANGE l 0 -1")

    played(run())


def test_who_has_waited_longest_is_served_first() -> None:
    async def run() -> None:
        one = Instance()
        waits = Waits(one)
        tasks = [await waits.start(line) for line in ("BLPOP j k 0", "BRPOP k 0", "BLPOP k 0")]
        one.run("RPUSH k a b")
        assert await tasks[0] == [b"k", b"a"]
        assert await tasks[1] == [b"k", b"b"]
        assert not tasks[2].done()
        one.run("LPUSH k c")
        assert await tasks[2] == [b"k", b"c"]
        assert one.run("EXISTS k") == 0

    played(run())


def test_an_effect_of_a_peer_wakes() -> None:
    async def run() -> None:
        mesh = Mesh(2)
        tasks = [await Waits(mesh[1]).start("BLPOP k 0"), await Waits(mesh[1]).start("BLMOVE k l RIGHT LEFT 0")]
        mesh[2].run("RPUSH k a b")
        mesh.sync()
        assert await tasks[0] == [b"k", b"a"]
        assert await tasks[1] == b"b"
        mesh.sync()
        assert mesh.everywhere("EXISTS k") == [0, 0]
        assert mesh.everywhere("LRANGE l 0 -1") == [[b"b"], [b"b"]]
        converge(mesh)

    played(run())


def test_a_move_wakes_who_waits_for_its_target() -> None:
    async def run() -> None:
        one = Instance()
        waits = Waits(one)
        last = await waits.start("BLPOP c 0")
        second = await waits.start("BLMOVE b c LEFT LEFT 0")
        first = await waits.start("BRPOPLPUSH a b 0")
        one.run("LPUSH a x")
        assert [await first, await second, await last] == [b"x", b"x", [b"c", b"x"]]
        assert one.run("EXISTS a b c") == 0

    played(run())


def test_a_transaction_is_over_before_anybody_is_served() -> None:
    async def run() -> None:
        one = Instance()
        waits = Waits(one)
        task = await waits.start("BLPOP k 0")
        for line in ("MULTI", "RPUSH k a", "LPUSH k b", "EXEC"):
            one.run(line)
        assert await task == [b"k", b"b"]
        other = await waits.start("BLPOP m 0")
        for line in ("MULTI", "RPUSH m a", "DEL m", "EXEC"):
            one.run(line)
        await asyncio.sleep(0)
        assert not other.done()
        one.run("RPUSH m z")
        assert await other == [b"m", b"z"]

    played(run())


def test_a_move_to_a_key_of_another_type_fails_and_leaves_the_element() -> None:
    async def run() -> None:
        one = Instance()
        task = await Waits(one).start("BLMOVE k s LEFT LEFT 0")
        one.run("SET s x")
        one.run("RPUSH k a")
        reply = await task
        assert reply == Failure(b"WRONGTYPE Operation against a key holding the wrong kind of value")
        assert one.run("LRANGE k 0 -1") == [b"a"]

    played(run())


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("BLPOP k l 0.001", NIL_ARRAY),
        ("BRPOP k 0.001", NIL_ARRAY),
        ("BLMPOP 0.001 1 k LEFT", NIL_ARRAY),
        ("BLMOVE k l LEFT LEFT 0.001", None),
        ("BRPOPLPUSH k l 0.001", None),
    ],
)
def test_a_time_limit_ends_the_wait(line: str, reply: Any) -> None:
    one = Instance()
    assert one.run(line) == reply
    one.run("RPUSH k a")
    assert one.run("LLEN k") == 1


def test_another_type_does_not_serve() -> None:
    async def run() -> None:
        one = Instance()
        task = await Waits(one).start("BLPOP k 0")
        one.run("SADD k m")
        await asyncio.sleep(0)
        assert not task.done()
        one.run("DEL k")
        one.run("RPUSH k a")
        assert await task == [b"k", b"a"]

    played(run())
