"""Transactions on an open store: one at a time each, for any thread."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from monitoring.store.engines import WRITES
from monitoring.store.errors import told
from monitoring.store.file_guard import FilePresence


class Door:
    """The way to one database, for any thread: a transaction for reading or for writing at a time each."""

    def __init__(self, engine: sa.Engine, name: str, presence: FilePresence | None) -> None:
        """``name``: the store's for people, without a password."""
        self.name = name
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})
        self._presence = presence

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the store from its first query on."""
        with told(self.name):
            self._check_presence()
            with self._engine.connect() as db:
                yield db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction no other writer is in; committed at its end, undone when something raises."""
        with told(self.name):
            self._check_presence()
            with self._writer.begin() as db:
                yield db
                self._check_presence()  # or the commit would go into a file that was moved away meanwhile

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _check_presence(self) -> None:
        if self._presence is not None:
            self._presence.check()
