"""Several instances of one database as real processes on this machine, and what tests ask of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.ports import free_ports
from tests.reference.server.process import Server

SECRET = "a secret of the tests"
LIMIT_S = 60.0
"""Generous: the machine may be loaded."""
_LOOK_S = 0.02

Route = Callable[[int, int, int], int]
"""From which instance, to which, and its peer port: the port that is dialed."""


def until(holds: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
    """Waits until `holds()`. Raises: AssertionError, at the time limit."""
    deadline = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s:.0f} s: {what}")
        time.sleep(_LOOK_S)


def plain_client(port: int, *, timeout_s: float = 30.0, text: bool = True) -> Any:
    """A client of redis-py that gives replies as RESP3 has them, and sends nothing twice.

    Its annotations do not help: they depend on its settings and its version.
    """
    client = redis.Redis(
        port=port, decode_responses=text, protocol=3, socket_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
    )
    client.response_callbacks.clear()
    return client


def info(client: Any, section: str) -> dict[str, str]:
    """The fields of a section of INFO."""
    lines = str(client.execute_command("INFO", section)).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def content(client: Any) -> dict[bytes, tuple[bytes, object]]:
    """All keys with their types and values. `client` gives bytes."""
    found: dict[bytes, tuple[bytes, object]] = {}
    cursor = b"0"
    while True:
        cursor, keys = client.execute_command("SCAN", cursor, "COUNT", 1000)
        for key in keys:
            kind = client.execute_command("TYPE", key)
            match kind:
                case b"string":
                    value: object = client.execute_command("GET", key)
                case b"hash":
                    value = dict(client.execute_command("HGETALL", key))
                case b"set":
                    value = frozenset(client.execute_command("SMEMBERS", key))
                case _:
                    raise AssertionError(f"{key!r} is a {kind!r}")
            found[key] = (kind, value)
        if int(cursor) == 0:
            return found


class Cluster:
    """`count` instances, numbered from 1, each with all others as its peers."""

    def __init__(self, folder: Path, count: int = 3, *flags: str, route: Route | None = None) -> None:
        ports = free_ports(2 * count)
        peer_ports = dict(enumerate(ports[count:], 1))
        self.servers: dict[int, Server] = {}
        for n in range(1, count + 1):
            peers: list[str] = []
            for other, port in peer_ports.items():
                if other != n:
                    dialed = port if route is None else route(n, other, port)
                    peers += ["--peer", f"{other}=127.0.0.1:{dialed}"]
            self.servers[n] = Server(
                folder / f"instance-{n}",
                "--peer-secret",
                SECRET,
                *peers,
                *flags,
                port=ports[n - 1],
                peer_port=peer_ports[n],
                replica=n,
            )
        self._clients: dict[int, Any] = {}

    def __enter__(self) -> Cluster:
        try:
            for server in self.servers.values():
                server.start(wait=False)
            for n, server in self.servers.items():
                server.wait()
                self.writable(n)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """No process of it is left, whatever has happened."""
        for client in self._clients.values():
            with suppress(redis.RedisError):
                client.close()
        running = [s.process for s in self.servers.values() if s.process is not None and s.process.poll() is None]
        for process in running:
            process.kill()
        for process in running:
            process.wait()

    def client(self, n: int) -> Any:
        """One that is kept."""
        if n not in self._clients:
            self._clients[n] = plain_client(self.servers[n].port)
        return self._clients[n]

    def do(self, n: int, *words: str | bytes | int) -> Any:
        """A command at instance `n`; an error is returned."""
        try:
            return self.client(n).execute_command(*words)
        except redis.ResponseError as error:
            return error

    def writable(self, n: int) -> None:
        """Waits until instance `n` is in sync and takes writes."""
        until(lambda: info(self.client(n), "crdt").get("crdt_writable") == "1", f"instance {n} takes writes")

    def pause(self) -> None:
        for n in self.servers:
            assert self.do(n, "CRDT.SYNC", "PAUSE") == "OK"

    def sync(self) -> None:
        """Lets all through that was held back."""
        for n in self.servers:
            assert self.do(n, "CRDT.SYNC", "RESUME") == "OK"
        for n in self.servers:
            assert self.do(n, "CRDT.SYNC", "WAIT", 30_000) == 1, self.logs()

    def logs(self) -> str:
        """The ends of the logs of all instances."""
        return "\n".join(f"--- {n}:\n{server.logged()[-2000:]}" for n, server in self.servers.items())

    def equal(self) -> dict[bytes, tuple[bytes, object]]:
        """What all instances hold. Raises: AssertionError, if they differ."""
        contents: Mapping[int, dict[bytes, tuple[bytes, object]]] = {
            n: content(plain_client(server.port, text=False)) for n, server in self.servers.items()
        }
        first = contents[1]
        for n, other in contents.items():
            differing = {key for key in first.keys() | other.keys() if first.get(key) != other.get(key)}
            shown = [(key, first.get(key), other.get(key)) for key in sorted(differing)[:3]]
            assert not differing, f"instances 1 and {n} differ in {len(differing)} keys: {shown!r:.2000}"
        return first


def ended(servers: Iterable[Server]) -> None:
    """Kills what still runs of `servers`."""
    for server in servers:
        if server.process is not None and server.process.poll() is None:
            server.kill()
