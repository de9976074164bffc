"""The client store: profiles by client id, looked up once per batch.

A profile is a JSON object of the contract's features. The embedded store is one SQLite file; a worker only reads it,
``stream-app clients load`` writes it, and both may run at once (write-ahead log).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType

from stream_app.errors import ClientStoreError

_IDS_PER_QUERY = 4096  # below SQLite's limit of 32,766 bound values


class SQLiteClients:
    """Client profiles in one SQLite file. Not thread-safe: one instance a thread."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the store at ``path``. Raises ClientStoreError when it is not there (unless ``create``) or no store."""
        self._path = path
        if not create and not path.is_file():
            raise ClientStoreError(
                f"There is no client store at {path}.",
                do_next="Load one with `stream-app clients load FILE`, or name another with STREAM_APP_CLIENTS.",
            )
        try:
            self._db = _connect(path, create)
        except sqlite3.Error as fault:
            raise self._broken(fault) from fault

    def get_many(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        """The stored profile of each known id; an unknown id is simply not in the answer."""
        found: dict[str, bytes] = {}
        try:
            for some in _in_runs(client_ids):
                marks = ",".join("?" * len(some))
                found.update(
                    self._db.execute(
                        f"SELECT client_id, profile FROM clients WHERE client_id IN ({marks})",  # noqa: S608 - only question marks
                        some,
                    )
                )
        except sqlite3.Error as fault:
            raise self._broken(fault) from fault
        return found

    def put_many(self, profiles: Iterable[tuple[str, bytes]]) -> int:
        """Store profiles (client id, JSON object), replacing older ones, all or none. Returns how many."""
        count = 0
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for client_id, profile in profiles:
                    self._db.execute("INSERT OR REPLACE INTO clients VALUES (?, ?)", (client_id, profile))
                    count += 1
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as fault:
            raise self._broken(fault) from fault
        return count

    def count(self) -> int:
        """How many clients are known."""
        try:
            return int(self._db.execute("SELECT count(*) FROM clients").fetchone()[0])
        except sqlite3.Error as fault:
            raise self._broken(fault) from fault

    def close(self) -> None:
        """Close the file; what was put is kept."""
        self._db.close()

    def __enter__(self) -> SQLiteClients:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _broken(self, fault: sqlite3.Error) -> ClientStoreError:
        return ClientStoreError(
            f"The client store at {self._path} does not answer ({fault}).",
            kept="No profile was changed.",
            do_next="Check that the file is a client store, readable, and its disk not full; then start again.",
        )


def _connect(path: Path, create: bool) -> sqlite3.Connection:
    """For reading only unless ``create``: a mistyped path must not put a table into somebody else's database."""
    mode = "rwc" if create else "ro"
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=5.0, isolation_level=None)
    try:
        if create:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS clients (client_id TEXT PRIMARY KEY, profile BLOB NOT NULL) WITHOUT ROWID"
            )
        db.execute("SELECT client_id, profile FROM clients LIMIT 0")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _in_runs(client_ids: Iterable[str]) -> Iterator[list[str]]:
    ids = iter(client_ids)
    while run := list(islice(ids, _IDS_PER_QUERY)):
        yield run
