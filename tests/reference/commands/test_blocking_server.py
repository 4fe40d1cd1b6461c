"""Waiting clients of instances in processes of their own, over sockets, with a peer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reference.server.process import Server, Wire, client_of, request

Servers = tuple[Server, Server]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("blocking")
    one = Server(folder / "one", replica=1)
    two = Server(folder / "two", "--join", f"127.0.0.1:{one.peer_port}", replica=2)
    with one, two:
        client_of(one.port).execute_command("CRDT.PEERS", "ADD", 2, f"127.0.0.1:{two.peer_port}")
        until(lambda: client_of(two.port).info("crdt")["crdt_writable"] == 1)
        yield one, two


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def blocked(server: Server, count: int) -> None:
    """Waits until so many clients of `server` wait."""
    client = client_of(server.port)
    until(lambda: client.info("clients")["blocked_clients"] == count)


def got(wire: Wire, *words: bytes) -> None:
    """The next reply is an array of `words`."""
    wanted = request(*words)
    assert wire.take(len(wanted)) == wanted


def test_an_effect_of_a_peer_wakes_who_has_waited_longest(servers: Servers) -> None:
    one, two = servers
    with one.wire() as first, one.wire() as second:
        for number, wire in enumerate((first, second), 1):
            wire.send(request(b"BZPOPMIN", b"k", b"0"))
            blocked(one, number)
        client_of(two.port).zadd("k", {"a": 2, "b": 1})
        got(first, b"k", b"b", b"1")
        got(second, b"k", b"a", b"2")
    until(lambda: client_of(two.port).exists("k") == 0)


def test_in_a_pipeline_who_waits_comes_before_the_next_command(servers: Servers) -> None:
    one, _ = servers
    with one.wire() as waits, one.wire() as fills:
        waits.send(request(b"BZPOPMIN", b"q", b"0") + request(b"PING"))
        blocked(one, 1)
        fills.send(request(b"ZADD", b"q", b"1", b"a") + request(b"ZPOPMIN", b"q"))
        assert fills.line() == b":1" and fills.line() == b"*0"
        got(waits, b"q", b"a", b"1")
        assert waits.line() == b"+PONG"


def test_a_client_that_is_gone_is_given_nothing(servers: Servers) -> None:
    one, _ = servers
    gone = Wire(one.port)
    gone.send(request(b"BZPOPMIN", b"g", b"0"))
    blocked(one, 1)
    gone.close()
    blocked(one, 0)
    client = client_of(one.port)
    client.zadd("g", {"a": 1})
    assert client.zrange("g", 0, -1) == ["a"]


def test_unblocked_timed_out_and_shut_down(servers: Servers, tmp_path: Path) -> None:
    one, _ = servers
    client = client_of(one.port)
    with one.wire() as wire:
        wire.send(request(b"CLIENT", b"ID"))
        number = int(wire.line()[1:])
        wire.send(request(b"BZPOPMIN", b"u", b"0"))
        blocked(one, 1)
        assert client.execute_command("CLIENT", "UNBLOCK", number, "ERROR") == 1
        assert wire.line() == b"-UNBLOCKED client unblocked via CLIENT UNBLOCK"
        wire.send(request(b"BZMPOP", b"0.01", b"1", b"u", b"MIN"))
        assert wire.line() == b"*-1"
    alone = Server(tmp_path / "alone", replica=1).start()
    with alone.wire() as wire:
        wire.send(request(b"BZPOPMIN", b"u", b"0"))
        blocked(alone, 1)
        assert alone.stop() == 0
