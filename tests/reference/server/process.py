"""Real processes of `mergelaw serve`, and plain connections to them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import redis

from tests.ports import free_ports

ROOT = Path(__file__).resolve().parents[3]
START_S = 60.0


def environment(**more: str) -> dict[str, str]:
    """That of a child process: the package as it is checked out, and no settings but `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MERGELAW_")}
    path = os.pathsep.join(str(ROOT / layer) for layer in ("spec", "reference", "checker"))
    return {**kept, "PYTHONPATH": path, **more}


class Wire:
    """A connection on which bytes are sent as they are."""

    def __init__(self, port: int, timeout: float = 20.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> bytes:
        """The next line, without its end."""
        while b"\r\n" not in self._buffer:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError(f"closed after {self._buffer!r}")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def take(self, count: int) -> bytes:
        """So many bytes."""
        chunks = [self._buffer]
        size = len(self._buffer)
        while size < count:
            data = self.socket.recv(1 << 20)
            if not data:
                raise ConnectionError(f"closed after {size} of {count} bytes")
            chunks.append(data)
            size += len(data)
        whole = b"".join(chunks)
        self._buffer = whole[count:]
        return whole[:count]

    def rest(self) -> bytes:
        """All that comes until the server closes the connection."""
        while True:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                rest, self._buffer = self._buffer, b""
                return rest
            self._buffer += data

    def ask(self, data: bytes) -> bytes:
        self.send(data)
        return self.line()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def request(*args: bytes) -> bytes:
    """A request as clients write it."""
    return b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%b\r\n" % (len(a), a) for a in args)


def client_of(port: int) -> Any:
    """A client of redis-py, whose annotations do not help: they depend on its settings and its version."""
    return redis.Redis(port=port, decode_responses=True)


class Server:
    """One instance, in a process of its own."""

    def __init__(self, folder: Path, *flags: str, port: int = 0, peer_port: int = 0, replica: int = 1) -> None:
        ports = free_ports(2)
        self.port = port or ports[0]
        self.peer_port = peer_port or ports[1]
        self.folder = folder
        self.replica = replica
        self.flags = flags
        self.log = folder.with_name(folder.name + ".log")
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        head = [sys.executable, "-m", "mergelaw.cli.main", "serve", "--id", str(self.replica)]
        head += ["--port", str(self.port), "--peer-port", str(self.peer_port), "--dir", str(self.folder)]
        return [*head, *self.flags]

    def start(self, *, wait: bool = True, **env: str) -> Server:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(**env)
            )
        if wait:
            self.wait()
        return self

    def wait(self) -> None:
        """Until it serves clients."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"it has ended with {self.process.returncode}:\n{self.logged()}")
            try:
                with Wire(self.port) as wire:
                    wire.ask(b"PING\r\n")
                return
            except (ConnectionError, TimeoutError):
                time.sleep(0.05)
        raise AssertionError(f"it does not start:\n{self.logged()}")

    def logged(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def wire(self) -> Wire:
        return Wire(self.port)

    def kill(self) -> None:
        """As a crash does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """In order; the exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"it does not end:\n{self.logged()}") from None
        return self.process.returncode

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            if error is None:
                self.stop()
            else:
                self.kill()
