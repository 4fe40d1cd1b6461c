"""The threads that wait for the disk, so that the event loop never does.

One appends to the log, in batches of whatever has come meanwhile; the other writes snapshots. Both take their work from
the loop, and tell it when something is durable.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Literal

from mergelaw.server.storage.files import KeysFile, LogFile

Policy = Literal["always", "everysec", "no"]

_LINGER_S = 0.01
"""Unless replies wait for it, the log gathers so long: what kill -9 may take, of the second that `everysec` allows."""
_SYNC_S = 1.0
_RETRY_S = 1.0
_BATCH_BYTES = 64 * 1024 * 1024
"""A batch is closed above this size."""
_PIECES_AHEAD = 4


@dataclass(slots=True)
class Progress:
    """What the log's thread has done."""

    durable: int
    """Effects up to this number outlive a crash, as the policy has it."""
    meta: dict[str, bytes] = field(default_factory=dict)
    """Facts that do so since the last time."""
    log_bytes: int = 0
    """Added to the log since the last time."""
    failure: str = ""
    """Why the disk does not take it; it is tried again."""


class LogWriter:
    """Appends to the log. All methods are for the loop's thread."""

    def __init__(self, log: LogFile, policy: Policy, written: int, tell: Callable[[Progress], None]) -> None:
        """`written`: number of the last effect in the log. `tell` is called in the writer's thread."""
        self.appended = written
        """Number of the last effect that `append` was given."""
        self._log = log
        self._tell = tell
        # Only ever appended to here and popped there, so it needs no lock.
        self._queue: deque[bytes] = deque()
        self._condition = threading.Condition()
        self._meta: dict[str, bytes] = {}
        self._drop = 0
        self._policy: Policy = policy
        self._urgent = False
        self._closing = False
        self._written = self._durable = written
        self._unsynced: dict[str, bytes] = {}
        self._unsynced_since = 0.0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def append(self, effect: bytes) -> None:
        """One more effect; `wake` is to follow in the same iteration of the loop."""
        self._queue.append(effect)
        self.appended += 1

    def wake(self) -> None:
        """There is something to write."""
        with self._condition:
            self._condition.notify()

    def note(self, name: str, value: bytes) -> None:
        """A fact, durable no later than the effects that follow it; the last one of a name counts."""
        with self._condition:
            self._meta[name] = value
            self._condition.notify()

    def drop(self, last: int) -> None:
        """A snapshot holds the effects up to number `last`."""
        with self._condition:
            self._drop = last
            self._condition.notify()

    def policy(self, policy: Policy) -> None:
        """From now on."""
        with self._condition:
            self._policy = policy
            self._condition.notify()

    def urge(self) -> None:
        """Make everything durable now, whatever the policy."""
        with self._condition:
            self._urgent = True
            self._condition.notify()

    def close(self) -> None:
        """Writes what is left, durably, and ends; a disk that refuses it is not asked again."""
        with self._condition:
            self._closing = self._urgent = True
            self._condition.notify()
        if self._thread.is_alive():
            self._thread.join()

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        applied: Policy | None = None
        while True:
            with self._condition:
                while not self._has_work() and (left := self._until_sync()) != 0.0:
                    self._condition.wait(left)
            if self._queue and self._policy != "always" and not self._urgent:
                time.sleep(_LINGER_S)
            with self._condition:
                policy, urgent, closing = self._policy, self._urgent, self._closing
                drop, self._drop = self._drop, 0
                meta, self._meta = self._meta, {}
                self._urgent = False
            batch = self._take()
            try:
                if policy != applied:
                    self._log.policy(policy == "always")
                    applied = policy
                if batch or meta:
                    size = self._log.commit(batch, self._written + len(batch), meta)
                    self._committed(len(batch), meta)
                    batch, meta = [], {}
                    if policy == "everysec":
                        self._tell(Progress(self._durable, log_bytes=size))
                    else:
                        self._settled(size)
                if drop and not self._log.drop(drop):
                    drop = 0
                elif drop:
                    # Not all at once: replies may wait for what is appended meanwhile.
                    with self._condition:
                        self._drop = max(self._drop, drop)
                if (urgent or self._until_sync() == 0.0) and (self._written > self._durable or self._unsynced):
                    self._log.sync()
                    self._settled(0)
            except (sqlite3.Error, OSError) as error:
                self._queue.extendleft(reversed(batch))
                with self._condition:
                    self._meta = {**meta, **self._meta}
                    self._drop = max(self._drop, drop)
                    self._urgent |= urgent
                self._tell(Progress(self._durable, failure=str(error)))
                if closing:
                    return
                time.sleep(_RETRY_S)
                continue
            if closing and not self._queue and not self._meta:
                return

    def _has_work(self) -> bool:
        return bool(self._queue or self._meta or self._drop or self._urgent or self._closing)

    def _until_sync(self) -> float | None:
        """Seconds until the disk is to be forced; None: there is nothing to force."""
        if self._policy != "everysec" or (self._written == self._durable and not self._unsynced):
            return None
        return max(0.0, self._unsynced_since + _SYNC_S - time.monotonic())

    def _take(self) -> list[bytes]:
        """A batch off the queue."""
        queue = self._queue
        batch: list[bytes] = []
        size = 0
        for _ in range(len(queue)):
            batch.append(queue.popleft())
            size += len(batch[-1])
            if size > _BATCH_BYTES:
                break
        return batch

    def _committed(self, effects: int, meta: dict[str, bytes]) -> None:
        if self._written == self._durable and not self._unsynced:
            self._unsynced_since = time.monotonic()
        self._written += effects
        self._unsynced |= meta

    def _settled(self, size: int) -> None:
        self._durable = self._written
        meta, self._unsynced = self._unsynced, {}
        self._tell(Progress(self._durable, meta, size))


Changes = list[tuple[bytes, bytes | None]]
"""Keys with their new values; None: gone."""


class _Abort:
    """The snapshot begun is given up."""


class SnapshotWriter:
    """Writes one snapshot at a time. All methods are for the loop's thread."""

    def __init__(self, keys: KeysFile, tell: Callable[[str], None]) -> None:
        """`tell` is called in the writer's thread at the end of a snapshot: with nothing, or why it failed."""
        self._keys = keys
        self._tell = tell
        self._jobs: SimpleQueue[Changes | dict[str, bytes] | _Abort | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="snapshot", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether the disk does not keep up with what it was given."""
        return self._jobs.qsize() >= _PIECES_AHEAD

    def write(self, changes: Changes) -> None:
        """Some more keys of the snapshot."""
        self._jobs.put(changes)

    def commit(self, meta: dict[str, bytes]) -> None:
        """The snapshot is complete; `tell` follows."""
        self._jobs.put(meta)

    def abort(self) -> None:
        """The last snapshot stands. Nothing where none is begun."""
        self._jobs.put(_Abort())

    def close(self) -> None:
        """Ends, after what it was given."""
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        begun = False
        failure = ""
        while (job := self._jobs.get()) is not None:
            if isinstance(job, _Abort):
                self._keys.roll_back()
                begun, failure = False, ""
                continue
            if not failure:
                try:
                    if not begun:
                        self._keys.begin()
                        begun = True
                    if isinstance(job, list):
                        self._keys.write(job)
                    else:
                        self._keys.commit(job)
                except sqlite3.Error as error:
                    failure = str(error)
                    self._keys.roll_back()
            if isinstance(job, dict):
                self._tell(failure)
                begun, failure = False, ""
        self._keys.roll_back()
