"""Real processes, really killed: what comes back, and that no dot is used twice."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.reference.server.process import Server, Wire, client_of, environment, request


def load(port: int, acknowledged: list[int], stop: threading.Event) -> None:
    """Counts up until the server is gone; how far it got is what was acknowledged."""
    try:
        with Wire(port, timeout=10) as wire:
            n = 0
            while not stop.is_set():
                wire.send(
                    request(b"INCR", b"counter")
                    + request(b"SADD", b"set", b"%d" % n)
                    + request(b"SET", b"last", b"%d" % n)
                )
                assert wire.line().startswith(b":")
                assert wire.line() == b":1"
                assert wire.line() == b"+OK"
                n += 1
                acknowledged.append(n)
    except (ConnectionError, TimeoutError, OSError):
        pass


def crash(server: Server, seconds: float) -> int:
    """Writes, is killed while writing; how many rounds were acknowledged."""
    acknowledged: list[int] = []
    stop = threading.Event()
    writer = threading.Thread(target=load, args=(server.port, acknowledged, stop))
    writer.start()
    time.sleep(seconds)
    server.kill()
    stop.set()
    writer.join()
    return len(acknowledged)


def clock(port: int) -> int:
    with client_of(port) as client:
        return int(client.info("crdt")["crdt_clock"])


def test_always_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", "--appendfsync", "always", "--snapshot-log-size", "20kb").start()
    try:
        total, clocks = 0, [-1]
        for _ in range(3):
            with redis.Redis(port=server.port) as client:
                client.delete("set", "counter")
            before = clock(server.port)
            assert before > clocks[-1]
            acknowledged = crash(server, 0.5)
            assert acknowledged > 0
            server.start()
            with client_of(server.port) as client:
                counter = int(client.get("counter") or 0)
                # One round may have been written and not acknowledged.
                assert acknowledged <= counter <= acknowledged + 1
                assert acknowledged <= int(client.scard("set")) <= acknowledged + 1
                assert int(client.get("last")) in (acknowledged - 1, acknowledged)
                assert clock(server.port) > before
                clocks.append(clock(server.port))
            total += acknowledged
        assert total > 10
    finally:
        server.kill()
    assert "damaged" not in server.logged()


def test_everysec_loses_at_most_the_last_second(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    try:
        acknowledged: list[int] = []
        times: list[float] = []
        with Wire(server.port) as wire:
            until = time.monotonic() + 2.5
            while time.monotonic() < until:
                assert wire.ask(request(b"INCR", b"counter")) == b":%d" % (len(acknowledged) + 1)
                acknowledged.append(len(acknowledged) + 1)
                times.append(time.monotonic())
            killed = time.monotonic()
            server.kill()
        server.start()
        with redis.Redis(port=server.port) as client:
            kept = int(client.get("counter") or 0)
        old = sum(t < killed - 1.0 for t in times)
        assert old <= kept <= len(acknowledged)
    finally:
        server.kill()


def test_order_of_end_and_start_keeps_all(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    with redis.Redis(port=server.port) as client:
        client.set("a", b"\0\xff")
        client.hset("h", mapping={"f": "1"})
        client.incrbyfloat("n", 1.5)
        client.set("t", "1", ex=100)
        client.set("dies", "1", px=1)
    before = clock(server.port)
    assert server.stop() == 0
    assert "stopped clean=True" in server.logged()
    server.start()
    try:
        with redis.Redis(port=server.port) as client:
            assert client.get("a") == b"\0\xff"
            assert client.hgetall("h") == {b"f": b"1"}
            assert float(client.get("n") or 0) == 1.5
            assert 90 < client.ttl("t") <= 100
            assert client.get("dies") is None
            client.set("b", "1")
        # No block of dots was thrown away.
        assert before < clock(server.port) < before + 20
    finally:
        server.stop()


def test_instance_that_lost_its_last_writes_takes_them_back_and_reuses_no_dot(tmp_path: Path) -> None:
    first = Server(tmp_path / "one", replica=1)
    second = Server(tmp_path / "two", replica=2)
    first.flags = ("--peer", f"2=127.0.0.1:{second.peer_port}", "--appendfsync", "no")
    second.flags = ("--peer", f"1=127.0.0.1:{first.peer_port}")
    first.start(wait=False)
    second.start(wait=False)
    first.wait()
    second.wait()
    try:
        one = client_of(first.port)
        two = client_of(second.port)
        until_writable(one)
        one.incrby("n", 5)
        assert one.execute_command("CRDT.SYNC", "WAIT", 10_000) == 1
        time.sleep(0.3)
        saved = {
            name: (tmp_path / "one" / name).read_bytes() for name in ("log.db", "log.db-wal", "keys.db", "keys.db-wal")
        }
        one.incrby("n", 3)
        one.sadd("s", "lost")
        assert one.execute_command("CRDT.SYNC", "WAIT", 10_000) == 1
        lost = clock(first.port)
        first.kill()
        # The disk of a moment before: as after a power failure.
        for name, data in saved.items():
            (tmp_path / "one" / name).write_bytes(data)
        (tmp_path / "one" / "log.db-shm").unlink(missing_ok=True)
        (tmp_path / "one" / "keys.db-shm").unlink(missing_ok=True)
        two.incrby("n", 100)
        first.start()
        until_writable(one)
        one.incrby("n", 2)
        one.sadd("s", "new")
        assert clock(first.port) > lost
        assert one.execute_command("CRDT.SYNC", "WAIT", 10_000) == 1
        for client in (one, two):
            assert client.get("n") == "110"
            assert client.smembers("s") == {"lost", "new"}
        deadline = time.monotonic() + 20
        # What nobody has is declared void, so no gap is left.
        while any(";" in client.info("crdt")["crdt_received"].replace(";2:", " ") for client in (one, two)):
            assert time.monotonic() < deadline, one.info("crdt")["crdt_received"]
            time.sleep(0.1)
    finally:
        first.kill()
        second.kill()


def until_writable(client: Any) -> None:
    deadline = time.monotonic() + 30
    while not client.info("crdt")["crdt_writable"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_damaged_or_foreign_folders_are_told(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    with redis.Redis(port=server.port) as client:
        client.set("a", "1")
    second = Server(tmp_path / "data", replica=1)
    command = second.command()
    run = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 2
    assert "is in use by another process" in run.stderr
    server.stop()
    (tmp_path / "data" / "log.db").write_bytes(b"\0" * 8192)
    run = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 2
    assert "log.db is damaged or no database" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.slow
def test_killed_again_and_again_while_snapshots_are_written(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", "--appendfsync", "always", "--snapshot-log-size", "5kb").start()
    total = 0
    try:
        for n in range(12):
            acknowledged = 0
            with redis.Redis(port=server.port) as client:
                client.delete("set", "last")
                before = int(client.get("counter") or 0)
            acknowledged = crash(server, 0.05 + 0.07 * n)
            server.start()
            with redis.Redis(port=server.port) as client:
                total = int(client.get("counter") or 0)
                assert before + acknowledged <= total <= before + acknowledged + 1
    finally:
        server.kill()
    assert sys.maxsize > total > 0
