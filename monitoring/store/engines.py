"""An engine for each kind of database, whose connections behave as :mod:`monitoring.store.open` describes."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from stream_app.private_files import create_private
from stream_app.sqlite_wal import turn_on_write_ahead_log

WRITES = "store_writes"
"""The execution option that distinguishes a writer's transaction from a reader's."""

_ONE_WRITER = 0x6C6F616E  # names our advisory lock in a PostgreSQL database ("loan")
_CACHE_KIB = 65_536
_PAGE_BYTES = 8_192  # a decision is about 1 kB. 4 kB cost a fifth more CPU; with 16 kB random ids write twice as much
_CHECKPOINT_PAGES = 8_192
_LOG_BYTES = 67_108_864
# A server that vanished without a word (power, network) is noticed in half a minute; by itself TCP takes two hours.
_DEAD_PEER = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
_STOPPED_AFTER_WAITS = 6  # a process that was stopped in mid-transaction loses its turn after this many waits for one


def make_sqlite_file(path: Path, wait_seconds: float) -> None:
    """Make the file if there is none, with what stays with it for good; one with something in it is left as it is."""
    create_private(path)
    with contextlib.closing(_connect_sqlite(path, "rwc", wait_seconds)) as db:
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            db.execute(f"PRAGMA page_size={_PAGE_BYTES}")
            turn_on_write_ahead_log(db, wait_seconds)


def _connect_sqlite(path: Path, mode: str, wait_seconds: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}", uri=True, timeout=wait_seconds, isolation_level=None, check_same_thread=False
    )


def sqlite_engine(path: Path, read_only: bool, wait_seconds: float) -> sa.Engine:
    mode = "ro" if read_only else "rw"  # never made anew by accident, once it is gone
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: _connect_sqlite(path, mode, wait_seconds),
        poolclass=sa.pool.QueuePool,
        pool_timeout=wait_seconds,
        hide_parameters=True,
    )
    if not read_only:
        sa.event.listen(engine, "connect", _tune_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _tune_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")


def _begin_sqlite(db: sa.Connection) -> None:
    """A writer asks for its turn at once: one that has read first could not wait for another any more."""
    db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get(WRITES) else "BEGIN")


def postgresql_engine(place: sa.URL, read_only: bool, wait_seconds: float) -> sa.Engine:
    engine = sa.create_engine(
        place,
        connect_args={"connect_timeout": max(2, round(wait_seconds)), **_DEAD_PEER},  # libpq: two seconds at least
        pool_pre_ping=True,
        pool_timeout=wait_seconds,
        hide_parameters=True,
    )

    def tune(connection: Any, _record: Any) -> None:
        wait_ms = round(wait_seconds * 1000)
        connection.execute(f"SET lock_timeout = {wait_ms}")
        connection.execute(f"SET idle_in_transaction_session_timeout = {_STOPPED_AFTER_WAITS * wait_ms}")
        connection.execute(f"SET default_transaction_read_only = {'on' if read_only else 'off'}")
        connection.execute("SET default_transaction_isolation = 'read committed'")  # whatever the server's is
        connection.commit()

    sa.event.listen(engine, "connect", tune)
    sa.event.listen(engine, "begin", _begin_postgresql)
    return engine


def _begin_postgresql(db: sa.Connection) -> None:
    """A writer sees what was committed before its turn; a reader sees one state throughout, as on SQLite."""
    if db.get_execution_options().get(WRITES):
        db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_WRITER})")
    else:
        db.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
