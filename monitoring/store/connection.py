"""Transactions on an open store, for any thread, and the check that its SQLite file is still the one opened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from monitoring.store.engines import WRITES
from monitoring.store.errors import as_store_errors, unavailable
from stream_app.errors import StoreError


class FileGuard:
    """Remembers which file a path named when the store was opened: SQLite would go on writing into a removed one."""

    def __init__(self, path: Path, store: str) -> None:
        self._path, self._store = path, store
        self._identity = self._identify()

    def check(self) -> None:
        """Raises StoreUnavailable while the file is away, StoreError when another one is in its place."""
        if self._identify() != self._identity:
            raise StoreError(
                f"The file of the decision store {self._store} was replaced while it was open.",
                kept="Nothing was written to the new one.",
                do_next="Start again: reading then goes on from the offsets in it.",
            )

    def _identify(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise unavailable(self._store, f"its file is gone ({error.strerror})") from error
        return status.st_dev, status.st_ino


class StoreConnection:
    """Connections to one database; each thread has one transaction at a time, for reading or for writing."""

    def __init__(self, engine: sa.Engine, name: str, guard: FileGuard | None) -> None:
        """``name``: the store's for people, without a password."""
        self.name = name
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})
        self._check_file = guard.check if guard else lambda: None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the store from its first query on."""
        with as_store_errors(self.name):
            self._check_file()
            with self._engine.connect() as db:
                yield db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that excludes other writers; committed at its end, rolled back when something raises."""
        with as_store_errors(self.name):
            self._check_file()
            with self._writer.begin() as db:
                yield db
                self._check_file()  # or the commit would go into a file that was moved away meanwhile

    def empty_log(self) -> None:
        """Move SQLite's write-ahead log into the file, and empty it unless a reader still needs it."""
        if self._engine.dialect.name != "sqlite":
            return
        with as_store_errors(self.name), contextlib.closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()
