"""Clients in one SQLite file. A reader needs no rights to write, and reads on while another process loads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType

from stream_app.errors import ClientStoreError, ClientStoreUnavailable
from stream_app.sqlite_wal import turn_on_write_ahead_log

_IDS_PER_QUERY = 4096  # below SQLite's limit of 32,766 bound values
_LOCK_SECONDS = 5.0
_TRANSIENT = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)

_TABLES = (
    "CREATE TABLE IF NOT EXISTS clients (client_id TEXT PRIMARY KEY, profile BLOB NOT NULL) WITHOUT ROWID",
    # A table of its own, so that a store made before there was one is completed by the next load.
    "CREATE TABLE IF NOT EXISTS applications (client_id TEXT PRIMARY KEY, application BLOB NOT NULL) WITHOUT ROWID",
)
_HAS_APPLICATIONS = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'applications'"


class SQLiteClients:
    """A client store (:class:`~stream_app.clients.ClientStore`) in one SQLite file."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the store at ``path``. Raises ClientStoreError when it is not there (unless ``create``) or no store."""
        self._path = path
        self._one_at_a_time = threading.Lock()
        if not create and not path.is_file():
            raise ClientStoreError(
                f"There is no client store at {path}.",
                do_next="Load one with `stream-app clients load FILE`, or name another with STREAM_APP_CLIENTS.",
            )
        with self._faults_told():
            self._db = _connect(path, create)

    def get_many(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        with self._asking():
            return self._found("profile", "clients", client_ids)

    def latest_applications(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        with self._asking():
            [has_any] = self._db.execute(_HAS_APPLICATIONS).fetchone()
            return self._found("application", "applications", client_ids) if has_any else {}

    def put_many(self, profiles: Iterable[tuple[str, bytes]], applications: Iterable[tuple[str, bytes]] = ()) -> int:
        with self._asking():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                count = self._put("clients", profiles)
                self._put("applications", applications)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        return count

    def count(self) -> int:
        with self._asking():
            return int(self._db.execute("SELECT count(*) FROM clients").fetchone()[0])

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> SQLiteClients:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _found(self, column: str, table: str, client_ids: Iterable[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for some in _in_runs(client_ids):
            marks = ",".join("?" * len(some))
            query = f"SELECT client_id, {column} FROM {table} WHERE client_id IN ({marks})"  # noqa: S608 - only question marks
            found.update(self._db.execute(query, some))
        return found

    def _put(self, table: str, rows: Iterable[tuple[str, bytes]]) -> int:
        count = 0
        for row in rows:
            self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", row)  # noqa: S608 - a name of ours
            count += 1
        return count

    @contextmanager
    def _asking(self) -> Iterator[None]:
        with self._one_at_a_time, self._faults_told():
            yield

    @contextmanager
    def _faults_told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as fault:
            code = getattr(fault, "sqlite_errorcode", 0) & 0xFF  # the higher bits say more than is needed
            kind = ClientStoreUnavailable if code in _TRANSIENT else ClientStoreError
            raise kind(
                f"The client store at {self._path} does not answer ({fault}).",
                kept="No profile was changed.",
                do_next="Check that the file is a client store, readable, and its disk not full; then start again.",
            ) from fault


def _connect(path: Path, create: bool) -> sqlite3.Connection:
    """For reading only unless ``create``: a mistyped path must not put a table into somebody else's database."""
    mode = "rwc" if create else "ro"
    address = f"{path.absolute().as_uri()}?mode={mode}"
    db = sqlite3.connect(address, uri=True, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if create:
            turn_on_write_ahead_log(db, _LOCK_SECONDS)
            for table in _TABLES:
                db.execute(table)
        db.execute("SELECT client_id, profile FROM clients LIMIT 0")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _in_runs(client_ids: Iterable[str]) -> Iterator[list[str]]:
    ids = iter(client_ids)
    while run := list(islice(ids, _IDS_PER_QUERY)):
        yield run
