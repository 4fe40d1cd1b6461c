"""The two files: what comes back, and what is told of files that are not ours or damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mergelaw.server.storage import files
from mergelaw.server.storage.files import FolderLock, KeysFile, LogFile, StorageError


def logged(folder: Path, after: int = 0) -> list[tuple[int, list[bytes]]]:
    log = LogFile(folder)
    try:
        return list(log.batches(after))
    finally:
        log.close()


def test_log_gives_back_batches_in_order(tmp_path: Path) -> None:
    log = LogFile(tmp_path)
    log.commit([b"a", b"b\0"], 2, {"x": b"1"})
    log.commit([], 2, {"x": b"2", "y": b""})
    log.commit([b""], 3, {})
    assert log.size() > 0
    log.close()
    assert logged(tmp_path) == [(2, [b"a", b"b\0"]), (3, [b""])]
    assert logged(tmp_path, 2) == [(3, [b""])]
    again = LogFile(tmp_path)
    assert again.meta() == {"x": b"2", "y": b""}
    again.drop(2)
    again.close()
    assert logged(tmp_path) == [(3, [b""])]


def test_batches_that_a_row_cannot_hold_are_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOB_MAX_BYTES", 100)
    log = LogFile(tmp_path)
    log.commit([b"a" * 60, b"b" * 60], 7, {})
    log.close()
    assert logged(tmp_path) == [(6, [b"a" * 60]), (7, [b"b" * 60])]


def test_failed_commit_changes_nothing(tmp_path: Path) -> None:
    log = LogFile(tmp_path)
    log.commit([b"a"], 1, {})
    with pytest.raises(sqlite3.Error):
        log.commit([b"b"], 1, {"x": b"1"})
    log.commit([b"c"], 2, {})
    log.close()
    assert logged(tmp_path) == [(1, [b"a"]), (2, [b"c"])]


def test_snapshot_is_there_wholly_or_not_at_all(tmp_path: Path) -> None:
    keys = KeysFile(tmp_path)
    keys.begin()
    keys.write([(b"a", b"1"), (b"b", b"1")])
    keys.commit({"last": b"1"})
    keys.begin()
    keys.write([(b"a", b"2"), (b"b", None), (b"c", b"2")])
    assert KeysFile(tmp_path).meta() == {"last": b"1"}
    keys.close()
    again = KeysFile(tmp_path)
    assert sorted(again.rows()) == [(b"a", b"1"), (b"b", b"1")]
    again.begin()
    again.write([(b"a", b"2"), (b"b", None), (b"c", b"2")])
    again.commit({"last": b"2"})
    again.close()
    third = KeysFile(tmp_path)
    assert sorted(third.rows()) == [(b"a", b"2"), (b"c", b"2")]
    assert third.meta() == {"last": b"2"}
    third.close()


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    foreign = sqlite3.connect(tmp_path / "log.db")
    foreign.execute("CREATE TABLE theirs (x)")
    foreign.commit()
    foreign.close()
    with pytest.raises(StorageError, match=r"log\.db is a database of another program.*--dir"):
        LogFile(tmp_path)
    (tmp_path / "keys.db").write_bytes(b"not a database at all" * 500)
    with pytest.raises(StorageError, match=r"keys\.db is damaged or no database.*Move .* away"):
        KeysFile(tmp_path)


def test_other_layouts_are_refused(tmp_path: Path) -> None:
    LogFile(tmp_path).close()
    later = sqlite3.connect(tmp_path / "log.db")
    later.execute("PRAGMA user_version=99")
    later.close()
    with pytest.raises(StorageError, match="has layout 99"):
        LogFile(tmp_path)


@pytest.mark.parametrize("table", ["batches", "keys"])
def test_flipped_bits_are_noticed(tmp_path: Path, table: str) -> None:
    log = LogFile(tmp_path)
    log.commit([b"effect"], 1, {})
    log.close()
    keys = KeysFile(tmp_path)
    keys.begin()
    keys.write([(b"a", b"value")])
    keys.commit({})
    keys.close()
    column = "effects" if table == "batches" else "value"
    path = tmp_path / ("log.db" if table == "batches" else "keys.db")
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE {table} SET {column} = CAST({column} || x'00' AS BLOB)")
    connection.close()
    with pytest.raises(StorageError, match="checksum"):
        if table == "batches":
            logged(tmp_path)
        else:
            list(KeysFile(tmp_path).rows())


def test_folder_is_one_processes_own(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "a" / "b")
    with pytest.raises(StorageError, match="is in use by another process"):
        FolderLock(tmp_path / "a" / "b")
    lock.release()
    FolderLock(tmp_path / "a" / "b").release()
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be used"):
        FolderLock(tmp_path / "file" / "folder")
