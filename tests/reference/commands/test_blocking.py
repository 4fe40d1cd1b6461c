"""Clients that wait for keys: who is served, when, and with what."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from mergelaw.commands import blocking, dispatch
from mergelaw.commands.blocking import forget, serve_pending, take_or_wait, waiting, waits
from mergelaw.commands.errors import CommandError
from mergelaw.commands.reply import NIL_ARRAY, Failure, Reply, Waiting
from mergelaw.commands.table import Call
from mergelaw.replica.snapshot import Incoming, Snapshot
from tests.reference.commands.harness import Instance, Mesh


class Client:
    """A client that sends a blocking command and gets its reply some time."""

    def __init__(self, instance: Instance, line: str) -> None:
        self.instance = instance
        self.state = instance.connect()
        args = [word.encode() for word in line.split()]
        reply = dispatch.execute(Call(args, instance.db, instance.now_ms, self.state, instance.server))
        self.at_once = not isinstance(reply, Waiting)
        self._task = asyncio.ensure_future(reply.start() if isinstance(reply, Waiting) else _given(reply))

    @property
    async def reply(self) -> Any:
        """What it has got; the text `waits`, if nothing."""
        for _ in range(5):
            await asyncio.sleep(0)
        return await self._task if self._task.done() else "waits"

    async def end(self) -> None:
        """Its connection is closed."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def _given(reply: Reply) -> Reply:
    return reply


async def replies(clients: Iterable[Client]) -> list[Any]:
    return [await client.reply for client in clients]


def played(scenario: Callable[[], Awaitable[None]]) -> None:
    """Runs it, and sees that nothing is left behind."""

    async def whole() -> None:
        await scenario()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(whole())
    serve_pending()
    assert not blocking.PENDING


# Order ----------------------------------------------------------------------------------------------------------------


def test_who_has_waited_longest_is_served_first() -> None:
    async def scenario() -> None:
        one = Instance()
        clients = [Client(one, "BZPOPMIN k 0") for _ in range(3)]
        assert waiting(one.db) == 3
        one.run("ZADD k 1 a")
        assert await replies(clients) == [[b"k", b"a", b"1"], "waits", "waits"]
        one.run("ZADD k 5 x 4 y 3 z")
        assert await replies(clients) == [[b"k", b"a", b"1"], [b"k", b"z", b"3"], [b"k", b"y", b"4"]]
        assert one.run("ZRANGE k 0 -1") == [b"x"]
        assert waiting(one.db) == 0

    played(scenario)


def test_the_longest_wait_counts_for_each_key() -> None:
    async def scenario() -> None:
        one = Instance()
        first, second, third = (Client(one, line) for line in ("BZPOPMIN a b 0", "BZPOPMAX b 0", "BZPOPMIN a 0"))
        one.run("ZADD b 1 x")
        assert await replies([first, second, third]) == [[b"b", b"x", b"1"], "waits", "waits"]
        one.run("ZADD a 1 y")
        assert await replies([second, third]) == ["waits", [b"a", b"y", b"1"]]

    played(scenario)


def test_a_client_gets_the_key_that_was_filled_first() -> None:
    async def scenario() -> None:
        one = Instance()
        client = Client(one, "BZPOPMIN a b 0")
        for line in ("MULTI", "ZADD b 1 x", "ZADD a 1 y", "EXEC"):
            one.run(line)
        assert await client.reply == [b"b", b"x", b"1"]
        assert one.run("EXISTS a") == 1

    played(scenario)


def test_the_first_key_that_has_members_is_popped_at_once() -> None:
    async def scenario() -> None:
        one = Instance()
        one.run("ZADD b 1 x")
        one.run("ZADD c 1 y")
        client = Client(one, "BZPOPMIN a b c 0")
        assert client.at_once and await client.reply == [b"b", b"x", b"1"]
        assert waiting(one.db) == 0

    played(scenario)


def test_nobody_overtakes_who_waits() -> None:
    """A peer's effect is there, but the one who waits has not had its turn."""

    async def scenario() -> None:
        mesh = Mesh(2)
        first = Client(mesh[1], "BZPOPMIN k 0")
        await asyncio.sleep(0)
        mesh[2].run("ZADD k 1 a")
        mesh.deliver(2, 1)
        second = Client(mesh[1], "BZPOPMIN k 0")
        assert await replies([first, second]) == [[b"k", b"a", b"1"], "waits"]

    played(scenario)


def test_several_members_go_to_one_client() -> None:
    async def scenario() -> None:
        one = Instance()
        first, second = Client(one, "BZMPOP 0 2 a b MAX COUNT 2"), Client(one, "BZMPOP 0 1 b MIN")
        one.run("ZADD b 1 x 2 y 3 z")
        assert await first.reply == [b"b", [[b"z", b"3"], [b"y", b"2"]]]
        assert await second.reply == [b"b", [[b"x", b"1"]]]

    played(scenario)


# When -----------------------------------------------------------------------------------------------------------------


def test_a_transaction_counts_as_a_whole() -> None:
    async def scenario() -> None:
        one = Instance()
        client = Client(one, "BZPOPMIN k 0")
        for line in ("MULTI", "ZADD k 1 a", "ZREM k a", "EXEC"):
            one.run(line)
        assert await client.reply == "waits"
        for line in ("MULTI", "ZADD k 9 a", "ZADD k 5 b", "EXEC"):
            one.run(line)
        assert await client.reply == [b"k", b"b", b"5"]

    played(scenario)


def test_who_waits_comes_before_the_next_command() -> None:
    """Also where the next command is there already: no loop turns between them."""

    async def scenario() -> None:
        one = Instance()
        client = Client(one, "BZPOPMIN k 0")
        one.run("ZADD k 1 a")
        assert one.run("ZPOPMIN k") == []
        assert await client.reply == [b"k", b"a", b"1"]

    played(scenario)


def test_inside_a_block_nothing_waits() -> None:
    async def scenario() -> None:
        one = Instance()
        for line in ("MULTI", "BZPOPMIN k 0", "BZMPOP 0 1 k MIN", "ZADD k 1 a", "BZPOPMAX k 0"):
            one.run(line)
        assert one.run("EXEC") == [NIL_ARRAY, NIL_ARRAY, 1, [b"k", b"a", b"1"]]
        assert waiting(one.db) == 0

    played(scenario)


@pytest.mark.parametrize(
    "filled", ["ZADD k 1 a", "ZINCRBY k 1 a", "ZUNIONSTORE k 1 other", "RENAME other k", "COPY other k"]
)
def test_whatever_fills_the_key(filled: str) -> None:
    async def scenario() -> None:
        one = Instance()
        one.run("ZADD other 1 a")
        client = Client(one, "BZPOPMIN k 0")
        one.run(filled)
        assert await client.reply == [b"k", b"a", b"1"]

    played(scenario)


def test_an_effect_of_a_peer_serves() -> None:
    async def scenario() -> None:
        mesh = Mesh(2)
        clients = [Client(mesh[1], "BZPOPMIN k 0") for _ in range(2)]
        await asyncio.sleep(0)
        mesh[2].run("ZADD k 2 a 1 b 3 c")
        mesh.deliver(2, 1)
        assert await replies(clients) == [[b"k", b"b", b"1"], [b"k", b"a", b"2"]]
        mesh.sync()
        assert mesh.everywhere("ZRANGE k 0 -1") == [[b"c"], [b"c"]]

    played(scenario)


def test_a_full_sync_serves() -> None:
    async def scenario() -> None:
        mesh = Mesh(2)
        client = Client(mesh[1], "BZPOPMIN k 0")
        await asyncio.sleep(0)
        mesh[2].run("ZADD k 1 a")
        incoming = Incoming(mesh[1].db)
        for chunk in Snapshot(mesh[2].db).chunks():
            incoming.feed(chunk)
        incoming.finish()
        while mesh[1].db.settle(10):
            pass
        assert await client.reply == [b"k", b"a", b"1"]

    played(scenario)


def test_a_pop_is_an_effect_of_its_own() -> None:
    async def scenario() -> None:
        mesh = Mesh(2)
        Client(mesh[1], "BZPOPMIN k 0")
        mesh[1].run("ZADD k 1 a")
        assert len(mesh[1].server.published) == 2
        mesh.sync()
        assert mesh[1].db.keys == mesh[2].db.keys == {}

    played(scenario)


def test_a_key_of_another_type_serves_nobody() -> None:
    async def scenario() -> None:
        one = Instance()
        client = Client(one, "BZPOPMIN k 0")
        one.run("SADD k a")
        assert await client.reply == "waits"
        assert await Client(one, "BZPOPMIN k 0").reply == Failure(
            b"WRONGTYPE Operation against a key holding the wrong kind of value"
        )
        one.run("DEL k")
        one.run("ZADD k 1 a")
        assert await client.reply == [b"k", b"a", b"1"]

    played(scenario)


def test_where_writes_are_refused_it_waits_on() -> None:
    async def scenario() -> None:
        mesh = Mesh(2)
        client = Client(mesh[1], "BZPOPMIN k 0")
        await asyncio.sleep(0)
        mesh[2].run("ZADD k 1 a")
        mesh[1].server.refusal = b"MISCONF no"
        mesh.deliver(2, 1)
        assert await client.reply == "waits"
        mesh[1].server.refusal = None
        mesh[1].run("PING")
        assert await client.reply == [b"k", b"a", b"1"]

    played(scenario)


# The end of a wait ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["BZPOPMIN k 0.001", "BZPOPMAX k l 0.001", "BZMPOP 0.001 1 k MIN"])
def test_a_time_limit(line: str) -> None:
    async def scenario() -> None:
        one = Instance()
        client = Client(one, line)
        while waiting(one.db):
            await asyncio.sleep(0.001)
        assert await client.reply == NIL_ARRAY
        one.run("ZADD k 1 a")
        assert one.run("ZCARD k") == 1

    played(scenario)


def test_client_unblock() -> None:
    async def scenario() -> None:
        one = Instance()
        first, second, third = (Client(one, "BZPOPMIN k 0") for _ in range(3))
        assert waits(one.db, second.state) and not waits(one.db, one.client)
        assert one.run("CLIENT", "UNBLOCK", second.state.id) == 1
        assert one.run("CLIENT", "UNBLOCK", second.state.id) == 0
        assert one.run("CLIENT", "UNBLOCK", first.state.id, "ERROR") == 1
        assert one.run("CLIENT", "UNBLOCK", one.client.id) == 0
        assert await second.reply == NIL_ARRAY
        assert await first.reply == Failure(b"UNBLOCKED client unblocked via CLIENT UNBLOCK")
        one.run("ZADD k 1 a")
        assert await third.reply == [b"k", b"a", b"1"]

    played(scenario)


@pytest.mark.parametrize("turned", [False, True])
def test_a_client_that_is_gone_is_given_nothing(turned: bool) -> None:
    """Also one that goes before its wait has had a turn of the loop."""

    async def scenario() -> None:
        one = Instance()
        gone, stays = Client(one, "BZPOPMIN k 0"), Client(one, "BZPOPMIN k 0")
        if turned:
            await asyncio.sleep(0)
        else:
            # What the server does.
            forget(one.db, gone.state)
        await gone.end()
        one.run("ZADD k 1 a")
        assert await stays.reply == [b"k", b"a", b"1"]

    played(scenario)


# What commands hand over ----------------------------------------------------------------------------------------------


def held(one: Instance, serve: Callable[[Call, bytes], Reply | None]) -> asyncio.Task[Reply]:
    """A client that waits for the sorted set `k` with a command of our own."""
    call = Call([b"BTEST", b"k"], one.db, one.now_ms, one.connect(), one.server)
    reply = take_or_wait(call, [b"k"], "zset", serve, 0, None)
    assert isinstance(reply, Waiting)
    return asyncio.ensure_future(reply.start())


def test_an_error_is_the_reply_of_who_has_waited() -> None:
    def refuses(c: Call, key: bytes) -> Reply | None:
        raise CommandError("ERR no")

    async def scenario() -> None:
        one = Instance()
        first, second = held(one, refuses), Client(one, "BZPOPMIN k 0")
        assert one.run("ZADD k 1 a") == 1
        assert await first == Failure(b"ERR no")
        assert await second.reply == [b"k", b"a", b"1"]

    played(scenario)


def test_a_fault_is_not_that_of_who_has_filled_the_key() -> None:
    def fails(c: Call, key: bytes) -> Reply | None:
        c.tx.update(key, "unscore", "a")
        raise ZeroDivisionError

    async def scenario() -> None:
        one = Instance()
        waiter = held(one, fails)
        assert one.run("ZADD k 1 a") == 1
        with pytest.raises(ZeroDivisionError):
            await waiter
        # What it has changed is told to the peers.
        assert len(one.server.published) == 2

    played(scenario)


def test_one_that_takes_nothing_waits_on() -> None:
    asked: list[bytes] = []

    def picky(c: Call, key: bytes) -> Reply | None:
        asked.append(key)
        return b"enough" if len(asked) > 1 else None

    async def scenario() -> None:
        one = Instance()
        waiter = held(one, picky)
        one.run("ZADD k 1 a")
        assert not waiter.done()
        one.run("ZADD k 1 b")
        assert await waiter == b"enough" and asked == [b"k", b"k"]

    played(scenario)


def test_serving_one_may_fill_the_key_of_another() -> None:
    def moves(c: Call, key: bytes) -> Reply | None:
        c.tx.update(key, "unscore", "a")
        c.tx.update(b"other", "score", "a", 7)
        return b"moved"

    async def scenario() -> None:
        one = Instance()
        last, first = Client(one, "BZPOPMIN other 0"), held(one, moves)
        one.run("ZADD k 1 a")
        assert await first == b"moved"
        assert await last.reply == [b"other", b"a", b"7"]
        assert not one.db.size

    played(scenario)
