"""Clients in one SQLite file. Reading needs no write permission and continues while another process loads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from stream_app.clients.store import ClientStore, Followed, ProfileChanges, Row, being_filled, in_chunks
from stream_app.errors import ClientStoreError, ClientStoreUnavailable
from stream_app.private_files import create_private
from stream_app.sqlite_wal import turn_on_write_ahead_log

_IDS_PER_QUERY = 4096  # below SQLite's limit of 32,766 bound values
_LOCK_SECONDS = 5.0
_TRANSIENT = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)

_TABLES = (
    "CREATE TABLE IF NOT EXISTS clients (client_id TEXT PRIMARY KEY, profile BLOB NOT NULL) WITHOUT ROWID",
    # A table of its own: a store from before it existed gets it with the next load.
    "CREATE TABLE IF NOT EXISTS applications (client_id TEXT PRIMARY KEY, application BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS followed (topic INTEGER PRIMARY KEY CHECK (topic = 1), state BLOB NOT NULL)",
)
_HAS_TABLE = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
_FOLLOWED = msgspec.json.Decoder(Followed)


class SQLiteClients(ClientStore):
    """A client store in one SQLite file."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the store at ``path``. Raises ClientStoreError if it is missing (unless ``create``) or not a store."""
        self._path = path = path.absolute()
        self._lock = threading.Lock()
        if not create and not path.is_file():
            raise ClientStoreError(
                f"There is no client store at {path}.",
                do_next="Load one with `stream-app clients load FILE`, or name another with STREAM_APP_CLIENTS.",
            )
        if create:
            create_private(path)
        with self._exclusive():
            self._db = _connect(path, create)
        if not create and (followed := self.followed()) and followed.filling:
            raise being_filled(f"The client store at {path}")

    def get_many(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        with self._exclusive():
            return self._select("profile", "clients", client_ids)

    def latest_applications(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        with self._exclusive():
            return self._select("application", "applications", client_ids) if self._has("applications") else {}

    def put_many(self, profiles: Iterable[Row], applications: Iterable[Row] = ()) -> int:
        with self._exclusive(), self._db:  # commits, or rolls back
            self._db.execute("BEGIN IMMEDIATE")
            count = self._db.executemany("INSERT OR REPLACE INTO clients VALUES (?, ?)", profiles).rowcount
            self._db.executemany("INSERT OR REPLACE INTO applications VALUES (?, ?)", applications)
        return count

    def remove_many(self, client_ids: Iterable[str]) -> int:
        """What is removed is overwritten in the file, and the write-ahead log emptied as soon as no reader needs it.

        The store must have been opened with ``create``.
        """
        ids = [(client_id,) for client_id in client_ids]
        with self._exclusive():
            self._db.execute("PRAGMA secure_delete=ON")
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                known = self._db.executemany("DELETE FROM clients WHERE client_id = ?", ids).rowcount
                self._db.executemany("DELETE FROM applications WHERE client_id = ?", ids)
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return known

    def followed(self) -> Followed | None:
        with self._exclusive():
            return self._followed()

    def follow(self, changes: ProfileChanges, before: Followed | None, after: Followed) -> bool:
        """What is deleted is overwritten in the file, as by :meth:`remove_many`."""
        with self._exclusive():
            self._db.execute("PRAGMA secure_delete=ON")
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                if self._followed() != before:
                    return False
                self._apply(changes)
                self._db.execute("INSERT OR REPLACE INTO followed VALUES (1, ?)", (msgspec.json.encode(after),))
            if changes.deleted:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return True

    def _apply(self, changes: ProfileChanges) -> None:
        gone, no_application = changes.deleted, changes.without_application()
        self._db.executemany("INSERT OR REPLACE INTO clients VALUES (?, ?)", changes.profiles.items())
        self._db.executemany("INSERT OR REPLACE INTO applications VALUES (?, ?)", changes.applications.items())
        self._db.executemany("DELETE FROM clients WHERE client_id = ?", ((client_id,) for client_id in gone))
        self._db.executemany("DELETE FROM applications WHERE client_id = ?", ((name,) for name in no_application))

    def _followed(self) -> Followed | None:
        row = self._db.execute("SELECT state FROM followed").fetchone() if self._has("followed") else None
        return _FOLLOWED.decode(row[0]) if row else None

    def _has(self, table: str) -> bool:
        """A store that an older version wrote lacks some until it is opened for writing."""
        return bool(self._db.execute(_HAS_TABLE, (table,)).fetchone()[0])

    def count(self) -> int:
        with self._exclusive():
            return int(self._db.execute("SELECT count(*) FROM clients").fetchone()[0])

    def close(self) -> None:
        self._db.close()

    def _select(self, column: str, table: str, client_ids: Iterable[str]) -> dict[str, bytes]:
        values: dict[str, bytes] = {}
        for ids in in_chunks(client_ids, _IDS_PER_QUERY):
            marks = ",".join("?" * len(ids))
            query = f"SELECT client_id, {column} FROM {table} WHERE client_id IN ({marks})"  # noqa: S608 - only question marks
            values.update(self._db.execute(query, ids))
        return values

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One thread at a time; what SQLite raises becomes a ClientStoreError."""
        try:
            with self._lock:
                yield
        except sqlite3.Error as fault:
            code = getattr(fault, "sqlite_errorcode", 0) & 0xFF  # without the higher bits of an extended code
            kind = ClientStoreUnavailable if code in _TRANSIENT else ClientStoreError
            raise kind(
                f"The client store at {self._path} does not answer ({fault}).",
                kept="No profile was changed.",
                do_next="Check that the file is a client store, readable, and its disk not full; then start again.",
            ) from fault


def _connect(path: Path, create: bool) -> sqlite3.Connection:
    """Read-only unless ``create``: a mistyped path must not add a table to somebody else's database."""
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
