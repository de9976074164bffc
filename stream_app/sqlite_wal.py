"""SQLite's write-ahead log, with which readers and a writer do not wait for each other."""

from __future__ import annotations

import sqlite3
import time

_PAUSE_SECONDS = 0.01


def turn_on_write_ahead_log(db: sqlite3.Connection, wait_seconds: float) -> None:
    """Switch the file to it for good; does nothing to one that has it.

    SQLite does not wait for its own timeout here: when somebody else writes, as another program that makes the same
    new file at the same moment does, it refuses at once. So it is asked again, for at most ``wait_seconds``.
    Raises sqlite3.OperationalError (SQLITE_BUSY) after that, and at once for anything else.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_SECONDS)
