"""A proxy between real instances that lets effects through one by one.

It reads the frames of both directions of each link. What carries effects is held back, each effect by itself, until it
is let through, or doubled; all else passes, but that all was sent is said after the effects that it speaks of. The
proxy also learns from the reports what each instance has received.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from mergelaw.replication.frames import Batch, Decoder, Encoder, Hello, Message, Report, Synced, context
from mergelaw.semantics.context import EMPTY, CausalContext, Dot

_LIMIT_S = 30.0
_READ_BYTES = 1 << 16
_MESSAGE_MAX_BYTES = 1 << 30


@dataclass(eq=False)
class Held:
    """A message that waits at the gate."""

    identity: Dot | None
    """Of the effect in it; None: it speaks of all before it."""
    message: Message
    writer: asyncio.StreamWriter


class Gates:
    """The proxies of one cluster, run by a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[tuple[int, int], list[Held]] = {}
        self._writers: dict[frozenset[int], set[asyncio.StreamWriter]] = {}
        self._cuts: set[frozenset[int]] = set()
        self._encoder = Encoder(0)
        self.received: dict[int, CausalContext] = {}
        """What each instance has said it has received."""

    def __enter__(self) -> Gates:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LIMIT_S)
        self._loop.close()

    # -- for the thread that drives ----------------------------------------------------------------

    def route(self, dialer: int, listener: int, port: int) -> int:
        """The port under which `dialer` is to dial `listener`, which listens at `port`."""
        return int(self._run(self._listen(dialer, listener, port)))

    def waiting(self, source: int, target: int) -> list[Dot]:
        """The effects held back on the way from `source` to `target`, in order."""
        return [h.identity for h in list(self._held.get((source, target), ())) if h.identity is not None]

    def let_through(self, source: int, target: int, identity: Dot, *, again: bool = False) -> bool:
        """Lets one effect through; with `again` it stays at the gate, too. False: it is not there."""
        return bool(self._run(self._let_through(source, target, identity, again)))

    def cut(self, one: int, other: int) -> None:
        """Ends all links between the two, with what is held; no more are made."""
        self._run(self._cut(frozenset((one, other))))

    def heal(self, one: int, other: int) -> None:
        """Links are made again."""
        self._cuts.discard(frozenset((one, other)))

    # -- in the loop -------------------------------------------------------------------------------

    async def _listen(self, dialer: int, listener: int, port: int) -> int:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await self._serve(dialer, listener, port, reader, writer)
            finally:
                self._tasks.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _serve(
        self, dialer: int, listener: int, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        pair = frozenset((dialer, listener))
        if pair in self._cuts:
            return
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            writers = self._writers.setdefault(pair, set())
            writers |= {writer, far_writer}
            both = [
                asyncio.create_task(self._pass(dialer, listener, reader, far_writer)),
                asyncio.create_task(self._pass(listener, dialer, far_reader, writer)),
            ]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in both:
                    each.cancel()
                await asyncio.gather(*both, return_exceptions=True)
                writers -= {writer, far_writer}
                for held in self._held.values():
                    held[:] = [h for h in held if h.writer not in (writer, far_writer)]
                far_writer.transport.abort()

    async def _pass(self, source: int, target: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = Decoder(_MESSAGE_MAX_BYTES)
        decoder.trust()
        with suppress(OSError):
            while data := await reader.read(_READ_BYTES):
                decoder.feed(data)
                while (message := decoder.next()) is not None:
                    self._take(source, target, message, writer)
                await writer.drain()

    def _take(self, source: int, target: int, message: Message, writer: asyncio.StreamWriter) -> None:
        held = self._held.setdefault((source, target), [])
        match message:
            case Batch():
                held += [Held(effect[:2], Batch((effect,)), writer) for effect in message.effects]
                return
            case Synced() if any(h.writer is writer for h in held):
                held.append(Held(None, message, writer))
                return
            case Hello() | Report():
                self.received[source] = self.received.get(source, EMPTY) | context(message.received)
            case _:
                pass
        writer.write(self._encoder.encode(message))

    async def _let_through(self, source: int, target: int, identity: Dot, again: bool) -> bool:
        held = self._held.get((source, target), [])
        found = next((h for h in held if h.identity == identity), None)
        if found is None:
            return False
        found.writer.write(self._encoder.encode(found.message))
        if not again:
            held.remove(found)
        while held and held[0].identity is None:
            first = held.pop(0)
            first.writer.write(self._encoder.encode(first.message))
        return True

    async def _cut(self, pair: frozenset[int]) -> None:
        self._cuts.add(pair)
        for writer in list(self._writers.get(pair, ())):
            writer.transport.abort()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for writers in self._writers.values():
            for writer in writers:
                writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LIMIT_S)
