"""SQLite's write-ahead log, with which readers and a writer do not block each other."""

from __future__ import annotations

import sqlite3
import time

_PAUSE_SECONDS = 0.01


def turn_on_write_ahead_log(db: sqlite3.Connection, wait_seconds: float) -> None:
    """Set the file's journal mode to WAL, which stays; does nothing to a file that has it.

    SQLite's own busy time-out does not apply to this statement: while another connection writes, for example another
    program that creates the same file, it fails at once. So it is retried for at most ``wait_seconds``. Raises
    sqlite3.OperationalError: SQLITE_BUSY after that time, anything else at once.
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
