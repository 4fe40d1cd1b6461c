"""What commands ask of the instance: `ServerApi`, on top of what `Instance` keeps."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path

from mergelaw.clock.clock import Clock
from mergelaw.commands.errors import CommandError
from mergelaw.commands.index import KeyIndex
from mergelaw.commands.statistics import SlowLog, Statistics
from mergelaw.commands.table import ClientState, Peer
from mergelaw.replica.database import Database
from mergelaw.replication.membership import MembershipError
from mergelaw.replication.mesh import Mesh
from mergelaw.server import config, log
from mergelaw.server.auth import Password
from mergelaw.server.clients import Clients
from mergelaw.server.host import InstanceHost
from mergelaw.server.memory import Memory
from mergelaw.server.resp import Limits
from mergelaw.server.settings import BadSetting, OutputLimit, Settings, changed, shown
from mergelaw.server.storage.store import Store

_ASK_S = 0.002
_REMOVE_MS = 10_000
_STATES = {"live": "connected"}


class Api(ABC):
    """The methods of `ServerApi`, but `publish` and `info`."""

    settings: Settings
    settings_at_start: Settings
    config_file: Path | None
    clock: Clock
    db: Database
    index: KeyIndex
    statistics: Statistics
    slowlog: SlowLog
    memory: Memory
    limits: Limits
    output_limit: OutputLimit
    store: Store
    host: InstanceHost
    mesh: Mesh
    loop: asyncio.AbstractEventLoop
    connected: Clients
    password: Password
    replies_wait: bool
    durable: int
    unhindered: bool
    timer: Callable[[], float]
    monotonic_us: Callable[[], int]
    """Microseconds of a clock that never steps."""
    _random: random.Random

    # -- time and chance ---------------------------------------------------------------------------

    def now_us(self) -> int:
        """Wall clock in microseconds since 1970."""
        return self.clock.now_us()

    def randomness(self, below: int) -> int:
        """A number of 0..below-1; not for secrets."""
        return self._random.randrange(below)

    def secret(self, count: int) -> bytes:
        """So many bytes that nobody can foresee."""
        return secrets.token_bytes(count)

    # -- limits ------------------------------------------------------------------------------------

    def out_of_memory(self) -> bool:
        """Whether commands that may need memory are refused."""
        return 0 < self.settings.maxmemory < self.memory.used

    def writes_refused(self) -> bytes | None:
        """The error reply for writes, while there is a reason to refuse them."""
        if self.store.failure:
            return b"MISCONF Errors writing to the AOF file: " + self.store.failure.encode("utf-8", "replace")
        if self.writable:
            return None
        if self.mesh.hub.expelled:
            return b"READONLY This instance was removed from the database."
        if self.mesh.hub.retiring:
            return b"READONLY This instance is to be removed from the database."
        return b"READONLY This instance takes writes once it is in sync with its peers."

    @property
    def writable(self) -> bool:
        """Whether clients may write."""
        return self.mesh.writable

    # -- configuration -----------------------------------------------------------------------------

    def config_items(self) -> Mapping[str, str]:
        """All settings, as CONFIG GET shows them."""
        return shown(self.settings)

    def config_set(self, changes: Mapping[str, str]) -> None:
        """All of `changes` or none. Raises: CommandError; KeyError(name) for an unknown setting."""
        try:
            settings = changed(self.settings, changes)
        except BadSetting as error:
            raise CommandError(
                f"ERR CONFIG SET failed (possibly related to argument '{error.name}') - {error.problem}"
            ) from None
        self.apply_settings(settings)
        log.notice("settings are changed", names=" ".join(changes))

    def apply_settings(self, settings: Settings) -> None:
        """From now on."""
        self.settings = settings
        self.unhindered = False
        self.password = Password(settings.requirepass)
        self.limits.bulk_max_bytes = settings.proto_max_bulk_len
        self.limits.query_max_bytes = settings.client_query_buffer_limit
        self.output_limit = settings.client_output_buffer_limit.normal
        self.slowlog.slower_than_us = settings.slowlog_log_slower_than
        self.slowlog.longest = settings.slowlog_max_len
        log.set_level(settings.loglevel)
        always = settings.appendfsync == "always"
        if self.replies_wait and not always:
            self.replies_wait = False
            for connection in list(self.connected.connections.values()):
                connection.release(self.store.appended)
        self.replies_wait = always
        self.store.policy(settings.appendfsync)  # type: ignore[arg-type]

    def config_rewrite(self) -> None:
        """Write the settings to the configuration file. Raises: CommandError."""
        file = self.config_file
        if file is None:
            raise CommandError("ERR The server is running without a config file")
        try:
            text = config.rewritten(file.read_text(encoding="utf-8"), self.settings_at_start, self.settings)
            beside = file.with_name(file.name + ".new")
            beside.write_text(text, encoding="utf-8")
            os.chmod(beside, file.stat().st_mode & 0o777)
            beside.replace(file)
        except OSError as error:
            raise CommandError(f"ERR Rewriting config file: {error.strerror}") from None

    # -- clients -----------------------------------------------------------------------------------

    def clients(self) -> Iterable[ClientState]:
        """All connected clients, oldest first."""
        return self.connected.states()

    def kill(self, client: ClientState) -> None:
        """Closes the connection of another client."""
        connection = self.connected.connections.get(client.id)
        if connection is not None:
            connection.close()

    def pause_clients(self, until_ms: int, writes_only: bool) -> None:
        """Serve no (write) commands until then; 0 serves them again."""
        self.connected.pause(until_ms, writes_only)

    def check_password(self, user: bytes, password: bytes) -> bool:
        """Whether they open the server; in constant time."""
        return self.password.opens(user, password)

    def password_required(self) -> bool:
        """Whether clients must authenticate."""
        return self.password.required

    # -- memory ------------------------------------------------------------------------------------

    def memory_used(self) -> int:
        """Bytes, as maxmemory counts them."""
        return self.memory.look()

    def key_memory(self, key: bytes) -> int | None:
        """The commands estimate it."""
        return None

    # -- persistence and the end -------------------------------------------------------------------

    def save(self, background: bool) -> None:
        """Begins a snapshot; the log holds all writes meanwhile, as it does before. Raises: CommandError."""
        if self.store.snapshot_under_way and background:
            raise CommandError("ERR Background save already in progress")
        if not self.db.settled:
            raise CommandError("ERR A snapshot of a peer is being merged, try again in a moment")
        self.save_in_background()

    @abstractmethod
    def flush(self) -> None:
        """What commands have done so far is logged and sent."""

    @abstractmethod
    def save_in_background(self) -> None:
        """Writes a snapshot, unless one is under way."""

    def last_save_s(self) -> int:
        """When the last snapshot was complete, in seconds since 1970."""
        return self.store.last_snapshot_s

    async def wait_durable(self, timeout_ms: int) -> bool:
        """Whether all that was published so far is on disk; False at the time limit (0: none)."""
        self.flush()
        wanted = self.store.appended
        deadline = self.loop.time() + timeout_ms / 1000 if timeout_ms else float("inf")
        while self.durable < wanted:
            if self.loop.time() >= deadline:
                return False
            await asyncio.sleep(_ASK_S)
        return True

    def shutdown(self, save: bool | None, now: bool, force: bool) -> None:
        """End the process after this command."""
        self.stop_soon(save=save is not False)

    @abstractmethod
    def stop_soon(self, *, save: bool = True) -> None:
        """Begins to stop."""

    def abort_shutdown(self) -> bool:
        """A shutdown under way goes on: there is none that can be stopped."""
        return False

    # -- replication -------------------------------------------------------------------------------

    def peers(self) -> Sequence[Peer]:
        """The other members, by id."""
        return [
            Peer(
                info.id,
                info.address[0] if info.address else "?",
                info.address[1] if info.address else 0,
                _STATES.get(info.state, info.state),
                info.ops_lag,
                info.lag_ms,
                info.error,
                info.config_version or 0,
            )
            for info in self.mesh.peers()
        ]

    def add_peer(self, peer_id: int, host: str, port: int) -> None:
        """A new member, which has been started to join. Raises: CommandError."""
        try:
            self.mesh.add(peer_id, (host, port))
        except MembershipError as error:
            raise CommandError(f"ERR {error}") from None

    def remove_peer(self, peer_id: int) -> None:
        """Remove a member for ever: it refuses writes, and goes once the others have what it wrote.

        At a time limit it goes all the same: it may be down. Raises: CommandError.
        """
        if peer_id not in self.mesh.configuration.members:
            raise CommandError(f"ERR instance {peer_id} is no member")
        if peer_id == self.db.replica:
            raise CommandError("ERR an instance is removed at another one")
        self.spawn(self._remove(peer_id))

    async def _remove(self, peer_id: int) -> None:
        try:
            try:
                await self.mesh.remove(peer_id, timeout_ms=_REMOVE_MS)
            except MembershipError as error:
                log.warning("an instance is removed though it may have written more", peer=peer_id, why=str(error))
                await self.mesh.remove(peer_id, force=True)
        except MembershipError as error:
            log.warning("an instance could not be removed", peer=peer_id, why=str(error))

    @abstractmethod
    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Runs `work` beside everything else."""

    def pause_sync(self) -> None:
        """Neither send to peers nor receive from them."""
        self.flush()
        self.mesh.pause()

    def resume_sync(self) -> None:
        """Send and receive again."""
        self.mesh.resume()

    async def wait_synced(self, timeout_ms: int) -> bool:
        """Whether every peer and we have received the same updates; False at the time limit (0: none)."""
        self.flush()
        return await self.mesh.wait_synced(timeout_ms or 2**31)

    async def sleep(self, seconds: float) -> None:
        """Wait, while other clients are served."""
        await asyncio.sleep(seconds)
