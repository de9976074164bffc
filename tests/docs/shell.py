"""One bash session with a network of its own, as the terminals of a reader: commands in turn, some kept running."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

COMMAND_SECONDS = 240.0
OWN_NETWORK = ("unshare", "--map-root-user", "--net")
PORTS = (9092, 6066, 6067, 6068, 8000, 6379)
READY = {
    "stream-app broker": "",
    "stream-app worker": "http://127.0.0.1:6066/ready",
    "stream-app monitor": "http://127.0.0.1:6067/ready",
    "stream-app gateway": "http://127.0.0.1:8000/ready",
    "stream-app clients follow": "http://127.0.0.1:6068/ready",
    "make demo ARGS=--stay": "",
    "redis-server": "",
}
"""The page on which a kept command says that it is ready; none: its output says so."""

READY_TEXT = re.compile(r"Broker ready at|Everything stays until Ctrl-C|Ready to accept connections")


class Kept(NamedTuple):
    """A command that goes on in the background."""

    command: str
    output: Path
    group: int


class Shell:
    """Commands run in ``folder``; each that fails is an AssertionError with its output."""

    def __init__(self, folder: Path, outputs: Path, network: Sequence[str]) -> None:
        self.folder, self._outputs, self._count = folder, outputs, 0
        self._kept: list[Kept] = []
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("STREAM_APP_", "MAKE"))}
        self._bash = subprocess.Popen(
            [*network, "bash", "--noprofile", "--norc"],
            cwd=folder,
            env=clean | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        self.run("set -m")  # a job of its own for each kept command, so that Ctrl-C reaches it alone
        if network:
            self.run("ip link set lo up")

    def run(self, command: str) -> str:
        """Run to the end; gives what it wrote."""
        output, status = self._files()
        self._send(f"{{ {command}\n}} > {output} 2>&1 < /dev/null; echo $? > {status}.new; mv {status}.new {status}")
        self._wait_for(status.exists, command, output)
        assert status.read_text().strip() == "0", f"{command}\n{output.read_text()[-3000:]}"
        return output.read_text()

    def start(self, command: str) -> None:
        """Start it and wait until it says that it is ready."""
        output, pid = self._files()
        self._send(f"{command} > {output} 2>&1 < /dev/null & echo $! > {pid}.new; mv {pid}.new {pid}")
        self._wait_for(pid.exists, command, output)
        self._kept.append(Kept(command, output, int(pid.read_text())))
        page = next(page for begin, page in READY.items() if begin in command)
        if page:
            self.run(f"until curl --silent --fail {page}; do kill -0 {self._kept[-1].group} || break; sleep 0.1; done")
        else:
            self._wait_for(lambda: bool(READY_TEXT.search(output.read_text())), command, output)

    def stop_all(self) -> None:
        """Ctrl-C for each kept command, the newest first; each ends in its own time, and with status 0.

        make itself ends of Ctrl-C, with status 130; what it started may take longer.
        """
        while self._kept:
            kept = self._kept.pop()
            expected = 130 if kept.command.startswith("make ") else 0
            self.run(f"kill -INT -- -{kept.group}; wait {kept.group}; [ $? = {expected} ]")
            self.run(f"while kill -0 -- -{kept.group} 2> /dev/null; do sleep 0.1; done")

    def close(self) -> None:
        """Take everything away that still runs."""
        for kept in self._kept:
            self._send(f"kill -KILL -- -{kept.group}")
        if self._bash.stdin:
            self._bash.stdin.close()
        self._bash.wait(timeout=30)

    def _files(self) -> tuple[Path, Path]:
        """Where the next command writes, and what it makes when it has ended or is started."""
        self._count += 1
        output = self._outputs / f"{self._count}.out"
        output.touch()  # a command in the background may make it later than it is read
        return output, self._outputs / f"{self._count}.done"

    def _send(self, line: str) -> None:
        assert self._bash.stdin
        self._bash.stdin.write(line + "\n")
        self._bash.stdin.flush()

    def _wait_for(self, condition: Callable[[], bool], command: str, output: Path) -> None:
        deadline = time.monotonic() + COMMAND_SECONDS
        while not condition():
            written = output.read_text()[-3000:]
            assert self._bash.poll() is None, f"the shell ended in: {command}\n{written}"
            assert time.monotonic() < deadline, f"not within {COMMAND_SECONDS:g} s: {command}\n{written}"
            time.sleep(0.05)  # the pause between two looks
