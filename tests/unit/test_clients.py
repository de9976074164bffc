"""The client store: many lookups in one call, all-or-nothing loads, faults that name the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stream_app.clients import SQLiteClients
from stream_app.errors import ClientStoreError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteClients]:
    with SQLiteClients(tmp_path / "clients.db", create=True) as made:
        yield made


def test_known_clients_are_found_and_unknown_ones_are_not_in_the_answer(store: SQLiteClients) -> None:
    store.put_many([("a", b"{}"), ("é", b'{"x":1}')])
    assert store.get_many(["a", "é", "b"]) == {"a": b"{}", "é": b'{"x":1}'}


def test_ten_thousand_lookups_are_one_call(store: SQLiteClients) -> None:
    store.put_many((str(i), b"%d" % i) for i in range(10_000))
    assert len(store.get_many(str(i) for i in range(10_000))) == 10_000


def test_a_later_profile_replaces_the_earlier(store: SQLiteClients) -> None:
    store.put_many([("a", b"1")])
    store.put_many([("a", b"2")])
    assert (store.get_many(["a"]), store.count()) == ({"a": b"2"}, 1)


def test_a_load_that_fails_midway_changes_nothing(store: SQLiteClients) -> None:
    def rows() -> Iterator[tuple[str, bytes]]:
        yield "a", b"1"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.put_many(rows())
    assert store.count() == 0


def test_a_reader_sees_what_another_process_loaded_meanwhile(store: SQLiteClients, tmp_path: Path) -> None:
    with SQLiteClients(tmp_path / "clients.db") as reader:
        assert reader.get_many(["a"]) == {}
        store.put_many([("a", b"1")])
        assert reader.get_many(["a"]) == {"a": b"1"}


def test_a_missing_store_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ClientStoreError, match="stream-app clients load"):
        SQLiteClients(tmp_path / "none.db")


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
    with pytest.raises(ClientStoreError, match=r"odd\.db"):
        SQLiteClients(tmp_path / "odd.db")
