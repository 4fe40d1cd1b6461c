"""The two databases of an instance's folder: `keys.db`, a snapshot, and `log.db`, the effects since.

They are two so that a snapshot, however large, never holds up the log. No transaction spans both, and none has to: the
snapshot names the last effect that it holds, and those up to it are dropped from the log only once it is durable. Both
are in WAL mode: after kill -9 they are as of their last commit. All rows carry a checksum, so a damaged file is told
from a sound one.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

APPLICATION = 0x4D4C4157
"""SQLite's application id: ours."""
VERSION = 1
"""Of the layout of both files."""
_DROPPED_AT_ONCE = 64
BLOB_MAX_BYTES = 900_000_000
"""SQLite takes no more than 10^9 bytes in a row."""

_LOG = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE batches (last INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, effects BLOB NOT NULL);
"""
_KEYS = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE keys (key BLOB NOT NULL UNIQUE, checksum INTEGER NOT NULL, value BLOB NOT NULL);
"""

_encode = msgspec.msgpack.Encoder().encode
_decode_effects = msgspec.msgpack.Decoder(list[bytes]).decode


class StorageError(Exception):
    """The folder cannot be used: what is wrong with it, and what to do."""


class FolderLock:
    """Only one process at a time uses a folder. Ends with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder if need be. Raises: StorageError."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"{folder} cannot be used: {error.strerror}. Name another folder: --dir") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise StorageError(
                f"{folder} is in use by another process. End it, or name another folder: --dir"
            ) from None

    def release(self) -> None:
        """Another process may have it."""
        os.close(self._file)


def _connect(path: Path, schema: str) -> sqlite3.Connection:
    """The database at `path`, made if it does not exist. Raises: StorageError."""
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if not tables:
            connection.executescript(
                f"BEGIN; PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION}; {schema} COMMIT;"
            )
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise damaged(path, error) from None
    if application != APPLICATION:
        raise StorageError(f"{path} is a database of another program. Name another folder: --dir")
    if version != VERSION:
        raise StorageError(f"{path} has layout {version}, this version of mergelaw reads {VERSION}")
    return connection


def damaged(path: Path, why: object) -> StorageError:
    """What to tell where a file cannot be read."""
    return StorageError(
        f"{path} is damaged or no database ({why}). Move {path.parent} away and start again: "
        "the instance then takes its data from its peers"
    )


class LogFile:
    """`log.db`. Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        """Opens or makes it. Raises: StorageError."""
        self.path = folder / "log.db"
        self._connection = _connect(self.path, _LOG)
        self._wal = -1

    def policy(self, always: bool) -> None:
        """Whether a commit is on the disk when it returns; if not, `sync` forces it."""
        self._connection.execute(f"PRAGMA synchronous={'FULL' if always else 'NORMAL'}")

    def commit(self, batch: list[bytes], last: int, meta: dict[str, bytes]) -> int:
        """Appends effects, the last of them number `last`, and changes `meta`, in one transaction; the bytes written.

        Raises: sqlite3.Error, with nothing changed.
        """
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            size = 0
            for number, blob in _blobs(batch, last):
                execute("INSERT INTO batches VALUES (?, ?, ?)", (number, zlib.crc32(blob), blob))
                size += len(blob)
            for item in meta.items():
                execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", item)
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                execute("ROLLBACK")
            raise
        return size

    def sync(self) -> None:
        """Forces to the disk what was committed. Raises: OSError."""
        if self._wal < 0:
            self._wal = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        os.fsync(self._wal)

    def drop(self, last: int) -> bool:
        """Drops some of the effects up to number `last`; whether there are more. Raises: sqlite3.Error."""
        dropped = self._connection.execute(
            "DELETE FROM batches WHERE last IN (SELECT last FROM batches WHERE last <= ? ORDER BY last LIMIT ?)",
            (last, _DROPPED_AT_ONCE),
        ).rowcount
        return dropped == _DROPPED_AT_ONCE

    def meta(self) -> dict[str, bytes]:
        """All that `commit` was told. Raises: StorageError."""
        try:
            return dict(self._connection.execute("SELECT name, value FROM meta"))
        except sqlite3.Error as error:
            raise damaged(self.path, error) from None

    def batches(self, after: int) -> Iterator[tuple[int, list[bytes]]]:
        """The batches after effect number `after`, in order, each with the number of its last effect.

        Raises: StorageError.
        """
        try:
            rows = self._connection.execute(
                "SELECT last, checksum, effects FROM batches WHERE last > ? ORDER BY last", (after,)
            )
            for last, checksum, blob in rows:
                if zlib.crc32(blob) != checksum:
                    raise damaged(self.path, f"the checksum of batch {last} is wrong")
                yield last, _decode_effects(blob)
        except (sqlite3.Error, msgspec.MsgspecError, TypeError) as error:
            raise damaged(self.path, error) from None

    def size(self) -> int:
        """Bytes of all batches. Raises: StorageError."""
        try:
            return int(self._connection.execute("SELECT ifnull(sum(length(effects)), 0) FROM batches").fetchone()[0])
        except sqlite3.Error as error:
            raise damaged(self.path, error) from None

    def close(self) -> None:
        """Also takes the WAL into the file."""
        if self._wal >= 0:
            os.close(self._wal)
            self._wal = -1
        self._connection.close()


def _blobs(batch: list[bytes], last: int) -> Iterator[tuple[int, bytes]]:
    """The batch as blobs that SQLite takes, each with the number of its last effect."""
    if sum(map(len, batch)) + 5 * len(batch) < BLOB_MAX_BYTES:
        if batch:
            yield last, _encode(batch)
        return
    for number, effect in enumerate(batch, last - len(batch) + 1):
        yield number, _encode([effect])


class KeysFile:
    """`keys.db`. Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        """Opens or makes it. Raises: StorageError."""
        self.path = folder / "keys.db"
        self._connection = _connect(self.path, _KEYS)

    def begin(self) -> None:
        """A new snapshot, upon the last one. Raises: sqlite3.Error."""
        self._connection.execute("BEGIN IMMEDIATE")

    def write(self, changes: list[tuple[bytes, bytes | None]]) -> None:
        """Keys with their new values; None: gone. Raises: sqlite3.Error."""
        self._connection.executemany(
            "INSERT INTO keys VALUES (?, ?, ?) ON CONFLICT (key) "
            "DO UPDATE SET checksum = excluded.checksum, value = excluded.value",
            [(key, zlib.crc32(value, zlib.crc32(key)), value) for key, value in changes if value is not None],
        )
        self._connection.executemany("DELETE FROM keys WHERE key = ?", [(key,) for key, v in changes if v is None])

    def commit(self, meta: dict[str, bytes]) -> None:
        """The snapshot is complete, and durable when this returns. Raises: sqlite3.Error."""
        for item in meta.items():
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", item)
        self._connection.execute("COMMIT")

    def roll_back(self) -> None:
        """The last snapshot stands."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def meta(self) -> dict[str, bytes]:
        """All that `commit` was told. Raises: StorageError."""
        try:
            return dict(self._connection.execute("SELECT name, value FROM meta"))
        except sqlite3.Error as error:
            raise damaged(self.path, error) from None

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """All keys with their values. Raises: StorageError."""
        try:
            for key, checksum, value in self._connection.execute("SELECT key, checksum, value FROM keys"):
                if zlib.crc32(value, zlib.crc32(key)) != checksum:
                    raise damaged(self.path, f"the checksum of the key {key[:40]!r} is wrong")
                yield key, value
        except (sqlite3.Error, TypeError) as error:
            raise damaged(self.path, error) from None

    def close(self) -> None:
        """A snapshot that is not complete is lost."""
        self._connection.close()
