"""One client's connection: bytes come, requests run, replies go.

All complete requests of one read run in a row and are answered in one write. A client that has to wait (for a reply
that takes time, for the pause of all clients, until it has read its replies) is still read from: what it sends is kept
up to `client-query-buffer-limit`. Else a client that sends a long pipeline before it reads would wait for us for ever,
and we for it.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, cast

from mergelaw.commands.blocking import waits
from mergelaw.commands.dispatch import execute
from mergelaw.commands.errors import CommandError
from mergelaw.commands.reply import NO_REPLY, Failure, Reply, Status, Waiting
from mergelaw.commands.table import Call, ClientState
from mergelaw.server import log
from mergelaw.server.resp import Request, RequestReader, write

if TYPE_CHECKING:
    from mergelaw.server.instance import Instance

_TURN_S = 0.005
"""How long one client's requests may run in a row, before others get their turn."""
_SHORT = 4096
_NOTHING: Request = []
_LOOK_EVERY = 32
_WRITE_ABOVE = 256 * 1024
_HIGH_WATER = 1024 * 1024
"""Above so many bytes of unread replies a client's requests wait."""


class ClientConnection(asyncio.Protocol):
    """A client, from its connection to its end."""

    __slots__ = (
        "_call",
        "_closing",
        "_ended",
        "_held",
        "_held_bytes",
        "_instance",
        "_parked",
        "_reader",
        "_scheduled",
        "_stalled_since",
        "_task",
        "_todo",
        "_transport",
        "state",
    )

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self.state: ClientState = ClientState(0)
        self._transport: asyncio.Transport | None = None
        self._reader: RequestReader | None = None
        self._todo: deque[Request] = deque()
        """Requests that have been read and have to wait."""
        self._call: Call | None = None
        """That of the last request, which the next one takes over."""
        self._held: list[bytes] = []
        """What came after them, unread."""
        self._held_bytes = 0
        self._task: asyncio.Task[None] | None = None
        """A request that takes time."""
        self._scheduled = False
        """The next turn is at hand."""
        self._parked: deque[tuple[int, bytes | bytearray]] = deque()
        """Replies that may leave once effects up to a number are durable."""
        self._stalled_since = 0.0
        """Since when the client does not keep up with its replies; 0: it does."""
        self._ended = False
        """The client sends no more."""
        self._closing = False
        """No more requests run."""

    # -- asyncio -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there; it may be refused."""
        # Those of uvloop do not inherit from asyncio's.
        transport = cast(asyncio.Transport, transport)
        self._transport = transport
        instance = self._instance
        refusal = instance.connected.refuses(transport)
        if refusal is not None:
            self._closing = True
            transport.write(refusal)
            transport.close()
            return
        self.state = instance.connected.admit(self, transport)
        self._reader = RequestReader(instance.limits, trusted=self.state.authenticated)
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        plain: socket.socket | None = transport.get_extra_info("socket")
        if plain is not None:
            self.state.descriptor = plain.fileno()
            if instance.settings.tcp_keepalive:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, min(instance.settings.tcp_keepalive, 32767))

    def data_received(self, data: bytes) -> None:
        """Runs what is complete."""
        if self._closing:
            return
        self._instance.bytes_in += len(data)
        if self._todo or self._task or self._stalled_since or self._scheduled:
            self._held.append(data)
            self._held_bytes += len(data)
            if self._held_bytes > self._instance.limits.query_max_bytes:
                self._too_much()
            return
        reader = self._reader
        assert reader is not None
        requests = reader.feed(data)
        if not (reader.trusted and reader.error is None):
            self._serve(requests)
        elif requests:
            if len(requests) == 1 and self._call is not None:
                self._run_one(self._call, requests[0])
            else:
                self._run(requests)
            reader.trusted = self.state.authenticated

    def eof_received(self) -> bool:
        """The client sends no more; what it has sent is still answered, but it waits for no keys any more."""
        self._ended = True
        return bool(self._busy or self._parked) and not waits(self._instance.db, self.state)

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self._stalled_since = time.monotonic()

    def resume_writing(self) -> None:
        """It does again."""
        self._stalled_since = 0.0
        self.go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
        self._todo.clear()
        self._held.clear()
        self._parked.clear()
        self._transport = None
        if self._reader is not None:
            self._instance.connected.gone(self)

    # -- requests ----------------------------------------------------------------------------------

    @property
    def _busy(self) -> bool:
        return bool(self._todo or self._task or self._stalled_since or self._scheduled)

    def _serve(self, requests: list[Request]) -> None:
        """Runs `requests`, and after them those that were not read while the client was not trusted."""
        reader = self._reader
        assert reader is not None
        while True:
            trusted = reader.trusted
            self._run(requests)
            reader.trusted = self.state.authenticated
            if self._closing:
                return
            if trusted or not requests:
                break
            if self._busy:
                return
            requests = reader.take()
        if reader.error is not None and not self._todo and self._task is None:
            self._fail(reader.error)

    def _run(self, requests: list[Request]) -> None:
        """Runs `requests` in order; those that have to wait are put off."""
        instance, state = self._instance, self.state
        clients, db, now_ms = instance.connected, instance.db, instance.clock.now_ms()
        state.active_ms = now_ms
        out = bytearray()
        until = time.monotonic() + _TURN_S if len(requests) > _LOOK_EVERY else 0.0
        call = self._call
        if call is None:
            call = self._call = Call(_NOTHING, db, now_ms, state, instance)
        call.now_ms = now_ms
        call.started_s = instance.timer()
        n = -1
        for args in requests:
            n += 1
            if clients.paused_until_ms and clients.holds_back(args):
                self._put_off(requests[n:])
                break
            if n & _LOOK_EVERY - 1 == _LOOK_EVERY - 1:
                if time.monotonic() > until:
                    self._put_off(requests[n:])
                    self._next_turn()
                    break
                if len(out) > _WRITE_ABOVE:
                    self._send(out)
                    out = bytearray()
                    if self._stalled_since:
                        self._put_off(requests[n:])
                        break
            mark = len(out)
            try:
                call.args = args
                reply = execute(call)
                kind = type(reply)
                if kind is bytes and len(reply) < _SHORT:
                    out += b"$%d\r\n%b\r\n" % (len(reply), reply)
                elif kind is Status:
                    out += reply.line
                elif kind is int:
                    out += b":%d\r\n" % reply
                elif kind is Waiting:
                    # Who waits may go on with the call.
                    self._call = None
                    self._wait(reply)
                    self._put_off(requests[n + 1 :])
                    break
                else:
                    write(out, reply, state.protocol)
            except Exception as error:
                self._call = None
                del out[mark:]
                write(out, self._fault(args, error), state.protocol)
            if state.closing:
                self._send(out)
                self._finish()
                return
        call.args = _NOTHING
        self._send(out)

    def _run_one(self, call: Call, args: Request) -> None:
        """As `_run`, of one request, without what only many need: most clients wait for each reply."""
        instance, state, transport = self._instance, self.state, self._transport
        if instance.connected.paused_until_ms or transport is None:
            self._run([args])
            return
        state.active_ms = call.now_ms = instance.clock.now_ms()
        call.started_s = instance.timer()
        call.args = args
        out: bytes | bytearray
        try:
            reply = execute(call)
            kind = type(reply)
            if kind is Status:
                out = reply.line
            elif kind is int:
                out = b":%d\r\n" % reply
            elif kind is bytes and len(reply) < _SHORT:
                out = b"$%d\r\n%b\r\n" % (len(reply), reply)
            elif kind is Waiting:
                self._call = None
                self._wait(reply)
                return
            else:
                out = bytearray()
                write(out, reply, state.protocol)
        except Exception as error:
            self._call = None
            out = bytearray()
            write(out, self._fault(args, error), state.protocol)
        call.args = _NOTHING
        if state.closing:
            self._send(out)
            self._finish()
        elif instance.replies_wait:
            self._send(out)
        elif out:
            self._write(transport, out)

    def _fault(self, args: Request, error: Exception) -> Reply:
        """A failure of ours: the client is told, and so are we."""
        name = args[0][:64].decode("latin-1")
        log.warning("a command has failed", traceback=True, command=name, client=self.state.id)
        return Failure(f"ERR internal error in '{name}': {type(error).__name__}".encode("latin-1", "replace"))

    def _put_off(self, requests: list[Request]) -> None:
        self._todo.extendleft(reversed(requests))

    def _next_turn(self) -> None:
        self._scheduled = True
        self._instance.loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self.go_on()

    def go_on(self) -> None:
        """Whatever the client waited for may have come."""
        while not self._closing and not self._task and not self._stalled_since and not self._scheduled:
            if self._todo:
                requests = list(self._todo)
                self._todo.clear()
                left = len(requests)
                self._run(requests)
                if len(self._todo) == left:
                    return
            elif self._held:
                data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
                self._held.clear()
                self._held_bytes = 0
                assert self._reader is not None
                self._serve(self._reader.feed(data))
            else:
                break
        reader = self._reader
        if self._closing or self._busy or reader is None:
            return
        if reader.error is not None:
            self._fail(reader.error)
        elif self._ended and not self._parked:
            self._finish()

    def _wait(self, reply: Waiting) -> None:
        """The reply comes later."""
        self._task = self._instance.loop.create_task(self._answer(reply))
        if self._ended and waits(self._instance.db, self.state):
            self.close()

    async def _answer(self, waiting: Waiting) -> None:
        silent = self.state.replies != "on"
        try:
            reply = await waiting.start()
        except CommandError as error:
            reply = Failure(error.message)
        except Exception as error:
            reply = self._fault([self.state.command.encode()], error)
        self._task = None
        if self._transport is None:
            return
        out = bytearray()
        write(out, NO_REPLY if silent else reply, self.state.protocol)
        self._send(out)
        if self.state.closing:
            self._finish()
        else:
            self.go_on()

    # -- replies -----------------------------------------------------------------------------------

    def _send(self, out: bytes | bytearray) -> None:
        """Replies leave, at once or when the effects so far are durable."""
        transport = self._transport
        if not out or transport is None:
            return
        instance = self._instance
        if instance.replies_wait:
            # The reply waits for the effect, so there has to be one.
            instance.flush()
        if instance.replies_wait and (self._parked or instance.durable < instance.appended):
            self._parked.append((instance.appended, out))
            instance.parked[self] = None
            return
        self._write(transport, out)

    def _write(self, transport: asyncio.Transport, out: bytes | bytearray) -> None:
        self._instance.bytes_out += len(out)
        transport.write(out)
        if self._instance.output_limit.hard_bytes:
            self.check_output()

    def release(self, durable: int) -> bool:
        """Effects up to this number are durable; whether all replies have left."""
        parked, transport = self._parked, self._transport
        while parked and transport is not None and parked[0][0] <= durable:
            self._write(transport, parked.popleft()[1])
        if parked:
            return False
        if self._closing and transport is not None:
            transport.close()
        elif self._ended:
            self.go_on()
        return True

    def check_output(self) -> None:
        """Closes a client that leaves too many replies unread."""
        transport, limit = self._transport, self._instance.output_limit
        if transport is None:
            return
        size = transport.get_write_buffer_size()
        self.state.output_bytes = size
        soft = limit.soft_bytes and size > limit.soft_bytes and self._stalled_since
        if (limit.hard_bytes and size > limit.hard_bytes) or (
            soft and time.monotonic() - self._stalled_since > limit.soft_seconds
        ):
            log.warning("a client is closed: it leaves its replies unread", client=self.state.id, bytes=size)
            self._closing = True
            transport.abort()

    # -- the end -----------------------------------------------------------------------------------

    def _fail(self, message: bytes) -> None:
        """The client has broken the protocol."""
        if not message:
            self._too_much()
            return
        log.verbose("a client is closed", client=self.state.id, why=message.decode("latin-1"))
        out = bytearray()
        write(out, Failure(message), self.state.protocol)
        self._send(out)
        self._finish()

    def _too_much(self) -> None:
        log.warning(
            "a client is closed: its requests exceed client-query-buffer-limit, or are no requests",
            client=self.state.id,
        )
        self.close()

    def _finish(self) -> None:
        """Closes the connection, once all replies have left."""
        self._closing = True
        if self._transport is not None and not self._parked:
            self._transport.close()

    def finish(self) -> None:
        """Runs no more, and closes the connection once all replies have left."""
        if self._task is not None:
            self._task.cancel()
        self._finish()

    def close(self) -> None:
        """Closes the connection now."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way for the client."""
        return not (self._busy or self._parked)

    @property
    def query_bytes(self) -> int:
        """What has come from the client and has not run."""
        return self._held_bytes + (self._reader.buffered_bytes if self._reader is not None else 0)
