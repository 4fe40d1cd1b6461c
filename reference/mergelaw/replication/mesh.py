"""Replication over TCP: the asyncio shell around the hub.

An effect leaves in the loop iteration after its commit, or in the same one if the server asks for it, together with
what else was committed: nothing waits for a timer. What comes is worked on in slices of one batch or chunk, with the
loop's other work in between.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import cast

from mergelaw.clock.clock import Clock, SystemClock
from mergelaw.replica.model import Effect
from mergelaw.replication.handshake import NONCE_BYTES, Identity
from mergelaw.replication.host import Entropy, Host, PeerInfo, Randomness, Settings, Stats
from mergelaw.replication.hub import Hub
from mergelaw.replication.membership import Address, Configuration, MembershipError
from mergelaw.replication.session import Session, Target
from mergelaw.semantics.context import EMPTY, CausalContext

_TICK_S = 0.025
_ASK_S = 0.005
"""Between two questions while somebody waits for all to be in sync."""
_READ_AHEAD_BYTES = 2 * 1024 * 1024
"""Above so much unread input a peer has to wait."""
_WRITE_AHEAD_BYTES = 1024 * 1024
"""Above so much unsent output nothing is added but heartbeats and reports."""


class _Connection(asyncio.Protocol):
    """One wire."""

    def __init__(self, mesh: Mesh, target: Target | None) -> None:
        self._mesh = mesh
        self._target = target
        self._transport: asyncio.Transport | None = None
        self._session: Session | None = None
        self._scheduled = False
        self._reading = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The wire is there."""
        # uvloop's transports are no subclass of asyncio's.
        self._transport = transport = cast(asyncio.Transport, transport)
        transport.set_write_buffer_limits(high=_WRITE_AHEAD_BYTES)
        plain = transport.get_extra_info("socket")
        if plain is not None:
            with suppress(OSError):
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        hub = self._mesh.hub
        self._mesh.connections.add(self)
        if self._target is None:
            self._session = hub.accepted(self)
        else:
            self._session = hub.connected(self, self._target)

    def data_received(self, data: bytes) -> None:
        """The first slice is worked on at once."""
        assert self._session is not None
        self._mesh.hub.receive(self._session, data)
        if not self._scheduled:
            self._process()

    def _process(self) -> None:
        self._scheduled = False
        session, transport = self._session, self._transport
        if session is None or transport is None:
            return
        if self._mesh.hub.process(session):
            self._scheduled = True
            self._mesh.loop.call_soon(self._process)
            if self._reading and session.link.pending_bytes > _READ_AHEAD_BYTES:
                self._reading = False
                transport.pause_reading()
        if not self._reading and (not self._scheduled or session.link.pending_bytes < _READ_AHEAD_BYTES // 2):
            self._reading = True
            if not transport.is_closing():
                transport.resume_reading()

    def pause_writing(self) -> None:
        """The peer does not keep up."""
        if self._session is not None:
            self._mesh.hub.congested(self._session, True)

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._session is not None:
            self._mesh.hub.congested(self._session, False)

    def connection_lost(self, exc: Exception | None) -> None:
        """The wire is gone."""
        self._mesh.connections.discard(self)
        session, self._session, self._transport = self._session, None, None
        if session is not None:
            self._mesh.hub.lost(session, "the connection was closed" if exc is None else f"the connection broke: {exc}")

    def write(self, data: bytes) -> None:
        """For the hub."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """For the hub; what was written is sent first, for a while."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.close()
            # A peer that does not read keeps the wire open else.
            self._mesh.loop.call_later(1.0, transport.abort)

    def abort(self) -> None:
        """At once."""
        if self._transport is not None:
            self._transport.abort()


class Mesh:
    """Replication of one instance with all others. All methods belong to the event loop."""

    def __init__(
        self,
        host: Host,
        *,
        replica: int,
        database: str,
        secret: bytes,
        configuration: Configuration,
        listen: Address = ("127.0.0.1", 0),
        settings: Settings | None = None,
        clock: Clock | None = None,
        seeds: Iterable[Address] = (),
        routes: dict[int, Address] | None = None,
        joining: bool = False,
        cut: CausalContext = EMPTY,
        everywhere: CausalContext = EMPTY,
        server_tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
        randomness: Randomness = random.random,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        """See `Hub` for what is not of the network.

        `listen`: where peers are served, port 0 for any that is free. `server_tls`, `client_tls`: for mutual TLS both
        ask for the peer's certificate. Raises: ValueError, if the secret is empty.
        """
        self.hub = Hub(
            host,
            Identity(database, replica, entropy(NONCE_BYTES), secret),
            configuration,
            settings=settings or Settings(),
            clock=clock or SystemClock(),
            randomness=randomness,
            entropy=entropy,
            seeds=seeds,
            routes=routes,
            joining=joining,
            cut=cut,
            everywhere=everywhere,
        )
        self.host = host
        self.listen = listen
        """Where peers are served; with the port in use once started."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._server_tls = server_tls
        self._client_tls = client_tls
        self._working = False
        self._settling = False
        self._dials: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._asked: set[asyncio.Event] = set()
        self.hub.on_dial = self._dial
        self.hub.on_work = self._schedule
        self.hub.reports.on_report = self._wake

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop; once started."""
        assert self._loop is not None, "the mesh was not started"
        return self._loop

    # -- life --------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listens, and dials all members. Raises: OSError, if the port cannot be had."""
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_server(
            lambda: _Connection(self, None), self.listen[0], self.listen[1], ssl=self._server_tls
        )
        self.listen = (self.listen[0], self._server.sockets[0].getsockname()[1])
        self.hub.start()
        self._tick()

    async def stop(self) -> None:
        """Ends all links, in order, and listens no more; effects that were broadcast are still sent, for a second."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for _ in range(1000):
            if not self.hub.work():
                break
        self.hub.stop()
        for task in list(self._dials):
            task.cancel()
        if self._server is not None:
            self._server.close()
        deadline = self.loop.time() + 1.0
        while self.connections and self.loop.time() < deadline:
            await asyncio.sleep(0.005)
        for connection in list(self.connections):
            connection.abort()
        if self._dials:
            await asyncio.gather(*self._dials, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def _tick(self) -> None:
        self.hub.tick()
        self._timer = self.loop.call_later(_TICK_S, self._tick)
        self._settle()

    def _settle(self) -> None:
        """Snapshots taken over are merged key by key, in slices, as long as there are any."""
        if not self._settling and self.host.settle():
            self._settling = True
            self.loop.call_soon(self._settle_on)

    def _settle_on(self) -> None:
        self._settling = False
        self._settle()

    # -- work --------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        if not self._working and self._loop is not None:
            self._working = True
            self.loop.call_soon(self._work)

    def _work(self) -> None:
        self._working = False
        if self.hub.work():
            self._schedule()

    def _dial(self, target: Target) -> None:
        task = self.loop.create_task(self._connect(target))
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)

    async def _connect(self, target: Target) -> None:
        assert target.address is not None
        host, port = target.address
        try:
            async with asyncio.timeout(self.hub.settings.handshake_ms / 1000):
                await self.loop.create_connection(
                    lambda: _Connection(self, target),
                    host,
                    port,
                    ssl=self._client_tls,
                    server_hostname=host if self._client_tls is not None else None,
                )
        except TimeoutError:
            self.hub.dial_failed(target, f"no connection to {host}:{port} in time")
        except (OSError, ssl.SSLError) as error:
            self.hub.dial_failed(target, f"no connection to {host}:{port}: {error}")

    def _wake(self) -> None:
        for event in self._asked:
            event.set()

    # -- what the instance asks --------------------------------------------------------------------

    def broadcast(self, data: bytes, effect: Effect) -> None:
        """An effect committed here, encoded as `data`, goes to all peers with the next iteration, or with `flush`."""
        self.hub.broadcast(data, effect)

    def flush(self) -> None:
        """Writes now what was broadcast, for a server that has worked off all requests of one read."""
        self.hub.work()

    def preload(self, effect: Effect, data: bytes) -> None:
        """An effect of before the restart, from disk, in order, for peers that may lack it; before `start`."""
        self.hub.preload(effect, data)

    @property
    def writable(self) -> bool:
        """Whether clients may write: not while the instance joins, nor once it was removed or is to be."""
        return self.hub.writable

    @property
    def paused(self) -> bool:
        """Whether sync is paused."""
        return self.hub.paused

    @property
    def configuration(self) -> Configuration:
        """Who takes part."""
        return self.hub.configuration

    @property
    def stats(self) -> Stats:
        """Counts since the start."""
        return self.hub.totals()

    @property
    def cut(self) -> CausalContext:
        """What every instance is known to hold for good."""
        return self.hub.stability.cut

    @property
    def everywhere(self) -> CausalContext:
        """What every instance's own cut covers."""
        return self.hub.stability.everywhere

    def peers(self) -> list[PeerInfo]:
        """All other members, ascending, and how it stands with them."""
        return self.hub.peers()

    def pause(self) -> None:
        """Stops sending and receiving, with all peers, until `resume`. Nothing is lost: what lacks is sent then."""
        self.hub.pause()

    def resume(self) -> None:
        """Ends a pause."""
        self.hub.resume()

    async def wait_synced(self, ms: int) -> bool:
        """Waits until all that any member has by now has reached every member; False if that takes longer than `ms`.

        With no writes meanwhile, all have then received the same.
        """
        deadline = self.loop.time() + ms / 1000
        event = asyncio.Event()
        self._asked.add(event)
        try:
            serial = self.hub.ask()
            wanted: CausalContext | None = None
            while True:
                if wanted is None:
                    wanted = self.hub.known_everywhere(serial)
                if wanted is not None and self.hub.all_have(wanted):
                    return True
                left = deadline - self.loop.time()
                if left <= 0:
                    return False
                await self._reported(event, left)
        finally:
            self._asked.discard(event)

    async def _reported(self, event: asyncio.Event, seconds: float) -> None:
        """Waits for a report, at most so long; asks for one if none comes by itself."""
        event.clear()
        try:
            async with asyncio.timeout(min(seconds, _ASK_S)):
                await event.wait()
        except TimeoutError:
            self.hub.ask()

    def add(self, replica: int, address: Address, *, force: bool = False) -> None:
        """Makes `replica` a member, or keeps one that is retiring; see `Hub.add`. Raises: MembershipError."""
        self.hub.add(replica, address, force=force)

    def move(self, address: Address) -> None:
        """Peers reach this instance at `address` from now on; they are told."""
        self.hub.move(address)

    async def remove(self, replica: int, *, force: bool = False, timeout_ms: int = 5_000) -> None:
        """Removes `replica`, once it refuses writes and all have what it wrote; with `force` at once, come what may.

        Raises: MembershipError, if it is no member, or that takes longer than `timeout_ms`; then it takes writes again.
        """
        hub = self.hub
        if force:
            hub.remove(replica, force=True)
            return
        hub.retire(replica)
        deadline = self.loop.time() + timeout_ms / 1000
        event = asyncio.Event()
        self._asked.add(event)
        try:
            # Another instance may be about to remove it too.
            while replica not in hub.configuration.removed:
                try:
                    hub.remove(replica)
                except MembershipError:
                    left = deadline - self.loop.time()
                    if left <= 0:
                        raise
                    await self._reported(event, left)
        finally:
            self._asked.discard(event)
            if hub.configuration.retiring(replica):
                hub.keep(replica)
