"""What an instance keeps on disk, and how it gets it back.

Effects are in the log before a write is acknowledged (`always`), within a second (`everysec`), or when the system likes
(`no`). A snapshot of the keys that have changed since the last one shortens the log. Taking it costs nothing: entries
are immutable and are noted as they change, so those of the moment are at hand. They are encoded in slices of the loop's
time.

Source: `stores.md`, 15 and 17.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mergelaw.replica.codec import (
    BadEncoding,
    decode_context,
    decode_value,
    encode_context,
    encode_value,
)
from mergelaw.replica.database import Database, Entry
from mergelaw.replica.settling import Components
from mergelaw.semantics.context import EMPTY, CausalContext
from mergelaw.semantics.engine import Engine
from mergelaw.server.storage.files import FolderLock, KeysFile, LogFile, StorageError, damaged
from mergelaw.server.storage.writer import Changes, LogWriter, Policy, Progress, SnapshotWriter

_SLICE_S = 0.002
_PAUSE_S = 0.002
"""Between two slices of a snapshot, for the clients."""
_PIECE = 256

_encode = msgspec.msgpack.Encoder().encode
_decode_components = msgspec.msgpack.Decoder(list[tuple[str, bytes]]).decode
_decode_identity = msgspec.msgpack.Decoder(tuple[str, int]).decode


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept beside keys and effects, as it was when the process ended."""

    fresh: bool
    """There was nothing: the instance is new, or has lost its data."""
    seen: CausalContext
    received: CausalContext
    high: int
    """Own dots up to this number may have been used."""
    clean: bool
    """The last run ended in order."""
    configuration: bytes | None
    cut: CausalContext
    everywhere: CausalContext
    joined: bool
    """The instance has been in sync once."""


class Store:
    """The folder of one instance. All methods are for the loop's thread."""

    def __init__(self, folder: Path, database: str, replica: int, policy: Policy) -> None:
        """Opens the folder, or makes it. Raises: StorageError, also if it is another instance's, or in use."""
        self.folder = folder
        self._lock = FolderLock(folder)
        try:
            self._log = LogFile(folder)
            self._keys = KeysFile(folder)
            self._meta = self._log.meta()
            self._snapshot_meta = self._keys.meta()
            self._fresh = "identity" not in self._meta
            self._check(database, replica)
            if self._fresh:
                self._log.commit([], 0, {"identity": _encode((database, replica))})
        except BaseException:
            self._lock.release()
            raise
        self._policy: Policy = policy
        self.log_bytes = self._log.size()
        """Of the log since the last snapshot, about."""
        self.last_snapshot_s = int(time.time())
        self.snapshot_failure = ""
        """Why the last snapshot failed."""
        self.failure = ""
        """Why the log cannot be written; it is tried again."""
        self.durable = 0
        """Effects up to this number outlive a crash."""
        self.on_progress: Callable[[Progress], None] = _ignore
        """Told in the loop what has become durable."""
        self.on_wake: Callable[[], None] = _ignore
        """Told in each iteration of the loop in which effects were appended, at its end."""
        self.on_snapshot: Callable[[CausalContext], None] = _ignore
        """Told when a snapshot of what had been received so is durable."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: LogWriter | None = None
        self._snapshots: SnapshotWriter | None = None
        self._db: Database | None = None
        self._changed: dict[bytes, Entry | None] = {}
        self._scheduled = False
        self._snapshot: asyncio.Future[None] | None = None
        self._written: asyncio.Future[str] | None = None
        self._last = 0

    def _check(self, database: str, replica: int) -> None:
        if self._fresh:
            return
        try:
            known = _decode_identity(self._meta["identity"])
        except msgspec.MsgspecError as error:
            raise damaged(self._log.path, error) from None
        if known != (database, replica):
            raise StorageError(
                f"{self.folder} holds instance {known[1]} of the database {known[0]!r}, this is instance {replica} of "
                f"{database!r}. Name its own folder: --dir"
            )

    # -- loading -----------------------------------------------------------------------------------

    def kept(self) -> Kept:
        """What the last process left. Raises: StorageError."""
        meta, snapshot = self._meta, self._snapshot_meta

        def context(source: Mapping[str, bytes], name: str) -> CausalContext:
            return decode_context(source[name]) if name in source else EMPTY

        try:
            return Kept(
                fresh=self._fresh,
                seen=context(snapshot, "seen"),
                received=context(snapshot, "received"),
                high=int(meta.get("high", b"0")),
                clean=meta.get("clean") == b"1",
                configuration=meta.get("configuration"),
                cut=context(meta, "cut"),
                everywhere=context(meta, "everywhere"),
                joined=meta.get("joined") == b"1",
            )
        except (BadEncoding, ValueError) as error:
            raise damaged(self._log.path, error) from None

    def entries(self, engines: Mapping[str, Engine]) -> Iterator[tuple[bytes, Components]]:
        """The keys of the snapshot. Raises: StorageError."""
        for key, blob in self._keys.rows():
            try:
                yield key, {store: decode_value(engines[store], value) for store, value in _decode_components(blob)}
            except KeyError as error:
                raise StorageError(
                    f"{self.folder} holds keys of the type {error}, which is not served: --type"
                ) from None
            except (BadEncoding, msgspec.MsgspecError) as error:
                raise damaged(self._keys.path, error) from None

    def effects(self) -> Iterator[bytes]:
        """The effects since the snapshot, in order, and perhaps some that it holds already. Raises: StorageError."""
        try:
            self._last = after = int(self._snapshot_meta.get("last", b"0"))
        except ValueError as error:
            raise damaged(self._keys.path, error) from None
        for last, batch in self._log.batches(after):
            self._last = last
            yield from batch

    # -- running -----------------------------------------------------------------------------------

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to write; before that `follow` was called, and all of `effects` read."""
        self._loop = loop
        self.durable = self._last
        self._writer = LogWriter(
            self._log, self._policy, self._last, lambda p: self._tell(loop, lambda: self._progress(p))
        )
        self._snapshots = SnapshotWriter(self._keys, lambda f: self._tell(loop, lambda: self._snapshot_done(f)))
        self._writer.start()
        self._snapshots.start()

    @staticmethod
    def _tell(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(what)

    def follow(self, db: Database) -> None:
        """Notes from now on what changes; between loading the snapshot and replaying the log."""
        self._db = db
        before = db.on_change
        changed, keys = self._changed, db.keys

        def note(key: bytes) -> None:
            changed[key] = keys.get(key)
            if before is not None:
                before(key)

        db.on_change = note

    @property
    def appended(self) -> int:
        """Number of the last effect that was given."""
        assert self._writer is not None
        return self._writer.appended

    def append(self, effect: bytes) -> None:
        """One more effect, to be written in the order of these calls, with what else comes in this iteration."""
        assert self._writer is not None
        self._writer.append(effect)
        if not self._scheduled:
            self._scheduled = True
            assert self._loop is not None
            self._loop.call_soon(self._wake)

    def _wake(self) -> None:
        self._scheduled = False
        assert self._writer is not None
        self.on_wake()
        self._writer.wake()

    def note(self, name: str, value: bytes) -> None:
        """A fact, for `kept` of the next process."""
        assert self._writer is not None
        self._writer.note(name, value)

    def reserve(self, high: int) -> None:
        """Makes the high mark durable before it returns: waits for the disk. Raises: StorageError."""
        self._now({"high": b"%d" % high, "clean": b"0"})

    def _now(self, meta: dict[str, bytes]) -> None:
        """Makes facts durable, beside the writer: SQLite makes the two take turns."""
        try:
            connection = sqlite3.connect(self._log.path, isolation_level=None, timeout=30)
            try:
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("BEGIN IMMEDIATE")
                for item in meta.items():
                    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", item)
                connection.execute("COMMIT")
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise StorageError(f"{self._log.path} cannot be written: {error}") from None

    def policy(self, policy: Policy) -> None:
        """When writes are forced to the disk, from now on."""
        self._policy = policy
        if self._writer is not None:
            self._writer.policy(policy)

    def urge(self) -> None:
        """Make durable now what was appended."""
        assert self._writer is not None
        self._writer.urge()

    def _progress(self, progress: Progress) -> None:
        self.failure = progress.failure
        self.durable = progress.durable
        self.log_bytes += progress.log_bytes
        self.on_progress(progress)

    # -- snapshots ---------------------------------------------------------------------------------

    @property
    def snapshot_under_way(self) -> bool:
        """Whether a snapshot is being written."""
        return self._snapshot is not None

    @property
    def changes(self) -> int:
        """Keys that have changed since the last snapshot."""
        return len(self._changed)

    def snapshot(self) -> asyncio.Future[None]:
        """Begins a snapshot of this moment, unless one is under way; the result is there when it is durable.

        The database must be settled: none of its keys may lack a snapshot of a peer. The future raises StorageError.
        """
        if self._snapshot is None:
            db, writer = self._db, self._writer
            assert db is not None and writer is not None and db.settled
            last, received = writer.appended, db.received
            meta = {"seen": encode_context(db.seen), "received": encode_context(received), "last": b"%d" % last}
            changed = self._changed.copy()
            self._changed.clear()
            size, self.log_bytes = self.log_bytes, 0
            self._snapshot = asyncio.ensure_future(self._write_snapshot(changed, meta, last, received, size))
            self._snapshot.add_done_callback(self._snapshot_over)
        return asyncio.shield(self._snapshot)

    def _snapshot_over(self, done: asyncio.Future[None]) -> None:
        self._snapshot = None
        if not done.cancelled():
            # Whoever waits for it is told; nobody need wait.
            done.exception()

    async def _write_snapshot(
        self,
        changed: dict[bytes, Entry | None],
        meta: dict[str, bytes],
        last: int,
        received: CausalContext,
        size: int,
    ) -> None:
        db, writer, snapshots = self._db, self._writer, self._snapshots
        assert db is not None and writer is not None and snapshots is not None
        self._written = asyncio.get_running_loop().create_future()
        try:
            await self._hand_over(changed, db.engines, snapshots)
            snapshots.commit(meta)
            self.snapshot_failure = await self._written
            if self.snapshot_failure:
                raise StorageError(f"{self._keys.path} cannot be written: {self.snapshot_failure}")
        except BaseException:
            snapshots.abort()
            for key, entry in changed.items():
                self._changed.setdefault(key, entry)
            self.log_bytes += size
            raise
        self.last_snapshot_s = int(time.time())
        writer.drop(last)
        self.on_snapshot(received)

    async def _hand_over(
        self, changed: Mapping[bytes, Entry | None], engines: Mapping[str, Engine], snapshots: SnapshotWriter
    ) -> None:
        """Encodes the changed keys in slices of the loop's time."""
        piece: Changes = []
        until = time.monotonic() + _SLICE_S
        for key, entry in changed.items():
            piece.append((key, None if entry is None else _components(entry, engines)))
            if len(piece) >= _PIECE or time.monotonic() > until:
                snapshots.write(piece)
                piece = []
                await asyncio.sleep(_PAUSE_S)
                while snapshots.busy:
                    await asyncio.sleep(_PAUSE_S)
                until = time.monotonic() + _SLICE_S
        snapshots.write(piece)

    def _snapshot_done(self, failure: str) -> None:
        if self._written is not None and not self._written.done():
            self._written.set_result(failure)

    # -- the end -----------------------------------------------------------------------------------

    def close(self, high: int | None = None) -> None:
        """Writes all that is left. `high`: the last own dot, where the run has ended in order."""
        if self._writer is not None:
            self._writer.close()
        if self._snapshots is not None:
            self._snapshots.close()
        if high is not None and not self.failure:
            self._now({"high": b"%d" % high, "clean": b"1"})
        self._log.close()
        self._keys.close()
        self._lock.release()


def _components(entry: Entry, engines: Mapping[str, Engine]) -> bytes:
    return _encode([(store, encode_value(engines[store], value)) for store, value in entry.components().items()])


def _ignore(*told: object) -> None:
    pass
