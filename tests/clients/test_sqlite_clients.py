"""The SQLite store: errors that name the file, and stores of an older version."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import pytest

from stream_app.clients import SQLiteClients
from stream_app.errors import ClientStoreError, ClientStoreUnavailable


def test_somebody_elses_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(ClientStoreError, match=r"other\.db"):
        SQLiteClients(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_store_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "odd.db").write_bytes(b"not a database" * 100)
    with pytest.raises(ClientStoreError, match=r"odd\.db") as refused:
        SQLiteClients(tmp_path / "odd.db")
    assert not isinstance(refused.value, ClientStoreUnavailable)


def test_a_store_and_its_log_are_their_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with SQLiteClients(tmp_path / "clients.db", create=True) as store:
            store.put_many([("a", b"{}")])
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("clients.db", "clients.db-wal", "clients.db-shm"), 0o600)


def test_nothing_of_a_removed_client_is_left_in_the_file_or_its_log(tmp_path: Path) -> None:
    with SQLiteClients(tmp_path / "clients.db", create=True) as store:
        store.put_many([("anna-7", b'{"income":4711}'), ("b", b"{}")], [("anna-7", b'{"amount":4711}')])
        store.remove_many(["anna-7"])
        written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"anna-7" not in written
    assert b"4711" not in written


@pytest.fixture
def old_store(tmp_path: Path) -> Path:
    """As it was made before clients had a latest application."""
    path = tmp_path / "clients.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("CREATE TABLE clients (client_id TEXT PRIMARY KEY, profile BLOB NOT NULL) WITHOUT ROWID")
        old.execute("INSERT INTO clients VALUES ('a', x'7b7d')")
    return path


def test_a_store_without_applications_is_read_as_it_is(old_store: Path) -> None:
    before = old_store.read_bytes()
    with SQLiteClients(old_store) as clients:
        assert clients.get_many(["a"]) == {"a": b"{}"}
        assert clients.latest_applications(["a"]) == {}
    assert old_store.read_bytes() == before


def test_the_next_load_completes_a_store_without_applications_for_its_open_readers(old_store: Path) -> None:
    with SQLiteClients(old_store) as reader:
        assert reader.latest_applications(["a"]) == {}
        with SQLiteClients(old_store, create=True) as loader:
            loader.put_many([], [("a", b"1")])
        assert reader.latest_applications(["a"]) == {"a": b"1"}
        assert reader.get_many(["a"]) == {"a": b"{}"}


def test_a_new_store_waits_for_another_connection_that_writes_into_its_file(tmp_path: Path) -> None:
    path = tmp_path / "clients.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            opening = pool.submit(lambda: SQLiteClients(path, create=True))
            assert wait([opening], 0.1).not_done
            other.execute("ROLLBACK")
            with opening.result() as clients:
                assert clients.get_many(["a"]) == {}


def test_a_locked_store_is_unavailable_and_answers_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_app.clients.sqlite_store._LOCK_SECONDS", 0.05)
    path = tmp_path / "clients.db"
    with SQLiteClients(path, create=True) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ClientStoreUnavailable, match="locked"):
            store.put_many([("a", b"1")])
        other.execute("ROLLBACK")
        assert store.put_many([("a", b"1")]) == 1
