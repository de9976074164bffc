"""``stream-app demo`` as a user starts it, and what it leaves behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

from tests.servers.waiting import wait_until


class Run:
    """One ``stream-app demo`` with a temporary folder of its own, by which its processes are known too."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stream_app", "demo", *options],
            env=os.environ | {"TMPDIR": str(self.temporary), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            self.lines.extend(iter(output.readline, ""))

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def has_said(self, text: str) -> None:
        wait_until(lambda: text in self.output or self.process.poll() is not None, f"the demo says {text!r}")
        assert text in self.output

    def end(self) -> int:
        status = self.process.wait(timeout=120)
        self._reader.join(timeout=30)
        return status

    def processes(self) -> list[int]:
        """Those it started that still run, itself included."""
        return processes_with(self.temporary)

    def left(self) -> tuple[list[int], list[str]]:
        """Processes and files it left behind."""
        return self.processes(), [path.name for path in self.temporary.iterdir()]


def processes_with(temporary: Path) -> list[int]:
    """Processes that have this folder as TMPDIR in their environment."""
    mark = f"TMPDIR={temporary}\0".encode()
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if mark in _read(pid, "environ")]


def child_among(pids: list[int], command: str) -> int:
    """The one worker of this command among these processes; its keeper's words end alike but begin differently."""
    [found] = [pid for pid in pids if words_of(pid)[1:] == ["-m", "stream_app", command]]
    return found


def words_of(pid: int) -> list[str]:
    return _read(pid, "cmdline").decode().rstrip("\0").split("\0")


def _read(pid: int, file: str) -> bytes:
    """A file of a process, empty when the process is gone or not ours."""
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""


def dashboard_of(ran: Run) -> str:
    """The address it said."""
    [address] = re.findall(r"dashboard is at (\S+)", ran.output)
    return str(address)


def asked(url: str) -> int:
    """The status of the answer."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the demo's own address
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
