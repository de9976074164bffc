"""A supervised child process, such as a broker: it keeps a log, and neither it nor its folder outlives the parent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Self

from stream_app.broker import supervisor
from stream_app.broker.ports import LOOPBACK
from stream_app.errors import BrokerStartFailed
from stream_app.kafka_connection.connection import KafkaConnection

Engine = Literal["kafka", "tansu"]

GRACE_SECONDS = 10.0
"""From SIGTERM to SIGKILL. Apache Kafka closes its log in 0.4 s, Tansu in 2 ms."""

_TAIL_BYTES = 16_384
_TAIL_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How to start one broker: its ``command``, and the ``cluster_id`` it will answer with, which no other broker has.

    ``description``: one or two sentences for people: which broker, transactions or not, durable or not. ``admin``: how
    the starter reaches it, None for its port in plain text.
    """

    engine: Engine
    port: int
    cluster_id: str
    command: list[str]
    description: str
    admin: KafkaConnection | None = None


class SupervisedProcess:
    """A command under ``supervisor.py``, both in a session of their own.

    Ctrl-C in the terminal does not reach them, so that workers can finish before the broker ends.

    ``log``: gets standard output and error. ``remove``: a folder that is deleted when the process ends, or None.
    ``environ``: its environment variables, None for our own.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        remove: Path | None,
        grace_seconds: float = GRACE_SECONDS,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        # The handle outlives the folder: the last lines can be read after the supervisor has deleted it.
        self._log: BinaryIO = log.open("a+b")
        _lock(self._log, log.parent)
        self._log_start = self._log.seek(0, os.SEEK_END)
        script = [sys.executable, "-I", "-S", supervisor.__file__]
        self._supervisor = subprocess.Popen(
            [*script, str(remove or ""), str(grace_seconds), *command],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            env=environ,
        )

    @property
    def pid(self) -> int:
        """Process id of the supervisor, which is also the id of the broker's session and process group."""
        return self._supervisor.pid

    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._supervisor.poll() is not None

    def log_text(self) -> str:
        """What this run has logged so far."""
        self._log.seek(self._log_start)
        return self._log.read().decode(errors="replace")

    def last_lines(self) -> str:
        """The end of this run's log, at most 12 lines without Java's stack frames; it holds no record values."""
        end = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(self._log_start, end - _TAIL_BYTES))
        lines = self._log.read().decode(errors="replace").splitlines()
        return "\n".join([line for line in lines if not line.startswith("\tat ")][-_TAIL_LINES:])

    def begin_stop(self) -> None:
        """Ask the process to end; does not wait for it."""
        if self._supervisor.stdin and not self._supervisor.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._supervisor.stdin.close()

    def stop(self) -> None:
        """End the process, wait for it and for the deletion of its folder. May be called again."""
        self.begin_stop()
        self._supervisor.wait()
        self._log.close()


class Broker(SupervisedProcess):
    """An embedded broker. It runs until :meth:`stop`, the end of its ``with`` block, or the end of this process.

    ``bootstrap``: ``127.0.0.1:PORT``. ``transactions``: whether exactly-once delivery is possible. ``description``: for
    people. ``admin``: may do everything. ``users``: of a secured broker, each with the properties file to come with.
    """

    def __init__(self, launch: Launch, folder: Path, *, keep: bool) -> None:
        super().__init__(launch.command, log=folder / "broker.log", remove=None if keep else folder)
        self.folder = folder
        self.launch = launch
        self.bootstrap = f"{LOOPBACK}:{launch.port}"
        self.engine = launch.engine
        self.transactions = launch.engine == "kafka"
        self.description = launch.description
        self.admin = launch.admin or KafkaConnection(self.bootstrap)
        self.users: Mapping[str, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


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
