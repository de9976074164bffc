"""A broker as a child process: its log, its end, and the promise that neither outlives the parent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from stream_app.broker import supervisor
from stream_app.errors import BrokerStartFailed

GRACE_SECONDS = 10.0
"""From SIGTERM to SIGKILL. Apache Kafka closes its log in 0.4 s, Tansu in 2 ms."""

_TAIL_BYTES = 16_384
_TAIL_LINES = 12


class BrokerProcess:
    """A command under ``keeper.py``, in a session of their own: Ctrl-C in the terminal reaches us alone,
    so that workers can drain before the broker goes.

    ``log``: gets standard output and error. ``remove``: a folder that goes with the process, or None.
    """

    def __init__(self, command: Sequence[str], *, log: Path, remove: Path | None) -> None:
        # The handle outlives the folder: the last lines can be read after the keeper has deleted it.
        self._log: BinaryIO = log.open("a+b")
        _lock(self._log, log.parent)
        self._log_start = self._log.seek(0, os.SEEK_END)
        script = [sys.executable, "-I", "-S", supervisor.__file__]
        self._keeper = subprocess.Popen(
            [*script, str(remove or ""), str(GRACE_SECONDS), *command],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Process id of the keeper, which is also the id of the broker's session and process group."""
        return self._keeper.pid

    def ended(self) -> bool:
        """Whether the broker is gone."""
        return self._keeper.poll() is not None

    def last_lines(self) -> str:
        """The end of this run's log, at most 12 lines without stack frames; brokers log no record values."""
        end = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(self._log_start, end - _TAIL_BYTES))
        lines = self._log.read().decode(errors="replace").splitlines()
        return "\n".join([line for line in lines if not line.startswith("\tat ")][-_TAIL_LINES:])

    def stop(self) -> None:
        """End the broker and wait for it; may be called again."""
        if self._keeper.stdin and not self._keeper.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._keeper.stdin.close()
        self._keeper.wait()
        self._log.close()


def _lock(log: BinaryIO, folder: Path) -> None:
    """One broker a folder. The broker inherits the open log as its output, and with it the lock, until it ends.

    Apache Kafka's own lock comes too late: a second controller has written to the metadata log by then.
    """
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        log.close()
        raise BrokerStartFailed(
            f"Another broker uses the folder {folder}.",
            kept="It runs on; nothing was started.",
            do_next="Use that one, end it, or name another folder.",
        ) from error
