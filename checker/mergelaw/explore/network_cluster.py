"""Real instances on this machine, each in a process of its own, linked through gates."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import hiredis

from mergelaw.explore.network_gate import Gates

_START_S = 60.0
_LOOK_S = 0.02
_REPLY_S = 20.0


class NetworkError(RuntimeError):
    """An instance does not start, or does not answer; the message says which, and shows its log."""


class Process:
    """One instance."""

    def __init__(self, replica: int, port: int, command: Sequence[str], folder: Path, secret: str) -> None:
        self.replica = replica
        self.port = port
        self._command = command
        self._log = folder / f"instance-{replica}.log"
        self._secret = secret
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Begins to run; `ready` waits for it."""
        # The secret is no argument: those are seen by all users of the machine.
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MERGELAW_")},
            "MERGELAW_PEER_SECRET": self._secret,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    def ready(self) -> None:
        """Waits until it serves clients and takes writes. Raises: NetworkError."""
        until(self._takes_writes, f"instance {self.replica} takes writes", self.log)

    def _takes_writes(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise NetworkError(f"instance {self.replica} has ended:\n{self.log()}")
        try:
            return b"crdt_writable:1" in bytes(self.ask(b"INFO", b"crdt"))
        except (OSError, NetworkError):
            self._hang_up()
            return False

    def ask(self, *words: bytes) -> bytes:
        """The reply to a request, as the bytes on the wire. Raises: NetworkError, OSError."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=_REPLY_S)
        self._socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words))
        reader, data = hiredis.Reader(), b""
        while True:
            more = self._socket.recv(1 << 16)
            if not more:
                raise NetworkError(f"instance {self.replica} closes the connection:\n{self.log()}")
            data += more
            reader.feed(more)
            if reader.gets() is not False:
                return data

    def kill(self) -> None:
        """As a crash does."""
        self._hang_up()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def log(self) -> str:
        """The end of what it has logged."""
        with suppress(OSError):
            return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
        return ""


class Cluster:
    """`count` instances of a type, numbered from 1; every link goes through a gate."""

    def __init__(self, spec: str, count: int, folder: Path, *, flags: Sequence[str] = ()) -> None:
        """`spec`: what `mergelaw serve --type` takes. Ports are free ones."""
        self.gates = Gates()
        self._spec = spec
        self._count = count
        self._folder = folder
        self._flags = flags
        self.processes: dict[int, Process] = {}

    def __enter__(self) -> Cluster:
        self.gates.__enter__()
        try:
            ports = _free_ports(2 * self._count)
            secret = secrets.token_hex(16)
            peers = dict(enumerate(ports[self._count :], 1))
            for n, port in enumerate(ports[: self._count], 1):
                command = [sys.executable, "-m", "mergelaw.cli.main", "serve", "--id", str(n), "--port", str(port)]
                command += ["--peer-port", str(peers[n]), "--dir", str(self._folder / f"instance-{n}")]
                command += ["--type", self._spec, "--unproved", "--appendfsync", "always", "--compression", "0"]
                for other, peer in peers.items():
                    if other != n:
                        command += ["--peer", f"{other}=127.0.0.1:{self.gates.route(n, other, peer)}"]
                self.processes[n] = Process(n, port, [*command, *self._flags], self._folder, secret)
            for process in self.processes.values():
                process.start()
            for process in self.processes.values():
                process.ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        for process in self.processes.values():
            process.kill()
        self.gates.__exit__(None, None, None)


def until(holds: Callable[[], bool], what: str, told: Callable[[], str] = str, limit_s: float = _START_S) -> None:
    """Waits until `holds()`. Raises: NetworkError, at the time limit."""
    deadline = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline:
            raise NetworkError(f"not within {limit_s:.0f} s: {what}\n{told()}")
        time.sleep(_LOOK_S)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody uses at the moment."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
