"""`mergelaw serve` and `mergelaw cluster`, as a person types them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from tests.ports import free_ports
from tests.reference.server.process import Server, client_of, environment

MERGELAW = [sys.executable, "-m", "mergelaw.cli.main"]


def run(*args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MERGELAW, *args], cwd=cwd, env=environment(**env), capture_output=True, text=True, timeout=120, check=False
    )


def base_port(count: int) -> int:
    """A port that is free, as are those after it and their peer ports."""
    return free_ports(count)[0]


@pytest.mark.parametrize(
    ("args", "env", "told"),
    [
        ([], {}, "mergelaw serve: id: is missing (all settings together). Give each instance its own number: --id 1."),
        (["--id", "1", "--maxmemory", "x"], {}, "mergelaw serve: maxmemory: 'x': argument must be a memory value"),
        (["--id", "1"], {"MERGELAW_HZ": "0"}, "environment variable MERGELAW_HZ"),
        (["--id", "1", "--config", "none.toml"], {}, "file none.toml"),
        (["--id", "1", "--type", "none.crdt"], {}, "there is no file none.crdt"),
        (["--id", "1", "--logfile", "none/log"], {}, "logfile: none/log cannot be written"),
        (["--id", "1", "--prot", "7"], {}, "No such option"),
    ],
)
def test_wrong_input_ends_with_2_and_says_what_to_do(
    tmp_path: Path, args: list[str], env: dict[str, str], told: str
) -> None:
    done = run("serve", *args, cwd=tmp_path, **env)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("mergelaw-*"))


def test_port_in_use_is_told(tmp_path: Path) -> None:
    with Server(tmp_path / "a") as server:
        ports = ["--port", str(server.port), "--peer-port", str(free_ports(1)[0])]
        done = run("serve", "--id", "2", *ports, "--dir", "b", cwd=tmp_path)
        assert done.returncode == 2
        assert "a port cannot be had" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with Server(tmp_path / "data") as server, redis.Redis(port=server.port) as client:
        client.set("a", "1")
        assert server.process is not None
        server.process.send_signal(number)
        assert server.process.wait(20) == 0
        assert "stopped clean=True" in server.logged()


def test_shutdown_command_ends_in_order(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        redis.Redis(port=server.port).shutdown()
        assert server.process is not None
        assert server.process.wait(20) == 0


def test_file_and_environment(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text('# mine\nmaxmemory = "1gb"\ntimeout = 5\nlog-format = "json"\n', encoding="utf-8")
    server = Server(tmp_path / "data", "--config", str(file))
    try:
        server.start(MERGELAW_TIMEOUT="6")
        with client_of(server.port) as client:
            shown = client.config_get("maxmemory", "timeout", "id")
            assert shown == {"maxmemory": str(1024**3), "timeout": "6", "id": "1"}
            client.config_set("maxmemory", "2gb")
            client.config_rewrite()
        assert file.read_text(encoding="utf-8").splitlines()[:2] == ["# mine", f"maxmemory = {2 * 1024**3}"]
        assert '"event":"ready"' in server.logged()
    finally:
        server.stop()


def test_custom_types_are_served(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--type", "ORMap[Text, Max]", "--unproved") as server, server.wire() as wire:
        assert wire.ask(b"COMMAND LIST FILTERBY PATTERN ormap.*\r\n") not in (b"*0", b"*-1")
    done = run("cluster", "--instances", "1", "--type", "none.crdt", "--base-port", str(base_port(1)), cwd=tmp_path)
    assert done.returncode == 1
    assert "there is no file none.crdt" in done.stderr
    assert "instance 1 did not start" in done.stderr


class Cluster:
    def __init__(self, folder: Path, *args: str, instances: int = 3) -> None:
        self.port = base_port(instances)
        self.ports = [self.port + n for n in range(instances)]
        self.errors = folder / "cluster.log"
        temporary = folder / "temporary"
        temporary.mkdir(exist_ok=True)
        command = [*MERGELAW, "cluster", "--instances", str(instances), "--base-port", str(self.port), *args]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment(TMPDIR=str(temporary)), stdout=subprocess.PIPE, stderr=errors
            )
        assert self.process.stdout is not None
        told = []
        while "Ctrl-C ends it." not in (line := self.process.stdout.readline().decode()):
            assert line, self.errors.read_text(encoding="utf-8")
            told.append(line)
        self.told = "".join(told)
        self.temporary = temporary

    def children(self) -> list[int]:
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in found]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(60)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_cluster_replicates_and_ends_wholly(tmp_path: Path, number: signal.Signals) -> None:
    cluster = Cluster(tmp_path)
    children = cluster.children()
    try:
        assert [f"instance {n + 1}: redis-cli -p {port}" in cluster.told for n, port in enumerate(cluster.ports)]
        assert "The data is temporary" in cluster.told
        clients = [client_of(port) for port in cluster.ports]
        for client in clients:
            client.incr("n")
        for client in clients:
            assert client.execute_command("CRDT.SYNC", "WAIT", 10_000) == 1
        assert [client.get("n") for client in clients] == ["3", "3", "3"]
        with_server = subprocess.run(
            ["ps", "-o", "args=", "-p", ",".join(map(str, children))], capture_output=True, text=True, check=True
        )
        assert "secret" not in with_server.stdout
    finally:
        assert cluster.end(number) == 0
    assert len(children) == 3
    assert not any(alive(pid) for pid in children)
    assert list(cluster.temporary.iterdir()) == []


def test_cluster_keeps_its_data_in_a_folder_and_tells_of_who_dies(tmp_path: Path) -> None:
    for turn in range(2):
        cluster = Cluster(tmp_path, "--dir", "kept", "--set", "appendfsync=always", instances=2)
        try:
            with client_of(cluster.ports[1]) as client:
                assert client.incr("n") == turn + 1
                assert client.config_get("appendfsync") == {"appendfsync": "always"}
            if turn == 1:
                os.kill(cluster.children()[0], signal.SIGKILL)
                deadline = time.monotonic() + 20
                told = r"instance 1 \(port \d+\) has ended by signal SIGKILL"
                while not re.search(told, cluster.errors.read_text(encoding="utf-8")):
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                with redis.Redis(port=cluster.ports[1]) as client:
                    assert client.incr("n") == 3
        finally:
            assert cluster.end() == turn
        assert sorted(p.name for p in (tmp_path / "kept").iterdir()) == ["instance-1", "instance-2"]


def test_cluster_refuses_ports_in_use_and_wrong_settings(tmp_path: Path) -> None:
    with Server(tmp_path / "data", port=base_port(3)) as server:
        done = run("cluster", "--base-port", str(server.port), cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"in use: port {server.port}" in done.stderr
    done = run("cluster", "--set", "hz", cwd=tmp_path)
    assert done.returncode == 2
    done = run("cluster", "--instances", "1", "--base-port", str(base_port(1)), "--set", "hz=0", cwd=tmp_path)
    assert done.returncode == 1
    assert "hz: '0'" in done.stderr
    assert "instance 1 did not start" in done.stderr
