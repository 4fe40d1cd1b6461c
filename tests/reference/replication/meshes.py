"""Meshes on 127.0.0.1, and a proxy between them that can be cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from mergelaw.clock.clock import SystemClock
from mergelaw.replication.host import Host, Settings
from mergelaw.replication.membership import Configuration
from mergelaw.replication.mesh import Mesh
from tests.ports import free_ports
from tests.reference.replication.fakes import SECRET, FakeHost


class Proxy:
    """Carries bytes to a port, until it is cut."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.open = True
        self.silent = False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.open:
            writer.close()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, there_writer}
        for task in (
            asyncio.create_task(self._pump(reader, there_writer)),
            asyncio.create_task(self._pump(there_reader, writer)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                if not self.silent:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def cut(self) -> None:
        """Breaks all connections; new ones too, until `heal`."""
        self.open = False
        for writer in list(self._writers):
            writer.transport.abort()

    def heal(self) -> None:
        self.open = True

    async def stop(self) -> None:
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()


class Cluster:
    """Some instances, and a proxy for each direction between two."""

    def __init__(self, count: int, make: Callable[[int], Host], settings: Settings) -> None:
        self.make = make
        self.settings = settings
        self.replicas = list(range(1, count + 1))
        self.ports = dict(zip(self.replicas, free_ports(count), strict=True))
        self.proxies: dict[tuple[int, int], Proxy] = {}
        self.meshes: dict[int, Mesh] = {}
        self.hosts: dict[int, Host] = {}

    async def start(self) -> None:
        for here in self.replicas:
            for there in self.replicas:
                if here != there:
                    self.proxies[here, there] = Proxy(self.ports[there])
                    await self.proxies[here, there].start()
        for replica in self.replicas:
            await self.launch(replica, self.make(replica))

    async def launch(self, replica: int, host: Host, **options: object) -> Mesh:
        members = {r: ("127.0.0.1", self.ports[r]) for r in self.replicas}
        mesh = Mesh(
            host,
            replica=replica,
            database="db",
            secret=SECRET,
            configuration=Configuration.first(members),
            listen=("127.0.0.1", self.ports[replica]),
            settings=self.settings,
            routes={there: ("127.0.0.1", p.port) for (here, there), p in self.proxies.items() if here == replica},
            **options,  # type: ignore[arg-type]
        )
        await mesh.start()
        self.meshes[replica] = mesh
        self.hosts[replica] = host
        return mesh

    def cut(self, left: int, right: int) -> None:
        self.proxies[left, right].cut()
        self.proxies[right, left].cut()

    def heal(self, left: int, right: int) -> None:
        self.proxies[left, right].heal()
        self.proxies[right, left].heal()

    async def stop(self) -> None:
        await asyncio.gather(*(mesh.stop() for mesh in self.meshes.values()))
        for proxy in self.proxies.values():
            await proxy.stop()

    def states(self) -> set[str]:
        return {info.state for mesh in self.meshes.values() for info in mesh.peers()}

    async def all_live(self) -> None:
        await until(lambda: self.states() == {"live"})


async def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Waits for it. Raises: TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def cluster(
    count: int = 3, make: Callable[[int], Host] | None = None, settings: Settings | None = None
) -> AsyncIterator[Cluster]:
    clock = SystemClock()
    built = Cluster(
        count,
        make or (lambda replica: FakeHost(replica, clock)),  # type: ignore[arg-type]
        settings or Settings(backoff_max_ms=300),
    )
    await built.start()
    try:
        yield built
    finally:
        await built.stop()


def say(built: Cluster, replica: int, payload: bytes) -> tuple[int, int]:
    """A write at a fake host."""
    host = built.hosts[replica]
    assert isinstance(host, FakeHost)
    data, effect = host.write(payload)
    built.meshes[replica].broadcast(data, effect)
    return effect.identity


def said(built: Cluster, replicas: Iterable[int] = ()) -> list[dict[tuple[int, int], bytes]]:
    hosts = [built.hosts[replica] for replica in replicas or built.hosts]
    return [host.said for host in hosts if isinstance(host, FakeHost)]
