"""An instance's folder: effects and snapshots of a real database come back, whatever the order of events."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from mergelaw.replica import recovery
from mergelaw.replica.codec import decode_effect, encode_effect
from mergelaw.replica.database import Database, default_engines
from mergelaw.semantics.context import CausalContext
from mergelaw.server.storage.files import LogFile, StorageError
from mergelaw.server.storage.store import Store
from mergelaw.server.storage.writer import LogWriter, Policy, Progress

START = 1_700_000_000_000


class Life:
    """One process life of an instance that only writes."""

    def __init__(self, folder: Path, policy: Policy = "always") -> None:
        self.store = Store(folder, "test", 1, policy)
        self.kept = self.store.kept()
        self.db = db = Database(1, default_engines())
        recovery.restore(db, self.store.entries(db.engines), self.kept.seen, self.kept.received)
        self.store.follow(db)
        self.replayed = 0
        for data in self.store.effects():
            self.replayed += len(db.receive(decode_effect(data, db.engines), 0))
        recovery.start_run(db, self.kept.high, self.store.reserve, clean=self.kept.clean)
        self.store.start(asyncio.get_running_loop())

    def write(self, key: bytes, update: str, *args: object) -> None:
        tx = self.db.begin(START)
        tx.update(key, update, *args)
        effect = tx.commit()
        assert effect is not None
        self.store.append(encode_effect(effect, self.db.engines))

    def set(self, key: bytes, value: str) -> None:
        self.write(key, "set", (0, value))

    async def durable(self) -> None:
        deadline = time.monotonic() + 20
        while self.store.durable < self.store.appended:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)


def contents(db: Database) -> dict[bytes, object]:
    return {key: (entry.store, entry.value) for key, entry in db.keys.items()}


def test_effects_come_back_and_dots_do_not(tmp_path: Path) -> None:
    async def first() -> tuple[dict[bytes, object], CausalContext, CausalContext, int]:
        life = Life(tmp_path)
        assert life.kept.fresh
        for n in range(50):
            life.set(b"k%d" % (n % 7), f"v{n}")
        life.write(b"gone", "add", "x")
        life.write(b"gone", "remove", "x")
        await life.durable()
        life.store.close()
        return contents(life.db), life.db.seen, life.db.received, life.db.last

    async def second() -> None:
        life = Life(tmp_path)
        assert not life.kept.fresh
        assert not life.kept.clean
        assert (contents(life.db), life.db.seen, life.db.received) == before[:3]
        assert life.db.last >= before[3]
        life.set(b"more", "x")
        assert min(n for n in range(before[3] + 1, life.db.last + 1) if (1, n) in life.db.seen) > before[3]
        life.store.close()

    before = asyncio.run(first())
    asyncio.run(second())


def test_snapshots_hold_what_changed_and_shorten_the_log(tmp_path: Path) -> None:
    async def first() -> dict[bytes, object]:
        life = Life(tmp_path)
        for n in range(1000):
            life.set(b"k%d" % n, "a")
        await life.store.snapshot()
        for n in range(10):
            life.set(b"k%d" % n, "b")
        life.write(b"k999", "delete")
        assert life.store.changes == 11
        under_way = asyncio.ensure_future(life.store.snapshot())
        await asyncio.sleep(0)
        # Written while the snapshot is: not in it, and not lost.
        for n in range(5):
            life.set(b"k%d" % n, "c")
        await under_way
        assert life.store.changes == 5
        await life.durable()
        life.store.close()
        return contents(life.db)

    async def second() -> None:
        life = Life(tmp_path)
        assert contents(life.db) == before
        assert life.replayed == 5
        life.store.close()

    before = asyncio.run(first())
    asyncio.run(second())


def test_snapshot_that_is_not_complete_leaves_the_last_one(tmp_path: Path) -> None:
    async def first() -> dict[bytes, object]:
        life = Life(tmp_path)
        for n in range(2000):
            life.set(b"k%d" % n, "a")
        await life.store.snapshot()
        for n in range(2000):
            life.set(b"k%d" % n, "b")
        await life.durable()
        under_way = asyncio.ensure_future(life.store.snapshot())
        for _ in range(3):
            await asyncio.sleep(0.003)
        assert not under_way.done()
        life.store.close()
        return contents(life.db)

    async def second() -> None:
        life = Life(tmp_path)
        assert life.replayed == 2000
        assert contents(life.db) == before
        life.store.close()

    before = asyncio.run(first())
    asyncio.run(second())


def test_snapshot_failure_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def first() -> dict[bytes, object]:
        life = Life(tmp_path)
        life.set(b"a", "1")

        def fails(changes: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patch:
            patch.setattr(life.store._keys, "write", fails)
            with pytest.raises(StorageError, match="disk I/O error"):
                await life.store.snapshot()
        assert life.store.changes == 1
        assert life.store.snapshot_failure
        await life.store.snapshot()
        assert not life.store.snapshot_failure
        life.store.close()
        return contents(life.db)

    async def second() -> None:
        life = Life(tmp_path)
        assert contents(life.db) == before
        life.store.close()

    before = asyncio.run(first())
    asyncio.run(second())


def test_clean_end_is_known(tmp_path: Path) -> None:
    async def run(*, clean: bool, expected: bool) -> int:
        life = Life(tmp_path)
        assert life.kept.clean == expected
        assert life.db.recovered == (expected or life.kept.fresh)
        life.set(b"a", "1")
        life.store.close(life.db.last if clean else None)
        return life.db.last

    asyncio.run(run(clean=True, expected=False))
    last = asyncio.run(run(clean=True, expected=True))
    assert last < 10
    asyncio.run(run(clean=False, expected=True))
    assert asyncio.run(run(clean=False, expected=False)) > recovery.BLOCK


def test_folder_of_another_instance_is_refused(tmp_path: Path) -> None:
    Store(tmp_path, "test", 1, "no").close()
    for database, replica in (("test", 2), ("other", 1)):
        with pytest.raises(StorageError, match="holds instance 1 of the database 'test'"):
            Store(tmp_path, database, replica, "no")
    Store(tmp_path, "test", 1, "no").close()


def test_facts_come_back(tmp_path: Path) -> None:
    async def first() -> None:
        life = Life(tmp_path)
        life.store.note("joined", b"0")
        life.store.note("joined", b"1")
        life.store.note("configuration", b"xyz")
        life.store.close()

    asyncio.run(first())
    store = Store(tmp_path, "test", 1, "no")
    assert store.kept().joined
    assert store.kept().configuration == b"xyz"
    store.close()


# The log's thread -----------------------------------------------------------------------------------------------------


class Told:
    def __init__(self) -> None:
        self.all: list[Progress] = []
        self.changed = threading.Condition()

    def __call__(self, progress: Progress) -> None:
        with self.changed:
            self.all.append(progress)
            self.changed.notify()

    def wait(self, durable: int, seconds: float = 20.0) -> float:
        """Until so many effects are durable; how long it took."""
        started = time.monotonic()
        with self.changed:
            found = self.changed.wait_for(lambda: bool(self.all) and self.all[-1].durable >= durable, seconds)
        assert found, self.all
        return time.monotonic() - started


@pytest.mark.parametrize(("policy", "low", "high"), [("always", 0.0, 0.9), ("no", 0.0, 0.9), ("everysec", 0.9, 5.0)])
def test_policies_say_when_effects_are_durable(tmp_path: Path, policy: Policy, low: float, high: float) -> None:
    told = Told()
    writer = LogWriter(LogFile(tmp_path), policy, 0, told)
    writer.start()
    writer.append(b"a")
    writer.append(b"b")
    writer.note("x", b"1")
    writer.wake()
    assert low <= told.wait(2) <= high
    assert {"x": b"1"} in [p.meta for p in told.all]
    writer.close()


def test_urge_and_close_make_durable_at_once(tmp_path: Path) -> None:
    told = Told()
    log = LogFile(tmp_path)
    writer = LogWriter(log, "everysec", 0, told)
    writer.start()
    writer.append(b"a")
    writer.wake()
    writer.urge()
    assert told.wait(1) < 0.8
    writer.append(b"b")
    writer.close()
    assert told.all[-1].durable == 2
    assert [e for _, batch in log.batches(0) for e in batch] == [b"a", b"b"]


def test_disk_that_refuses_is_tried_again_and_order_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mergelaw.server.storage import writer as module

    monkeypatch.setattr(module, "_RETRY_S", 0.01)
    told = Told()
    log = LogFile(tmp_path)
    commit = log.commit
    failures = 3

    def sometimes(batch: list[bytes], last: int, meta: dict[str, bytes]) -> int:
        nonlocal failures
        if failures:
            failures -= 1
            raise sqlite3.OperationalError("database or disk is full")
        return commit(batch, last, meta)

    monkeypatch.setattr(log, "commit", sometimes)
    writer = LogWriter(log, "always", 0, told)
    writer.start()
    for n in range(100):
        writer.append(b"%d" % n)
        writer.wake()
    told.wait(100)
    assert [p.failure for p in told.all if p.failure] == ["database or disk is full"] * 3
    assert not told.all[-1].failure
    writer.close()
    assert [e for _, batch in log.batches(0) for e in batch] == [b"%d" % n for n in range(100)]
