"""Instances with peers: joining, full sync and the disk, writes that wait for the disk."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.reference.server.process import Server, client_of, request


def until(condition: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def crdt(client: Any, field: str) -> Any:
    return client.info("crdt")[field]


def test_new_instance_joins_reads_and_keeps_what_the_full_sync_brought(tmp_path: Path) -> None:
    one = Server(tmp_path / "one", "--repl-backlog-size", "10kb", replica=1)
    two = Server(tmp_path / "two", "--join", f"127.0.0.1:{one.peer_port}", replica=2)
    try:
        one.start()
        with one.wire() as wire:
            wire.send(b"".join(request(b"SET", b"k%d" % n, b"v" * 50) for n in range(1500)))
            for _ in range(1500):
                assert wire.line() == b"+OK"
        first = client_of(one.port)
        first.sadd("s", "a")
        two.start()
        second = client_of(two.port)
        assert second.get("k0") is None
        with pytest.raises(redis.ReadOnlyError, match="once it is in sync"):
            second.set("x", "1")
        assert crdt(second, "crdt_writable") == 0
        first.execute_command("CRDT.PEERS", "ADD", 2, f"127.0.0.1:{two.peer_port}")
        until(lambda: crdt(second, "crdt_writable") == 1)
        assert second.dbsize() == 1501
        assert crdt(second, "crdt_sync_full") == 1
        second.set("x", "1")
        until(lambda: "a snapshot is written" in two.logged())
        second.sadd("s", "b")
        second.execute_command("CRDT.SYNC", "WAIT", 10_000)
        time.sleep(0.1)
        two.kill()
        first.set("meanwhile", "1")
        two.flags = ()
        two.start()
        assert second.dbsize() >= 1502
        until(lambda: second.get("meanwhile") == "1")
        assert second.smembers("s") == {"a", "b"}
        assert crdt(second, "crdt_sync_full") == 0
        first.execute_command("CRDT.PEERS", "REMOVE", 2)
        until(lambda: str(crdt(first, "crdt_removed")) == "2")
        until(lambda: crdt(second, "crdt_writable") == 0)
        with pytest.raises(redis.ReadOnlyError, match="was removed"):
            second.set("x", "2")
        with pytest.raises(redis.ResponseError, match="is no member"):
            first.execute_command("CRDT.PEERS", "REMOVE", 2)
    finally:
        one.kill()
        two.kill()


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_writes_reach_the_peer_and_ttl_ends_them_everywhere(tmp_path: Path, policy: str) -> None:
    one = Server(tmp_path / "one", "--appendfsync", policy, replica=1)
    two = Server(tmp_path / "two", "--appendfsync", policy, replica=2)
    one.flags += ("--peer", f"2=127.0.0.1:{two.peer_port}")
    two.flags += ("--peer", f"1=127.0.0.1:{one.peer_port}")
    try:
        one.start(wait=False)
        two.start()
        one.wait()
        first, second = client_of(one.port), client_of(two.port)
        until(lambda: crdt(first, "crdt_writable") and crdt(second, "crdt_writable"))
        with first.pipeline(transaction=False) as pipeline:
            for n in range(300):
                pipeline.incr("n").sadd("s", n)
            pipeline.set("t", "1", px=300)
            pipeline.execute()
        assert first.execute_command("WAITAOF", 1, 0, 5000) == [1, 0]
        assert first.execute_command("CRDT.SYNC", "WAIT", 10_000) == 1
        assert second.get("n") == "300"
        assert second.scard("s") == 300
        until(lambda: second.dbsize() == 2 and first.dbsize() == 2)
        assert first.info("stats")["expired_keys"] == 1
        assert second.info("stats")["expired_keys"] == 0
        # What is durable is told; so what is durable everywhere grows.
        until(lambda: crdt(second, "crdt_gc_gvc_min") != "")
        started = time.monotonic()
        for n in range(20):
            first.set("delay", n)
            until(lambda n=n: second.get("delay") == str(n))
        assert time.monotonic() - started < 20
    finally:
        one.kill()
        two.kill()


def test_other_databases_and_secrets_are_no_peers(tmp_path: Path) -> None:
    one = Server(tmp_path / "one", "--peer-secret", "a", replica=1)
    two = Server(tmp_path / "two", "--peer-secret", "b", replica=2)
    one.flags += ("--peer", f"2=127.0.0.1:{two.peer_port}")
    two.flags += ("--peer", f"1=127.0.0.1:{one.peer_port}")
    try:
        one.start(wait=False)
        two.start()
        one.wait()
        first = client_of(one.port)
        until(lambda: "secret" in first.execute_command("CRDT.PEERS")[0]["last_error"])
        assert crdt(first, "crdt_writable") == 0
        with pytest.raises(redis.ReadOnlyError):
            first.set("a", "1")
    finally:
        one.kill()
        two.kill()
