"""Opening: what is no store is refused and left as it was, and no text ever holds a password."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitoring.store import DecisionStore
from stream_app.broker.ports import free_ports
from stream_app.errors import StoreError, StoreUnavailable
from tests.builders.store_rows import decision, put
from tests.servers.postgres import PASSWORD, Postgres


def execute(url: str, *statements: str) -> None:
    """As somebody with a shell would."""
    place = sa.make_url(url).set(drivername="postgresql+psycopg") if "://" in url else f"sqlite:///{url}"
    engine = sa.create_engine(place)
    with engine.begin() as db:
        for statement in statements:
            db.exec_driver_sql(statement)
    engine.dispose()


def test_what_was_put_is_there_when_the_store_is_opened_again(url: str) -> None:
    with DecisionStore.open(url) as store:
        put(store, [decision("a")])
    with DecisionStore.open(url) as store:
        assert store.counts().decisions == 1


def test_monitors_that_start_together_make_one_store(new_url: Callable[[], str]) -> None:
    for url in (new_url() for _ in range(20)):  # a file that lacks its second try fails in one of seven
        with ThreadPoolExecutor(4) as monitors:
            for opened in monitors.map(lambda _, url=url: DecisionStore.open(url), range(4)):
                opened.close()
        with DecisionStore.open(url) as store:
            assert store.counts().decisions == 0


def test_a_database_with_a_table_of_the_same_name_is_refused_and_left_as_it_was(url: str) -> None:
    execute(url, "CREATE TABLE decisions (theirs integer)", "INSERT INTO decisions VALUES (5)")
    with pytest.raises(StoreError, match="not a decision store"):
        DecisionStore.open(url)
    execute(url, "INSERT INTO decisions (theirs) VALUES (6)")


def test_reading_an_empty_database_makes_nothing_in_it(url: str) -> None:
    execute(url)
    with pytest.raises(StoreError):
        DecisionStore.open(url, read_only=True)


def test_a_damaged_row_of_facts_is_no_crash(store: DecisionStore, url: str) -> None:
    execute(url, "DROP TABLE positions")
    with pytest.raises(StoreError):
        store.offsets()


# ---- SQLite ----------------------------------------------------------------------------------------------------------


def test_a_path_and_a_url_name_the_same_file(tmp_path: Path) -> None:
    with DecisionStore.open(f"sqlite:///{tmp_path}/d.db") as store:
        put(store, [decision("a")])
    with DecisionStore.open(str(tmp_path / "d.db"), read_only=True) as store:
        assert store.counts().decisions == 1


def test_a_path_with_odd_characters_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "50% of #1? é.db"
    DecisionStore.open(str(path)).close()
    assert path.is_file()


def test_the_file_has_a_write_ahead_log(tmp_path: Path) -> None:
    DecisionStore.open(str(tmp_path / "d.db")).close()
    with closing(sqlite3.connect(tmp_path / "d.db")) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_store_that_is_not_there_cannot_be_read_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no decision store at .*none\.db.*stream-app monitor"):
        DecisionStore.open(str(tmp_path / "none.db"), read_only=True)
    assert not (tmp_path / "none.db").exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no folder .*nowhere"):
        DecisionStore.open(str(tmp_path / "nowhere" / "d.db"))


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open"):
        DecisionStore.open(str(tmp_path))


def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    path.write_bytes(b"not a database" * 100)
    for read_only in (False, True):
        with pytest.raises(StoreError, match=r"odd\.db refused a step \(DatabaseError, SQLITE_NOTADB\)"):
            DecisionStore.open(str(path), read_only=read_only)
    assert path.read_bytes() == b"not a database" * 100


def test_somebody_elses_file_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "clients.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE clients (x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"clients\.db is not a decision store"):
        DecisionStore.open(str(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:secret@h/d",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///x.db?mode=ro",
        "postgresql://u:secret@h:x/d",
    ],
)
def test_a_url_that_is_not_understood_is_answered_with_those_that_are(url: str) -> None:
    with pytest.raises(StoreError, match="sqlite:///PATH") as told:
        DecisionStore.open(url)
    assert "secret" not in str(told.value)


# ---- PostgreSQL ------------------------------------------------------------------------------------------------------


def test_tables_of_others_in_a_postgresql_database_are_none_of_our_business(postgres: Postgres) -> None:
    url = postgres.new_database("shared")
    execute(url, "CREATE TABLE theirs (x integer)")
    with DecisionStore.open(url) as store:
        assert put(store, [decision("a")]).decisions_new == 1


def test_the_name_of_a_postgresql_store_says_where_it_is_without_the_password(postgres: Postgres) -> None:
    with DecisionStore.open(postgres.new_database("named") + "?application_name=monitor") as store:
        assert store.name == f"postgresql://loans:***@127.0.0.1:{postgres.port}/named"


def test_both_ways_to_write_the_scheme_are_taken(postgres: Postgres) -> None:
    url = postgres.new_database("scheme")
    for scheme in ("postgres", "postgresql+psycopg"):
        with DecisionStore.open(url.replace("postgresql", scheme, 1)) as store:
            assert store.name.startswith("postgresql://")


def test_a_wrong_password_is_told_without_it(postgres: Postgres) -> None:
    with pytest.raises(StoreUnavailable, match="password authentication failed") as told:
        DecisionStore.open(postgres.url("postgres", password="wrong-" + PASSWORD))
    assert PASSWORD not in str(told.value)


def test_a_database_that_is_not_there_is_named(postgres: Postgres) -> None:
    with pytest.raises(StoreUnavailable, match='database "none" does not exist'):
        DecisionStore.open(postgres.url("none"))


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    (port,) = free_ports(1)
    with pytest.raises(StoreUnavailable, match=rf"postgresql://u:\*\*\*@127\.0\.0\.1:{port}/d") as told:
        DecisionStore.open(f"postgresql://u:secret@127.0.0.1:{port}/d", wait_seconds=2)
    assert "secret" not in str(told.value)


def test_an_sqlite_store_and_its_log_are_their_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with DecisionStore.open(str(tmp_path / "d.db")) as store:
            put(store, [decision("a")])
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("d.db", "d.db-wal", "d.db-shm"), 0o600)
