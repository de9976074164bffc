"""A broker as a child process: its log, its end, and the promise that neither outlives the parent."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from stream_app.broker import keeper

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
        self._log: BinaryIO = log.open("w+b")
        script = [sys.executable, "-I", "-S", keeper.__file__]
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
        """The end of the log, at most 12 lines; brokers log no record values."""
        size = self._log.seek(0, 2)
        self._log.seek(max(0, size - _TAIL_BYTES))
        return "\n".join(self._log.read().decode(errors="replace").splitlines()[-_TAIL_LINES:])

    def stop(self) -> None:
        """End the broker and wait for it; may be called again."""
        if self._keeper.stdin and not self._keeper.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._keeper.stdin.close()
        self._keeper.wait()
        self._log.close()
