"""A store that is locked, full or gone: nothing is stored by halves, and once it answers again, all goes on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from monitoring.store import DecisionRow, DecisionStore, PartitionOffset
from stream_app.errors import StoreError, StoreUnavailable
from tests.builders.store_rows import decision, put
from tests.servers.postgres import Postgres

ROOT = Path(__file__).parents[2]


def connect(url: str) -> Any:
    """A connection that is none of the store's."""
    if "://" not in url:
        return sqlite3.connect(url, isolation_level=None, check_same_thread=False)
    place = sa.make_url(url).set(drivername="postgresql+psycopg")
    return sa.create_engine(place, poolclass=sa.pool.NullPool).raw_connection()


@contextmanager
def locked(url: str) -> Iterator[Any]:
    """Somebody else has the store, say a person with an open transaction, until the connection is rolled back."""
    with closing(connect(url)) as other:
        other.cursor().execute("LOCK TABLE decisions" if "://" in url else "BEGIN EXCLUSIVE")
        yield other
        other.rollback()


def refused(store: DecisionStore, why: str) -> None:
    """Put a decision in vain, and be told why without whom it was about."""
    with pytest.raises(StoreUnavailable, match=why) as told:
        put(store, [decision("secret-request")], offsets={("d", 0): PartitionOffset(1, 0)})
    assert "Nothing of this step was stored" in str(told.value)
    assert "secret-request" not in str(told.value)


def goes_on(store: DecisionStore) -> None:
    """Nothing of what was refused is there, and the same records can be put."""
    assert (store.counts().decisions, store.offsets()) == (0, {})
    assert put(store, [decision("secret-request")], offsets={("d", 0): PartitionOffset(1, 0)}).decisions_new == 1


# ---- locked ----------------------------------------------------------------------------------------------------------


def test_a_locked_store_is_told_and_goes_on_once_it_is_free(url: str) -> None:
    with DecisionStore.open(url, wait_seconds=0.1) as store:
        with locked(url):
            refused(store, "lock")
        goes_on(store)


def test_a_lock_is_waited_for_before_anything_is_told(url: str) -> None:
    with DecisionStore.open(url, wait_seconds=60) as store, locked(url) as other:
        threading.Timer(0.2, other.rollback).start()
        assert put(store, [decision("a")]).decisions_new == 1


def test_a_reader_with_an_open_transaction_stops_no_writer(url: str) -> None:
    with DecisionStore.open(url, wait_seconds=0.1) as store, closing(connect(url)) as reader:
        cursor = reader.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT count(*) FROM decisions")
        assert put(store, [decision("a")]).decisions_new == 1


# ---- full ------------------------------------------------------------------------------------------------------------


def test_a_full_sqlite_store_is_told_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    pages = {"most": 1}

    def limit(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages['most']}")  # no less than it has already

    with DecisionStore.open(str(tmp_path / "d.db")) as store:
        goes_through = [decision(f"r{n}", record="x" * 4000) for n in range(50)]
        sa.event.listen(sa.Engine, "connect", limit)
        try:
            store.close()  # so that the next connection is limited
            with pytest.raises(StoreUnavailable, match="full"):
                put(store, goes_through)
            assert store.counts().decisions == 0
            pages["most"] = 1_000_000
            store.close()
            assert put(store, goes_through).decisions_new == 50
        finally:
            sa.event.remove(sa.Engine, "connect", limit)


def test_a_full_postgresql_store_is_told_and_goes_on_once_there_is_room(postgres: Postgres) -> None:
    url = postgres.new_database("full")
    with DecisionStore.open(url) as store, closing(connect(url)) as other:
        raising = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$"
        other.cursor().execute(raising)
        other.cursor().execute("CREATE TRIGGER t BEFORE INSERT ON decisions EXECUTE FUNCTION full_disk()")
        other.commit()
        refused(store, "disk_full")
        other.cursor().execute("DROP TRIGGER t ON decisions")
        other.commit()
        goes_on(store)


# ---- gone ------------------------------------------------------------------------------------------------------------


def test_a_file_that_was_moved_away_takes_nothing_until_it_is_back(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "d.db", tmp_path / "elsewhere.db"
    with DecisionStore.open(str(path)) as store:
        path.rename(elsewhere)
        refused(store, r"d\.db does not answer: its file is gone")
        with pytest.raises(StoreUnavailable, match="its file is gone"):
            store.counts()
        assert not path.exists()
        elsewhere.rename(path)
        goes_on(store)


def test_a_file_that_is_moved_away_during_a_put_takes_nothing_of_it(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "d.db", tmp_path / "elsewhere.db"

    class Moving(list[DecisionRow]):
        def __iter__(self) -> Iterator[DecisionRow]:
            if path.exists():
                path.rename(elsewhere)
            return super().__iter__()

    with DecisionStore.open(str(path)) as store:
        with pytest.raises(StoreUnavailable, match="its file is gone"):
            put(store, Moving([decision("a")]), offsets={("d", 0): PartitionOffset(1, 0)})
        elsewhere.rename(path)
        goes_on(store)


def test_another_file_in_its_place_is_refused_for_its_positions_are_not_ours(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "d.db", tmp_path / "elsewhere.db"
    with DecisionStore.open(str(path)) as store:
        put(store, [decision("a")], offsets={("d", 0): PartitionOffset(9, 0)})
        path.rename(elsewhere)
        DecisionStore.open(str(path)).close()
        with pytest.raises(StoreError, match="was replaced while it was open") as told:
            put(store, [decision("b")])
        assert not isinstance(told.value, StoreUnavailable)
    with DecisionStore.open(str(path)) as store:
        assert (store.counts().decisions, store.offsets()) == (0, {})


def test_another_writer_of_a_postgresql_store_is_waited_for_no_longer_than_stated(postgres: Postgres) -> None:
    url = postgres.new_database("turns")
    with DecisionStore.open(url) as one, DecisionStore.open(url, wait_seconds=0.1) as other:
        tries: list[str] = []

        class Holding(list[DecisionRow]):
            def __iter__(self) -> Iterator[DecisionRow]:
                refused(other, "lock timeout")
                tries.append("refused")
                return super().__iter__()

        put(one, Holding())
        assert tries
        goes_on(other)


def test_a_writer_that_hangs_in_the_middle_of_its_turn_loses_it_to_the_next(postgres: Postgres) -> None:
    url = postgres.new_database("hanging")
    with DecisionStore.open(url, wait_seconds=0.1) as hanging, DecisionStore.open(url, wait_seconds=60) as other:

        class Stopped(list[DecisionRow]):
            def __iter__(self) -> Iterator[DecisionRow]:
                if not other.counts().decisions:
                    put(other, [decision("theirs")])
                return super().__iter__()

        with pytest.raises(StoreUnavailable):
            put(hanging, Stopped([decision("ours")]))
        assert (other.decision("theirs") is not None, other.decision("ours")) == (True, None)
        assert put(hanging, [decision("ours")]).decisions_new == 1


def test_a_server_that_stopped_is_told_and_goes_on_once_it_runs_again(postgres: Postgres) -> None:
    with DecisionStore.open(postgres.new_database("stopped"), wait_seconds=2) as store:
        store.counts()
        postgres.stop()
        try:
            refused(store, "postgresql://loans:.*does not answer")
        finally:
            postgres.start()
        goes_on(store)


def test_connections_that_the_server_closed_are_opened_anew_unnoticed(postgres: Postgres) -> None:
    url = postgres.new_database("cut")
    with DecisionStore.open(url) as store, closing(connect(url)) as other:
        put(store, [decision("a")])
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cut' AND pid <> pg_backend_pid()"
        other.cursor().execute(cut)
        assert put(store, [decision("b")]).decisions_new == 1


# ---- killed ----------------------------------------------------------------------------------------------------------

WRITER = """
    import itertools, sys
    from monitoring.store import DecisionStore, PartitionOffset
    from tests.builders.store_rows import decision, label, put

    store = DecisionStore.open(sys.argv[1])
    for batch in itertools.count():
        names = [f"r{n}" for n in range(batch * 100, batch * 100 + 100)]
        put(store, [decision(name) for name in names], [label(name) for name in names],
            {("d", 0): PartitionOffset(batch * 100 + 100, 0)})
        print(batch, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_puts_alone(url: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=os.environ) as writer:
        assert writer.stdout is not None
        for _ in range(10):
            assert writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
    with DecisionStore.open(url) as store:
        counts, position = store.counts(), store.offsets()["d", 0]
        assert counts.decisions == counts.labels == position.next_offset >= 1000
        assert counts.labels_pending == 0
