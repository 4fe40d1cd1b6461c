"""Several clients that wait for keys, here and at redis-server: each gets the same, at the same time."""

from __future__ import annotations

import asyncio
import select
import socket
from typing import Any

import hiredis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mergelaw.commands import dispatch
from mergelaw.commands.reply import Failure, Reply, Waiting
from mergelaw.commands.table import Call
from mergelaw.server.resp import write
from tests.reference.commands import differential as d
from tests.reference.commands import zset_pairs as z
from tests.reference.commands.harness import Instance, RealRedis

CLIENTS = 3


def plain(word: bytes, *parts: d.Args) -> SearchStrategy[d.Line]:
    """A command as it should be: with an odd time limit it would not be over when it is compared."""
    return d.row(*parts).map(lambda found: (word, *found))


keys = d.wrapped(st.sampled_from([b"a", b"b"]))
fresh = d.wrapped(st.just(b"c"))
"""Never of another type: redis-server 7.0 wakes nobody where a result replaces a key of another type, and we do."""
waited = d.wrapped(st.sampled_from([b"a", b"b", b"c"]))
forever = d.wrapped(st.just(b"0"))
BLOCKING = [
    plain(b"BZPOPMIN", d.some(waited, 1, 3), forever),
    plain(b"BZPOPMAX", d.some(waited, 1, 2), forever),
    plain(
        b"BZMPOP",
        forever,
        d.some(waited, 1, 2).map(lambda found: [b"%d" % len(found), *found]),
        d.one(b"MIN", b"MAX"),
        d.some(d.row(d.one(b"COUNT"), d.wrapped(st.sampled_from([b"1", b"2", b"3"]))), 0, 1),
    ),
]
WRITES = [
    d.command(b"ZADD", keys, z.sane_pairs),
    d.command(b"ZADD", keys, z.sane_pairs),
    d.command(b"ZINCRBY", keys, z.score, z.member),
    d.command(b"ZREM", keys, z.member),
    d.command(b"ZPOPMIN", keys),
    d.command(b"RENAME", keys, keys),
    d.command(b"COPY", keys, keys),
    d.command(b"ZUNIONSTORE", fresh, d.wrapped(st.just(b"1")), keys),
    d.command(b"DEL", keys),
    d.command(b"SADD", keys, z.member),
    d.command(b"SET", keys, z.member),
    d.command(b"ZRANGE", keys, d.wrapped(st.just(b"0")), d.wrapped(st.just(b"-1"))),
]
block = st.lists(st.one_of(*WRITES), min_size=1, max_size=4)
STEPS = st.one_of(
    st.tuples(st.just("write"), st.one_of(*WRITES).map(lambda line: [line])),
    st.tuples(st.just("block"), block.map(lambda lines: [(b"MULTI",), *lines, (b"EXEC",)])),
    st.tuples(st.integers(0, CLIENTS - 1), st.one_of(*BLOCKING)),
    st.tuples(st.integers(0, CLIENTS - 1), st.one_of(*BLOCKING)),
)


class Real:
    """Further connections to a real server."""

    def __init__(self, real: RealRedis) -> None:
        self._real = real
        self._sockets = [socket.create_connection(("127.0.0.1", real.port)) for _ in range(CLIENTS)]
        self._readers = [hiredis.Reader() for _ in range(CLIENTS)]

    def send(self, client: int, line: d.Line) -> None:
        self._sockets[client].sendall(
            b"*%d\r\n" % len(line) + b"".join(b"$%d\r\n%s\r\n" % (len(arg), arg) for arg in line)
        )

    def got(self) -> dict[int, Any]:
        """What has come, by client. Two turns of the server's loop have passed: it has read all and written all."""
        for _ in range(2):
            self._real.wire("PING")
        ready, _, _ = select.select(self._sockets, [], [], 0)
        found = {}
        for client in map(self._sockets.index, ready):
            reader = self._readers[client]
            reader.feed(self._sockets[client].recv(1 << 16))
            reply = reader.gets()
            found[client] = reply.args[0].encode() if isinstance(reply, hiredis.ReplyError) else reply
        return found

    def close(self) -> None:
        for connection in self._sockets:
            connection.close()


class Ours:
    """Clients of an instance of ours."""

    def __init__(self) -> None:
        self.instance = Instance()
        self._states = [self.instance.connect() for _ in range(CLIENTS)]
        self._replies: dict[int, asyncio.Future[Reply]] = {}

    def send(self, client: int, line: d.Line) -> None:
        one = self.instance
        reply = dispatch.execute(Call(list(line), one.db, one.now_ms, self._states[client], one.server))
        if isinstance(reply, Waiting):
            self._replies[client] = asyncio.ensure_future(reply.start())
        else:
            self._replies[client] = asyncio.get_running_loop().create_future()
            self._replies[client].set_result(reply)

    async def got(self) -> dict[int, Any]:
        for _ in range(5):
            await asyncio.sleep(0)
        found = {}
        for client, reply in sorted(self._replies.items()):
            if reply.done():
                out = bytearray()
                write(out, reply.result(), 2)
                parsed = d.parsed(bytes(out))
                found[client] = parsed.text if isinstance(parsed, Failure) else parsed
                del self._replies[client]
        return found

    async def close(self) -> None:
        for reply in self._replies.values():
            reply.cancel()
        await asyncio.gather(*self._replies.values(), return_exceptions=True)


async def played(real: RealRedis, steps: list[tuple[Any, Any]]) -> None:
    pair, theirs, ours = z.Pair(real), Real(real), Ours()
    pair.ours = ours.instance
    waiting: set[int] = set()
    try:
        for who, what in steps:
            if isinstance(who, str):
                for line in what:
                    if not pair.agree(line):
                        return
            elif who not in waiting:
                theirs.send(who, what)
                ours.send(who, what)
                waiting.add(who)
            mine, real_replies = await ours.got(), theirs.got()
            assert mine == real_replies, (who, what)
            waiting -= set(mine)
        pair.same_contents([b"a", b"b", b"c"])
    finally:
        await ours.close()
        theirs.close()
        # They are gone before the next example begins.
        for _ in range(2):
            real.wire("PING")


ODD = r"""
    BZPOPMIN | BZPOPMIN k | BZPOPMIN k x | BZPOPMIN k '' | BZPOPMIN k -1 | BZPOPMIN k nan | BZPOPMAX k | BZPOPMAX k l 1s
    BZMPOP | BZMPOP 0 1 k | BZMPOP 0 0 k MIN | BZMPOP 0 x k MIN | BZMPOP 0 2 k MIN | BZMPOP 0 1 k MID | BZMPOP x 1 k MIN
    BZMPOP -1 1 k MAX | BZMPOP 0 1 k MIN COUNT | BZMPOP 0 1 k MIN COUNT 0 | BZMPOP 0 1 k MIN COUNT x
    BZMPOP 0 1 k MIN COUNT 1 COUNT 2 | BZMPOP 0 -1 k MIN | BZMPOP x 1 k MID | BZMPOP x 0 k MIN | SET s 1 | BZPOPMIN s 0
    BZPOPMIN k s 0 | BZMPOP 0 2 k s MIN | ZADD z 1 a 2 b 3 c 4 d | BZPOPMIN k z 0 | BZPOPMAX k z s 0.5 | BZPOPMIN s z 0
    BZMPOP 0 2 k z min count 9 | BZMPOP 5 2 s z max | BZPOPMIN k 0.001 | BZPOPMAX k l .001 | BZMPOP 0 1 k MIN a
    BZMPOP 0.001 1 k MAX COUNT 2
    MULTI | BZPOPMIN k 0 | BZMPOP 0 1 k MIN | ZADD z 1 a | BZPOPMAX z 0 | EXEC
"""


@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_at_once_and_errors(real_redis: RealRedis, protocol: int) -> None:
    ours = Instance()
    ours.client.protocol = protocol
    real_redis.wire("HELLO", protocol)
    try:
        for line in filter(None, (part.strip() for text in ODD.splitlines() for part in text.split(" | "))):
            assert ours.wire(line, protocol=protocol) == real_redis.wire(line), line
    finally:
        real_redis.wire("HELLO", 2)


_fixtures = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=150, deadline=None, suppress_health_check=_fixtures)
@given(steps=st.lists(STEPS, max_size=20))
def test_the_same_clients_are_served(real_redis: RealRedis, steps: list[tuple[Any, Any]]) -> None:
    asyncio.run(played(real_redis, steps))


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, suppress_health_check=_fixtures)
@given(steps=st.lists(STEPS, max_size=30))
def test_the_same_clients_are_served_often(real_redis: RealRedis, steps: list[tuple[Any, Any]]) -> None:
    asyncio.run(played(real_redis, steps))
