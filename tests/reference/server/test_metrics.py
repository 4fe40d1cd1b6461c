"""The Prometheus endpoint, logs, memory and clients' password."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import time
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mergelaw.server import log
from mergelaw.server.auth import Password
from mergelaw.server.memory import Memory
from tests.ports import free_ports
from tests.reference.server.process import Server, client_of


def scraped(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = answer.read().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def test_two_instances_tell_of_effects_lag_and_conflicts(tmp_path: Path) -> None:
    ports = free_ports(2)
    one = Server(tmp_path / "one", replica=1)
    two = Server(tmp_path / "two", replica=2)
    one.flags = ("--peer", f"2=127.0.0.1:{two.peer_port}", "--metrics-port", str(ports[0]))
    two.flags = ("--peer", f"1=127.0.0.1:{one.peer_port}", "--metrics-port", str(ports[1]))
    one.start(wait=False)
    two.start(wait=False)
    try:
        one.wait()
        two.wait()
        clients = [client_of(s.port) for s in (one, two)]
        deadline = time.monotonic() + 30
        while not all(scraped(port)["mergelaw_writable"] for port in ports):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/health", timeout=5).read() == b"ok\n"
        clients[0].execute_command("CRDT.SYNC", "PAUSE")
        for n, client in enumerate(clients):
            client.set("string", n)
            client.hset("hash", "f", f"v{n}")
            client.sadd("set", "member")
        clients[0].expire("string", 100)
        held = scraped(ports[0])
        assert held["mergelaw_effects_published_total"] == 4
        assert held["mergelaw_peer_lag_operations{peer=2}"] >= 4
        assert held["mergelaw_peer_connected{peer=2}"] == 0
        clients[0].execute_command("CRDT.SYNC", "RESUME")
        assert clients[0].execute_command("CRDT.SYNC", "WAIT", 10_000) == 1
        met = scraped(ports[0])
        assert met["mergelaw_effects_applied_total"] == 3
        assert met["mergelaw_conflicts_total{rule=Scalar.last_write_wins}"] == 2
        assert met["mergelaw_conflicts_total{rule=ORSet.add_wins}"] == 1
        assert met["mergelaw_conflicts_total{rule=Expiry.longest_wins}"] == 1
        assert met["mergelaw_peer_lag_operations{peer=2}"] == 0
        assert met["mergelaw_peer_connected{peer=2}"] == 1
        assert met["mergelaw_commands_total{command=set}"] == 1
        assert met["mergelaw_memory_used_bytes"] > 10_000_000
        assert met["mergelaw_keys"] == 3
        for path, status in (("/", 404), ("/metrics?x=1", 200)):
            connection = http.client.HTTPConnection("127.0.0.1", ports[0], timeout=5)
            connection.request("GET", path)
            assert connection.getresponse().status == status
            connection.close()
        for junk in (b"\r\n\r\n", b"POST /metrics HTTP/1.1\r\n\r\n", b"x" * 100_000):
            with socket.create_connection(("127.0.0.1", ports[0]), timeout=5) as wire:
                try:
                    wire.sendall(junk)
                    assert b"200" not in wire.recv(1000)
                except ConnectionError:
                    pass
        assert scraped(ports[0])
    finally:
        one.kill()
        two.kill()


@pytest.mark.parametrize("form", ["json", "human"])
def test_logs_are_one_line_an_event(tmp_path: Path, form: str) -> None:
    file = tmp_path / "log"
    log.set_up(7, "notice", form, str(file))
    try:
        log.notice("ready", port=7101, name='a "b"\nc')
        log.verbose("not shown")
        log.debug("not shown")
        try:
            raise ValueError("why")
        except ValueError:
            log.warning("odd", traceback=True, n=1)
        log.set_level("debug")
        log.debug("shown")
    finally:
        for handler in logging.getLogger("mergelaw.server").handlers[:]:
            logging.getLogger("mergelaw.server").removeHandler(handler)
            handler.close()
    lines = file.read_text(encoding="utf-8").splitlines()
    if form == "json":
        told = [json.loads(line) for line in lines]
        assert [(t["event"], t["level"], t["instance"]) for t in told] == [
            ("ready", "notice", 7),
            ("odd", "warning", 7),
            ("shown", "debug", 7),
        ]
        assert told[0]["name"] == 'a "b"\nc'
        assert "ValueError: why" in told[1]["traceback"]
    else:
        assert lines[0].endswith(r'notice  [7] ready port=7101 name="a \"b\"\nc"')
        assert lines[1].endswith("warning [7] odd n=1")
        assert lines[-2].endswith("ValueError: why")
        assert lines[-1].endswith("debug   [7] shown")


def test_password() -> None:
    assert not Password("").required
    assert not Password("").opens(b"default", b"")
    password = Password("sésame")
    assert password.required
    assert password.opens(b"default", "sésame".encode())
    assert not password.opens(b"default", b"sesame")
    assert not password.opens(b"other", "sésame".encode())


def test_memory_is_that_of_the_process() -> None:
    memory = Memory()
    before = memory.look()
    block = bytearray(50_000_000)
    block[::4096] = b"x" * len(block[::4096])
    assert memory.look() > before + 40_000_000
    del block
    memory.give_back()
    assert memory.used < before + 40_000_000
    assert memory.peak > before + 40_000_000
    memory.close()
