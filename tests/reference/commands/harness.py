"""Instances without sockets: a bare database, the commands, and a server that only remembers what it was told.

Effects go from one instance to another when a test says so. A real redis-server answers the same commands for
comparison.
"""

from __future__ import annotations

import asyncio
import random
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mergelaw.commands import dispatch
from mergelaw.commands.errors import CommandError
from mergelaw.commands.index import KeyIndex
from mergelaw.commands.reply import Reply, Waiting
from mergelaw.commands.statistics import SlowLog, Statistics
from mergelaw.commands.table import Call, ClientState, Peer
from mergelaw.replica.database import Database, default_engines
from mergelaw.replica.model import Effect
from mergelaw.replica.transaction import Transaction
from mergelaw.server.resp import write

START_MS = 1_700_000_000_000


class Server:
    """A `ServerApi` without a process around it."""

    def __init__(self, db: Database, seed: int = 1) -> None:
        self._db = db
        self.unhindered = False
        self.timer: Callable[[], float] = lambda: self.clock_us / 1e6
        self.statistics = Statistics()
        self.slowlog = SlowLog()
        self.index = KeyIndex(db)
        self.published: list[Effect] = []
        self.config = {"maxmemory": "0", "appendonly": "yes", "timeout": "0", "save": ""}
        self.connected: list[ClientState] = []
        self.password: bytes | None = None
        self.full = False
        self.refusal: bytes | None = None
        self.members: list[Peer] = []
        self.syncs: list[str] = []
        self.synced = True
        self.pauses: list[tuple[int, bool]] = []
        self.killed: list[ClientState] = []
        self.saves: list[bool] = []
        self.shutdowns: list[tuple[bool | None, bool, bool]] = []
        self.slept: list[float] = []
        self.clock_us = 0
        self.now_ms = START_MS
        self._random = random.Random(seed)

    def monotonic_us(self) -> int:
        return self.clock_us

    def now_us(self) -> int:
        return self.now_ms * 1000

    def begin(self, now_ms: int) -> Transaction:
        return self._db.begin(now_ms)

    def end(self, tx: Transaction) -> None:
        effect = tx.commit()
        if effect is not None:
            self.publish(effect)

    def publish(self, effect: Effect) -> None:
        self.published.append(effect)

    def out_of_memory(self) -> bool:
        return self.full

    def writes_refused(self) -> bytes | None:
        return self.refusal

    def randomness(self, below: int) -> int:
        return self._random.randrange(below)

    def secret(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def config_items(self) -> Mapping[str, str]:
        return self.config

    def config_set(self, changes: Mapping[str, str]) -> None:
        self.config.update(changes)

    def config_rewrite(self) -> None:
        raise CommandError("ERR The server is running without a config file")

    def clients(self) -> Iterable[ClientState]:
        return self.connected

    def kill(self, client: ClientState) -> None:
        self.killed.append(client)

    def pause_clients(self, until_ms: int, writes_only: bool) -> None:
        self.pauses.append((until_ms, writes_only))

    def check_password(self, user: bytes, password: bytes) -> bool:
        return user == b"default" and password == self.password

    def password_required(self) -> bool:
        return self.password is not None

    def info(self, section: str) -> Mapping[str, str | int | float]:
        return {}

    def memory_used(self) -> int:
        return 1_000_000

    def key_memory(self, key: bytes) -> int | None:
        return None

    def save(self, background: bool) -> None:
        self.saves.append(background)

    def last_save_s(self) -> int:
        return START_MS // 1000

    async def wait_durable(self, timeout_ms: int) -> bool:
        return True

    def shutdown(self, save: bool | None, now: bool, force: bool) -> None:
        self.shutdowns.append((save, now, force))

    def abort_shutdown(self) -> bool:
        return False

    def peers(self) -> Sequence[Peer]:
        return self.members

    def add_peer(self, peer_id: int, host: str, port: int) -> None:
        self.members.append(Peer(peer_id, host, port, "connecting"))

    def remove_peer(self, peer_id: int) -> None:
        if all(peer.id != peer_id for peer in self.members):
            raise CommandError(f"ERR there is no peer {peer_id}")
        self.members = [peer for peer in self.members if peer.id != peer_id]

    def pause_sync(self) -> None:
        self.syncs.append("pause")

    def resume_sync(self) -> None:
        self.syncs.append("resume")

    async def wait_synced(self, timeout_ms: int) -> bool:
        return self.synced

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Instance:
    """One instance: its database, its server, and one client of it."""

    def __init__(self, replica: int = 1) -> None:
        self.db = Database(replica, default_engines())
        self.server = Server(self.db)
        self.client = self.connect()

    @property
    def now_ms(self) -> int:
        return self.server.now_ms

    @now_ms.setter
    def now_ms(self, value: int) -> None:
        self.server.now_ms = value

    def connect(self) -> ClientState:
        """A further client."""
        client = ClientState(len(self.server.connected) + 1, b"127.0.0.1:50000", b"127.0.0.1:6379", self.now_ms)
        client.authenticated = not self.server.password_required()
        self.server.connected.append(client)
        return client

    def run(self, *args: str | bytes | int, client: ClientState | None = None) -> Any:
        """The reply to a command; one argument alone is split as a shell would."""
        if len(args) == 1 and isinstance(args[0], str):
            args = tuple(shlex.split(args[0]))
        given = [a if isinstance(a, bytes) else str(a).encode("latin-1") for a in args]
        call = Call(given, self.db, self.now_ms, client or self.client, self.server)
        reply: Reply = dispatch.execute(call)
        if isinstance(reply, Waiting):
            reply = asyncio.run(_awaited(reply))
        return reply

    def wire(self, *args: str | bytes | int, protocol: int = 2) -> bytes:
        """The reply as it goes over the wire."""
        out = bytearray()
        write(out, self.run(*args), protocol)
        return bytes(out)

    def tick(self) -> None:
        """Deletes what has expired and is this instance's to delete."""
        for key in self.db.due(self.now_ms, 1000):
            tx = self.db.begin(self.now_ms)
            tx.reap(key)
            effect = tx.commit()
            if effect is not None:
                self.server.publish(effect)


async def _awaited(reply: Waiting) -> Reply:
    return await reply.start()


class Mesh:
    """Some instances; `sync` brings everything everywhere."""

    def __init__(self, count: int = 2) -> None:
        self.instances = [Instance(n + 1) for n in range(count)]
        self._sent: dict[tuple[int, int], int] = {}

    def __getitem__(self, number: int) -> Instance:
        """By id, from 1."""
        return self.instances[number - 1]

    def deliver(self, source: int, target: int) -> None:
        """What `source` has made and `target` has not got yet."""
        effects = self[source].server.published
        for effect in effects[self._sent.get((source, target), 0) :]:
            self[target].db.receive(effect, self[target].now_ms)
        self._sent[source, target] = len(effects)

    def sync(self) -> None:
        ids = range(1, len(self.instances) + 1)
        for source in ids:
            for target in ids:
                if source != target:
                    self.deliver(source, target)

    def wait(self, ms: int) -> None:
        """Time passes everywhere."""
        for instance in self.instances:
            instance.now_ms += ms

    def everywhere(self, *args: str | bytes | int) -> list[Any]:
        """The replies of all instances."""
        return [instance.run(*args) for instance in self.instances]


class RealRedis:
    """A redis-server of our own, on a free port, that keeps nothing."""

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        assert program is not None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._folder = tempfile.TemporaryDirectory()
        options = f"--port {self.port} --bind 127.0.0.1 --databases 1 --enable-debug-command yes".split()
        self._process = subprocess.Popen(
            [program, *options, "--save", "", "--dir", self._folder.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
                break
            except OSError:
                if time.monotonic() > deadline:
                    self.close()
                    raise
                time.sleep(0.02)
        self._file = self.connection.makefile("rb")

    def close(self) -> None:
        if hasattr(self, "connection"):
            self._file.close()
            self.connection.close()
        self._process.terminate()
        self._process.wait(timeout=10)
        self._folder.cleanup()

    def wire(self, *args: str | bytes | int) -> bytes:
        """The reply as it goes over the wire."""
        if len(args) == 1 and isinstance(args[0], str):
            args = tuple(shlex.split(args[0]))
        given = [a if isinstance(a, bytes) else str(a).encode("latin-1") for a in args]
        request = b"*%d\r\n" % len(given) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in given)
        self.connection.sendall(request)
        return self._reply()

    def _reply(self) -> bytes:
        line = self._file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind in (b"$", b"="):
            return line if rest == b"-1" else line + self._file.read(int(rest) + 2)
        if kind in (b"*", b"~", b">", b"%"):
            count = int(rest) * (2 if kind == b"%" else 1)
            return line + b"".join(self._reply() for _ in range(count))
        return line


def items_of(wire: bytes) -> list[bytes]:
    """The elements of a flat array on the wire, sorted."""
    lines = wire.split(b"\r\n")
    assert lines[0].startswith((b"*", b"~"))
    return sorted(lines[2:-1:2])
