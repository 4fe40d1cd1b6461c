"""An instance: the pure core, with a disk, peers, clients, a clock and settings around it.

Everything happens in one event loop: a command runs between two events, and its effect is on its way to the log and to
the peers before the next one runs. With `appendfsync always` replies, and effects to peers, leave once the disk has
them; all that was written in one iteration of the loop shares one wait.
"""

from __future__ import annotations

import asyncio
import gc
import random
import secrets
import ssl
import time
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path

from mergelaw.clock.clock import Clock, SystemClock
from mergelaw.commands.index import KeyIndex
from mergelaw.commands.statistics import SlowLog, Statistics
from mergelaw.replica import recovery
from mergelaw.replica.codec import BadEncoding, decode_context, decode_effect, encode_effect
from mergelaw.replica.collect import collect
from mergelaw.replica.database import Database, default_engines
from mergelaw.replica.model import BadEffect, Effect
from mergelaw.replica.transaction import Transaction
from mergelaw.replication.host import Settings as MeshSettings
from mergelaw.replication.membership import Address, Configuration
from mergelaw.replication.mesh import Mesh
from mergelaw.semantics.context import CausalContext
from mergelaw.semantics.engine import Engine
from mergelaw.server import log, tls
from mergelaw.server.api import Api
from mergelaw.server.clients import Clients
from mergelaw.server.conflicts import Conflicts
from mergelaw.server.connection import ClientConnection
from mergelaw.server.facts import facts
from mergelaw.server.host import InstanceHost, decode_configuration, encode_configuration
from mergelaw.server.memory import Memory
from mergelaw.server.resp import Limits
from mergelaw.server.settings import Settings, address
from mergelaw.server.storage.files import StorageError, damaged
from mergelaw.server.storage.store import Kept, Store
from mergelaw.server.storage.writer import Policy, Progress

_BATCH_BYTES = 256 * 1024
"""Commands are put into one effect up to about so many bytes of requests."""
_BATCH_S = 0.001
_LONG_BATCH_S = 0.004
_MANY = 16
"""An effect of more commands tells of load."""
_SLICE_S = 0.004
"""How long work in the background may hold up clients."""
_REAPED_AT_ONCE = 16
_COLLECTED_AT_ONCE = 200
_POLICIES: dict[str, Policy] = {"always": "always", "everysec": "everysec", "no": "no"}


class Instance(Api):
    """One instance, from `load` to `stop`."""

    def __init__(
        self,
        settings: Settings,
        *,
        engines: Mapping[str, Engine] | None = None,
        config_file: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Opens the folder and loads what is in it. `engines`: those of custom types, by name.

        Raises: StorageError; ConfigError, if TLS files do not open.
        """
        self.settings = self.settings_at_start = settings
        self.config_file = config_file
        self.clock = clock or SystemClock()
        self.monotonic_us = self.clock.monotonic_us
        self.timer = time.perf_counter
        self.unhindered = False
        self.statistics = Statistics()
        self.slowlog = SlowLog(settings.slowlog_log_slower_than, settings.slowlog_max_len)
        self.memory = Memory()
        self.run_id = secrets.token_hex(20)
        self.started_us = self.clock.now_us()
        self._random = random.Random(secrets.randbits(128))
        self._client_tls = tls.for_clients(settings)
        self._peer_tls = tls.for_peers(settings)

        self.connected = Clients(self)
        self.limits = Limits()
        self.bytes_in = self.bytes_out = 0
        self.parked: dict[ClientConnection, None] = {}
        """Connections whose replies wait for the disk."""
        self.replies_wait = False
        self.durable = 0
        """Effects up to this number are durable, as appendfsync has it."""

        self.store = Store(Path(settings.folder), settings.database, settings.id, _POLICIES[settings.appendfsync])
        try:
            kept = self.store.kept()
            self.db = Database(
                settings.id, {**default_engines(), **(engines or {})}, causal=settings.causal_consistency
            )
            self._history: deque[tuple[Effect, bytes]] = deque()
            self._load(kept)
            self.index = KeyIndex(self.db)
            configuration, seeds, self._joining = self._configuration(kept)
        except BaseException:
            self.store.close()
            raise
        self.host = InstanceHost(
            self.db, self.clock, self.store, configuration=configuration, cut=kept.cut, everywhere=kept.everywhere
        )
        self.conflicts = Conflicts(self.db)
        self.host.on_snapshot = self.flush
        self.host.on_applied = self._applied
        self.host.on_merged = self._merged
        self.host.on_synced = self._synced
        self.host.on_configured = self._configured
        self.mesh = self._mesh(configuration, seeds, kept)
        self._kept = kept
        self._tx: Transaction | None = None
        """That of the commands which run in this iteration of the loop."""
        self._batch_began = 0
        """So many bytes had come when it began."""
        self._flushed_at = 0.0
        self._batch_s = _BATCH_S
        self._asked = 0
        """Commands that have written, but the first one."""
        self._flush_timer: asyncio.TimerHandle | None = None
        self._outbox: deque[tuple[int, bytes, Effect]] = deque()
        """With `always`: effects that are not sent before they are durable."""
        self._marks: deque[tuple[int, CausalContext]] = deque()
        """What was received when so many effects had been appended."""
        self._merges = 0
        """Snapshots of peers that were taken over: the log does not have what they brought."""
        self._merges_saved = 0
        """So many of them are in a snapshot on disk."""
        self._servers: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None
        self._rounds = 0
        self._links: dict[int, tuple[str, str]] = {}
        self._writable = False
        self.effects_in = self.effects_out = 0
        self.collections_attempted = self.collected = 0
        self.operations_per_second = 0
        self._counted_at = (self.clock.monotonic_us(), 0)
        self.stopping: asyncio.Task[None] | None = None
        self.stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.apply_settings(settings)

    # -- loading -----------------------------------------------------------------------------------

    def _load(self, kept: Kept) -> None:
        """Raises: StorageError."""
        db, store = self.db, self.store
        started = self.clock.monotonic_us()
        gc.disable()
        recovery.restore(db, store.entries(db.engines), kept.seen, kept.received)
        store.follow(db)
        size = 0
        effects = 0
        for data in store.effects():
            try:
                effect = decode_effect(data, db.engines)
                # As before the crash, but what came with a full sync and is not on disk may be missing.
                for done in db.receive(replace(effect, after=None), 0):
                    self._history.append((replace(done, after=effect.after), data))
            except (BadEncoding, BadEffect) as error:
                raise damaged(store.folder / "log.db", error) from None
            effects += 1
            size += len(data)
            while size > self.settings.repl_backlog_size and self._history:
                size -= len(self._history.popleft()[1])
        recovery.start_run(db, kept.high, store.reserve, clean=kept.clean)
        gc.enable()
        # Values hold no cycles; a collection over millions of them would stop service for seconds.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 100_000)
        log.notice(
            "loaded",
            folder=store.folder,
            keys=db.size,
            effects=effects,
            seconds=round((self.clock.monotonic_us() - started) / 1e6, 3),
        )

    def _configuration(self, kept: Kept) -> tuple[Configuration, list[Address], bool]:
        """The configuration to begin with, whom to ask for it, and whether writes have to wait for a sync."""
        settings = self.settings
        stored = decode_configuration(kept.configuration)
        if stored is not None and stored.version:
            return stored, [address(a) for a in settings.join], not kept.joined
        if settings.join:
            return Configuration(), [address(a) for a in settings.join], True
        members = {peer.id: (peer.host, peer.port) for peer in settings.peer} | {settings.id: self._own_address()}
        # One that has lost its data must hear of its own dots before it makes new ones.
        return Configuration.first(members), [], bool(settings.peer) and not kept.joined

    def _own_address(self) -> Address:
        settings = self.settings
        if settings.peer_announce:
            return address(settings.peer_announce)
        host = settings.peer_bind[0] if settings.peer_bind else ""
        return ("" if host in ("0.0.0.0", "::") else host), settings.peer_listen_port

    def _mesh(self, configuration: Configuration, seeds: list[Address], kept: Kept) -> Mesh:
        settings = self.settings
        server_tls: ssl.SSLContext | None = None
        client_tls: ssl.SSLContext | None = None
        if self._peer_tls is not None:
            server_tls, client_tls = self._peer_tls
        mesh = Mesh(
            self.host,
            replica=settings.id,
            database=settings.database,
            secret=(settings.peer_secret or f"mergelaw {settings.database}").encode(),
            configuration=configuration,
            listen=(settings.peer_bind[0], settings.peer_listen_port),
            settings=MeshSettings(
                level=settings.compression,
                causal=settings.causal_consistency,
                backlog_bytes=settings.repl_backlog_size,
                dead_ms=settings.repl_timeout * 1000,
            ),
            clock=self.clock,
            seeds=seeds,
            routes={peer.id: (peer.host, peer.port) for peer in settings.peer},
            joining=self._joining,
            cut=kept.cut,
            everywhere=kept.everywhere,
            server_tls=server_tls,
            client_tls=client_tls,
        )
        for effect, data in self._history:
            mesh.preload(effect, data)
        self._history.clear()
        return mesh

    # -- running -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Links with peers and serves clients. Raises: OSError, if a port cannot be had."""
        settings = self.settings
        self.loop = asyncio.get_running_loop()
        self.store.on_progress = self._progress
        self.store.on_snapshot = self._snapshot_durable
        self.store.on_wake = self._mark
        self.store.start(self.loop)
        self.durable = self.store.durable
        if self._kept.configuration is None and self.host.configuration.version:
            self.store.note("configuration", encode_configuration(self.host.configuration))
        if not self._joining and not self._kept.joined:
            self.store.note("joined", b"1")
        await self.mesh.start()
        self._recover()
        self._tick()
        for port, context in ((settings.port, None), (settings.tls_port, self._client_tls)):
            if port:
                for host in settings.bind:
                    self._servers.append(
                        await self.loop.create_server(
                            lambda: ClientConnection(self), host, port, ssl=context, backlog=settings.tcp_backlog
                        )
                    )
        log.notice(
            "ready",
            port=settings.port or settings.tls_port,
            peer_port=self.mesh.listen[1],
            members=len(self.host.configuration.members),
            writable=self.mesh.writable,
        )

    def begin(self, now_ms: int) -> Transaction:
        """The transaction of all commands that run in this iteration of the loop; then it becomes one effect.

        Where effects would follow each other too fast, it lasts longer: `_BATCH_S`, or under load `_LONG_BATCH_S`.
        """
        tx = self._tx
        if tx is None:
            tx = self._tx = self.db.begin(now_ms)
            self._batch_began = self.bytes_in
            self._asked = 0
            wait = self._flushed_at + self._batch_s - self.loop.time()
            if wait > 0:
                self._flush_timer = self.loop.call_later(wait, self.flush)
            else:
                self.loop.call_soon(self.flush)
        else:
            tx.now_ms = now_ms
            self._asked += 1
        return tx

    def end(self, tx: Transaction) -> None:
        """A command is over. What it has done becomes an effect of its own if much has been asked in this iteration."""
        if self.bytes_in - self._batch_began > _BATCH_BYTES and tx is self._tx:
            self.flush()

    def flush(self) -> None:
        """What commands have done so far is logged and sent."""
        tx, self._tx = self._tx, None
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        if tx is not None:
            self._flushed_at = self.loop.time()
            effect = tx.commit()
            if effect is not None:
                self._batch_s = _LONG_BATCH_S if self._asked > _MANY else _BATCH_S
                self.publish(effect)

    def publish(self, effect: Effect) -> None:
        """An effect made here goes to the log and to the peers."""
        data = encode_effect(effect, self.db.engines)
        self.store.append(data)
        self.effects_out += 1
        if self.replies_wait:
            self._outbox.append((self.store.appended, data, effect))
        else:
            self.mesh.broadcast(data, effect)

    def info(self, section: str) -> Mapping[str, str | int | float]:
        """What the instance knows for a section of INFO."""
        return facts(self, section)

    @property
    def appended(self) -> int:
        """Number of the last effect that was given to the log."""
        return self.store.appended

    def _applied(self, effect: Effect) -> None:
        self.effects_in += 1
        self.conflicts.met(effect)

    def _mark(self) -> None:
        if self._merges == self._merges_saved:
            self._marks.append((self.store.appended, self.db.received))

    def _progress(self, progress: Progress) -> None:
        """The disk has something more."""
        self.durable = durable = progress.durable
        if progress.failure:
            self.unhindered = False
            log.warning("the log cannot be written; it is tried again", folder=self.store.folder, why=progress.failure)
            return
        marks = self._marks
        reached: CausalContext | None = None
        while marks and marks[0][0] <= durable:
            reached = marks.popleft()[1]
        if reached is not None:
            self.host.durable_received = self.host.durable_received | reached
        if "cut" in progress.meta:
            self.host.cut_is_durable(decode_context(progress.meta["cut"]))
        self._send_durable()
        if self.parked:
            for connection in list(self.parked):
                if connection.release(durable):
                    self.parked.pop(connection, None)

    def _send_durable(self) -> None:
        outbox = self._outbox
        while outbox and (outbox[0][0] <= self.durable or not self.replies_wait):
            _, data, effect = outbox.popleft()
            self.mesh.broadcast(data, effect)

    # -- replication -------------------------------------------------------------------------------

    def _merged(self) -> None:
        """What a peer's snapshot brought is not in the log, so the disk needs a snapshot."""
        self._merges += 1
        self._marks.clear()

    def _snapshot_durable(self, received: CausalContext) -> None:
        self.host.durable_received = self.host.durable_received | received

    def _synced(self, peer: int) -> None:
        log.notice("in sync with a peer", peer=peer)
        self._recover()

    def _recover(self) -> None:
        """Once all members were synced with: what a crash took, and nobody has, is declared void."""
        if self.db.recovered or not set(self.mesh.hub.members) <= self.mesh.hub.synced_with:
            return
        self.flush()
        for effect in recovery.declare_void(self.db, self.clock.now_ms()):
            log.notice("lost writes are declared void", dots=f"{effect.first}-{effect.last}")
            self.publish(effect)

    def _configured(self, configuration: Configuration) -> None:
        self._writable = self.unhindered = False
        log.notice("the members have changed", version=configuration.version, members=sorted(configuration.members))

    def writes_refused(self) -> bytes | None:
        """The error reply for writes, while there is a reason to refuse them."""
        return None if self._writable and not self.store.failure else super().writes_refused()

    @property
    def writable(self) -> bool:
        """Whether clients may write: the instance is in sync, and a member."""
        if not self._writable:
            # A new instance is not in sync before every key has what the peers' snapshots say of it.
            self._writable = self.mesh.writable and (self.db.settled or not self._joining)
            if self._writable and self._joining:
                self._joining = False
                self.store.note("joined", b"1")
                log.notice("in sync: clients may write")
        return self._writable

    # -- now and then ------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._rounds += 1
        hz = self.settings.hz
        self._timer = self.loop.call_later(1 / hz, self._tick)
        now_ms = self.clock.now_ms()
        try:
            self.memory.look()
            self.unhindered = self.writable and not self.store.failure and not self.out_of_memory()
            self._expire()
            if self.connected.paused_until_ms:
                self.connected.look_after(now_ms)
            if self._rounds % hz == 0:
                self._each_second(now_ms)
            due = self._merges > self._merges_saved or self.store.log_bytes > self.settings.snapshot_log_size
            if due and self.db.settled and not self.store.snapshot_under_way:
                self.save_in_background()
        except Exception:
            log.warning("work in the background has failed", traceback=True)

    def _each_second(self, now_ms: int) -> None:
        self.connected.look_after(now_ms)
        self._tell_of_links()
        at_us, processed = self._counted_at
        self._counted_at = self.clock.monotonic_us(), self.statistics.processed
        self.operations_per_second = (
            (self._counted_at[1] - processed) * 1_000_000 // max(1, self._counted_at[0] - at_us)
        )
        if self.settings.maxmemory and self.memory.used > self.settings.maxmemory:
            self.memory.give_back()
        if self.writable and not self.store.failure:
            self.flush()
            effect = collect(self.db, now_ms, _COLLECTED_AT_ONCE)
            self.collections_attempted += 1
            if effect is not None:
                self.collected += len(effect.parts)
                self.publish(effect)

    def _tell_of_links(self) -> None:
        """One line for each link that is another than a second ago."""
        links = {peer.id: (peer.state, peer.error) for peer in self.mesh.peers()}
        for peer, (state, error) in links.items():
            if self._links.get(peer) != (state, error):
                report = log.warning if error and state not in ("live", "syncing", "paused") else log.notice
                report("link to a peer", peer=peer, state=state, why=error)
        self._links = links

    def _expire(self) -> None:
        """Deletes what has expired and is ours, for a slice of time; then again soon, if there is more."""
        if not self.writable or self.store.failure:
            return
        self.flush()
        db, now_ms = self.db, self.clock.now_ms()
        until = self.clock.monotonic_us() + _SLICE_S * 1e6
        while True:
            keys = db.due(now_ms, _REAPED_AT_ONCE)
            if not keys:
                return
            tx = db.begin(now_ms)
            for key in keys:
                self.statistics.expired_keys += tx.reap(key)
            effect = tx.commit()
            if effect is None:
                return
            self.publish(effect)
            if self.clock.monotonic_us() > until:
                self.loop.call_later(_SLICE_S, self._expire)
                return

    def save_in_background(self) -> None:
        """Begins a snapshot, unless one is under way or a peer's is being merged."""
        self.flush()
        if not self.store.snapshot_under_way and self.db.settled:
            self.spawn(self._saved(self.store.changes, self._merges, self.store.snapshot()))

    async def _saved(self, changes: int, merges: int, done: asyncio.Future[None]) -> None:
        started = self.clock.monotonic_us()
        try:
            await done
        except StorageError as error:
            log.warning("no snapshot could be written; it is tried again", why=str(error))
            return
        self._merges_saved = merges
        seconds = round((self.clock.monotonic_us() - started) / 1e6, 3)
        log.notice("a snapshot is written", changed_keys=changes, seconds=seconds)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Runs `work` beside everything else."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- the end -----------------------------------------------------------------------------------

    def stop_soon(self, *, save: bool = True) -> None:
        """Begins to stop; `stopped` is set at the end."""
        if self.stopping is None:
            self.stopping = self.loop.create_task(self._stop(save))

    async def _stop(self, save: bool) -> None:
        log.notice("stopping")
        try:
            for server in self._servers:
                server.close()
            for connection in list(self.connected.connections.values()):
                connection.finish()
            if self._timer is not None:
                self._timer.cancel()
            self.flush()
            self.store.urge()
            await self.wait_durable(self.settings.shutdown_timeout * 1000)
            deadline = self.loop.time() + self.settings.shutdown_timeout
            while self.connected.connections and self.loop.time() < deadline:
                await asyncio.sleep(0.005)
            self._send_durable()
            await self.mesh.stop()
            while self.db.settle(500):
                await asyncio.sleep(0)
            while self.store.snapshot_under_way:
                await asyncio.sleep(0.005)
            if save or self._merges > self._merges_saved:
                self.save_in_background()
                await asyncio.gather(*self._tasks, return_exceptions=True)
            clean = self.db.recovered and not self.store.failure and self._merges == self._merges_saved
            self.store.close(self.db.last if clean else None)
            log.notice("stopped", clean=clean)
        except Exception:
            log.warning("stopping has failed", traceback=True)
        finally:
            for connection in list(self.connected.connections.values()):
                connection.close()
            self.stopped.set()
