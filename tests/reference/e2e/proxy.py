"""Links between instances that a test can cut, heal and slow down."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any

_CHUNK_BYTES = 1 << 16
_LIMIT_S = 30.0


class Link:
    """A port of 127.0.0.1 whose connections are passed on to another one. Its methods run in the loop of `Links`."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.open = True
        self.delay_s = 0.0
        self.passed_bytes = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def cut(self) -> None:
        """All connections end at once, in the middle of what they carry, and no more are passed on."""
        self.open = False
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if not self.open:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(far_writer)
            try:
                both = [
                    asyncio.create_task(self._pass(reader, far_writer)),
                    asyncio.create_task(self._pass(far_reader, writer)),
                ]
                try:
                    # One side has ended: so does the other.
                    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for each in both:
                        each.cancel()
                    await asyncio.gather(*both, return_exceptions=True)
            finally:
                self._writers.discard(far_writer)
                far_writer.transport.abort()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if not self.open:
                    return
                self.passed_bytes += len(data)
                writer.write(data)
                await writer.drain()

    async def end(self) -> None:
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Links:
    """One link from each instance to each other, run by a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._links: dict[tuple[int, int], Link] = {}
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Links:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LIMIT_S)
        self._loop.close()

    def route(self, source: int, destination: int, port: int) -> int:
        """The port under which `source` is to dial `destination`, which listens at `port`."""
        link = self._links[source, destination] = Link(port)
        self._servers.append(self._run(link.start()))
        return link.port

    def cut(self, one: int, other: int) -> None:
        """Nothing passes between the two, in either direction."""
        for link in self._between(one, other):
            self._loop.call_soon_threadsafe(link.cut)

    def heal(self, one: int, other: int) -> None:
        """All passes again, at once."""

        def healed(link: Link) -> None:
            link.open = True
            link.delay_s = 0.0

        for link in self._between(one, other):
            self._loop.call_soon_threadsafe(healed, link)

    def delay(self, one: int, other: int, seconds: float) -> None:
        """Each piece of data takes so long."""

        def slowed(link: Link) -> None:
            link.delay_s = seconds

        for link in self._between(one, other):
            self._loop.call_soon_threadsafe(slowed, link)

    @property
    def passed_bytes(self) -> int:
        """How much has gone through all links."""
        return sum(link.passed_bytes for link in self._links.values())

    def _between(self, one: int, other: int) -> list[Link]:
        return [self._links[one, other], self._links[other, one]]

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for link in self._links.values():
            await link.end()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LIMIT_S)
