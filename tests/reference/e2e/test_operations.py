"""Operating it: starting, ending, crashing, adding members, limits, metrics; all with real processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.ports import free_ports
from tests.reference.e2e.local import SECRET, Cluster, ended, info, plain_client, until
from tests.reference.server.process import Server, environment


def mergelaw(*words: str) -> list[str]:
    return [sys.executable, "-m", "mergelaw.cli.main", *words]


def children(pid: int) -> list[int]:
    """The processes that `pid` has started and that still run."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(word) for word in (task / "children").read_text(encoding="ascii").split()]
    return found


def runs(pid: int) -> bool:
    """Whether the process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def free_base(count: int) -> int:
    """So many client ports in a row that are free, and whose peer ports are, too."""
    return free_ports(count)[0]


# mergelaw cluster -----------------------------------------------------------------------------------------------------


class Local:
    """`mergelaw cluster`, whose processes end with the test."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.base = free_base(3)
        self.out = folder / "out.txt"
        self.err = folder / "err.txt"
        command = mergelaw("cluster", "--instances", "3", "--base-port", str(self.base), *words)
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment(TMPDIR=str(folder)),
                start_new_session=True,
            )
        self.children: list[int] = []

    def started(self) -> None:
        def told() -> bool:
            assert self.process.poll() is None, self.said()
            return "Ctrl-C ends it" in self.out.read_text(encoding="utf-8")

        try:
            until(told, "it tells how to connect", 90)
        finally:
            self.children = children(self.process.pid)

    def said(self) -> str:
        return self.out.read_text(encoding="utf-8") + self.err.read_text(encoding="utf-8")[-4000:]

    def end(self) -> None:
        for pid in {*children(self.process.pid), *(pid for pid in self.children if runs(pid))}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_cluster_tells_how_to_connect_and_ends_all(tmp_path: Path, number: signal.Signals) -> None:
    local = Local(tmp_path)
    try:
        local.started()
        ports = [int(port) for port in re.findall(r"redis-cli -p (\d+)", local.out.read_text(encoding="utf-8"))]
        assert ports == [local.base + n for n in range(3)]
        clients = [plain_client(port) for port in ports]
        assert clients[0].execute_command("INCRBY", "k", 5) == 5
        assert clients[0].execute_command("CRDT.SYNC", "WAIT", 30_000) == 1
        assert [client.execute_command("GET", "k") for client in clients] == ["5"] * 3
        assert len(local.children) == 3
        local.process.send_signal(number)
        assert local.process.wait(60) == 0, local.said()
        until(lambda: not any(map(runs, local.children)), "all its processes have ended")
        assert not list(tmp_path.glob("mergelaw-cluster-*")), "its folder is left"
    finally:
        local.end()


@pytest.mark.slow
def test_cluster_keeps_data_in_a_folder(tmp_path: Path) -> None:
    for wanted in ("1", "2"):
        local = Local(tmp_path, "--dir", str(tmp_path / "kept"), "--set", "appendfsync=always")
        try:
            local.started()
            client = plain_client(local.base + 1)
            assert str(client.execute_command("INCR", "k")) == wanted
            assert client.execute_command("CRDT.SYNC", "WAIT", 30_000) == 1
            local.process.terminate()
            assert local.process.wait(60) == 0, local.said()
        finally:
            local.end()


def test_cluster_refuses_ports_in_use(tmp_path: Path) -> None:
    base = free_base(3)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", base + 1))
        taken.listen()
        done = ran("cluster", "--base-port", str(base))
    assert done.returncode == 2
    assert f"in use: port {base + 1}" in done.stderr


# mergelaw serve: options ----------------------------------------------------------------------------------------------


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(mergelaw(*words), capture_output=True, text=True, timeout=90, env=environment(), check=False)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "0"], "id: is missing"),
        (["--id", "5000"], "between 1 and 4095"),
        (["--id", "1", "--maxmemory", "lots"], "memory value"),
        (["--id", "1", "--appendfsync", "sometimes"], "must be one of the following: everysec, always, no"),
        (["--id", "1", "--peer", "2:127.0.0.1"], "is no peer: give ID=HOST:PORT"),
        (["--id", "1", "--no-such-option", "1"], "No such option"),
        (["--id", "1", "--type", "no-such-file.crdt"], "no-such-file.crdt"),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, list) else "",
)
def test_a_wrong_option_is_told(words: list[str], told: str, tmp_path: Path) -> None:
    done = ran("serve", "--dir", str(tmp_path / "data"), *words)
    assert done.returncode == 2, done
    assert told in re.sub(r"\s+", " ", done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    """Of the same instance, and of none else."""
    with Server(tmp_path / "data") as first:
        for replica in (1, 2):
            ports = free_ports(2)
            words = ["--id", str(replica), "--port", str(ports[0]), "--peer-port", str(ports[1])]
            done = ran("serve", *words, "--dir", str(tmp_path / "data"))
            assert done.returncode == 2, done
            assert "Traceback" not in done.stderr
        assert plain_client(first.port).execute_command("PING") == "PONG"


# One id, restarts, crashes --------------------------------------------------------------------------------------------


def test_a_second_process_under_one_id_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    """It has a folder of its own, but instance 2 is there already: peers refuse it, and it takes no writes."""
    peers = [f"--peer={n}=127.0.0.1:{s.peer_port}" for n, s in cluster.servers.items() if n != 2]
    assert cluster.do(1, "SET", "one-id", "1") == "OK"
    cluster.sync()
    second = Server(tmp_path / "second", "--peer-secret", SECRET, *peers, replica=2)
    try:
        second.start(wait=False)
        assert second.process is not None

        def refused() -> bool:
            assert second.process is not None
            if second.process.poll() is not None:
                return second.process.returncode != 0
            with suppress(redis.ConnectionError):
                found = plain_client(second.port).execute_command("CRDT.PEERS")
                return any("duplicate" in peer["last_error"] or "same id" in peer["last_error"] for peer in found)
            return False

        until(refused, "it is refused")
        if second.process.poll() is None:
            with pytest.raises(redis.ResponseError):
                plain_client(second.port).execute_command("SET", "one-id", "2")
    finally:
        ended([second])
    assert cluster.do(2, "SET", "one-id", "3") == "OK"
    cluster.sync()
    assert [cluster.do(n, "GET", "one-id") for n in cluster.servers] == ["3"] * 3


def test_a_restart_keeps_all(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        client = plain_client(server.port)
        client.execute_command("SET", "s", "value", "EX", 1000)
        client.execute_command("INCRBY", "n", 5)
        client.execute_command("HSET", "h", "f", "v")
        client.execute_command("SADD", "set", "a", "b")
        client.execute_command("SET", "gone", "1")
        client.execute_command("DEL", "gone")
        for stopped in (server.stop, server.kill):
            stopped()
            server.start()
            client = plain_client(server.port)
            assert client.execute_command("MGET", "s", "n", "gone") == ["value", "5", None]
            assert 0 < client.execute_command("TTL", "s") <= 1000
            assert client.execute_command("HGETALL", "h") == {"f": "v"}
            assert set(client.execute_command("SMEMBERS", "set")) == {"a", "b"}
        assert client.execute_command("INCR", "n") == 6
        assert server.stop() == 0


def test_a_crash_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Under `appendfsync always`, killed in the middle of a stream of writes."""
    with Server(tmp_path / "data", "--appendfsync", "always") as server:
        acknowledged = 0
        for _ in range(2):
            client = plain_client(server.port)
            enough = threading.Event()
            held: list[int] = []

            def write(client: Any = client, held: list[int] = held, enough: threading.Event = enough) -> None:
                with suppress(redis.ConnectionError):
                    while True:
                        held.append(client.execute_command("INCR", "n"))
                        if len(held) == 200:
                            enough.set()

            writer = threading.Thread(target=write, daemon=True)
            writer.start()
            assert enough.wait(60)
            server.kill()
            writer.join(60)
            assert not writer.is_alive()
            assert held == list(range(held[0], held[0] + len(held)))
            assert held[0] in (acknowledged + 1, acknowledged + 2)
            server.start()
            value = int(plain_client(server.port).execute_command("GET", "n"))
            assert value in (held[-1], held[-1] + 1)
            acknowledged = held[-1]


# Members, memory, metrics ---------------------------------------------------------------------------------------------


def test_metrics_are_served(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    with Cluster(tmp_path, 1, "--metrics-port", str(port)) as one:
        assert one.do(1, "SET", "k", "v") == "OK"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
    assert re.search(r"^mergelaw_\w+(\{.*\})? [0-9.e+-]+$", text, re.MULTILINE), text[:2000]
    for word in ("effects", "collect", "conflict"):
        assert re.search(rf"^# HELP mergelaw_\w*{word}", text, re.MULTILINE), word


def test_maxmemory_refuses_writes_but_no_effects(tmp_path: Path) -> None:
    with Cluster(tmp_path, 2) as pair:
        assert pair.do(1, "SET", "before", "1") == "OK"
        assert pair.do(1, "CONFIG", "SET", "maxmemory", "1") == "OK"
        until(lambda: str(pair.do(1, "SET", "k", "v")).startswith("command not allowed when used memory"), "it is full")
        assert pair.do(1, "GET", "before") == "1"
        assert pair.do(2, "SET", "from-2", "x" * 100_000) == "OK"
        pair.sync()
        assert pair.do(1, "STRLEN", "from-2") == 100_000
        assert pair.do(1, "DEL", "before") == 1
        pair.sync()
        assert pair.do(2, "EXISTS", "before") == 0
        assert pair.do(1, "CONFIG", "SET", "maxmemory", "0") == "OK"
        until(lambda: pair.do(1, "SET", "k", "v") == "OK", "there is room again")


@pytest.fixture
def joining(cluster: Cluster, tmp_path: Path) -> Iterator[Server]:
    seeds = [f"--join=127.0.0.1:{server.peer_port}" for server in cluster.servers.values()]
    server = Server(tmp_path / "joining", "--peer-secret", SECRET, *seeds, replica=9)
    try:
        yield server
    finally:
        try:
            if knows(cluster, 1, 9):
                # While it runs: it has sent all that it has.
                assert cluster.do(1, "CRDT.PEERS", "REMOVE", 9) == "OK"
                until(lambda: not any(knows(cluster, n, 9) for n in cluster.servers), "all have removed it")
        finally:
            ended([server])


def knows(cluster: Cluster, n: int, peer: int) -> bool:
    return any(known["id"] == peer for known in cluster.do(n, "CRDT.PEERS"))


def test_a_member_is_added(cluster: Cluster, joining: Server) -> None:
    """It answers reads at once, and takes writes when it is in sync."""
    assert cluster.do(1, "SET", "join:k", "v") == "OK"
    cluster.sync()
    joining.start()
    client = plain_client(joining.port)
    assert client.execute_command("PING") == "PONG"
    assert client.execute_command("GET", "join:k") is None
    with pytest.raises(redis.ResponseError) as refused:
        client.execute_command("SET", "join:too-early", "1")
    assert "OK" not in str(refused.value)
    assert info(client, "crdt")["crdt_writable"] == "0"
    assert cluster.do(1, "CRDT.PEERS", "ADD", 9, f"127.0.0.1:{joining.peer_port}") == "OK"
    until(lambda: info(client, "crdt")["crdt_writable"] == "1", "it is in sync")
    assert client.execute_command("GET", "join:k") == "v"
    assert client.execute_command("SET", "join:mine", "1") == "OK"
    assert client.execute_command("CRDT.SYNC", "WAIT", 30_000) == 1
    assert [cluster.do(n, "GET", "join:mine") for n in cluster.servers] == ["1"] * 3
    assert [cluster.do(n, "EXISTS", "join:too-early") for n in cluster.servers] == [0] * 3
