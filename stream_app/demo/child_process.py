"""A worker of the demo: ``stream-app COMMAND`` as a child process that goes when the demo goes, however it ends."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from stream_app.broker import supervisor
from stream_app.errors import DemoFailed

READY_SECONDS = 90.0
"""Deadline from the start to ready; thirty times what it takes on an idle core."""

GRACE_SECONDS = 15.0
"""From SIGTERM to SIGKILL; delivering the batch in hand and leaving the group takes one or two."""

_PAGES = re.compile(r"(?:pages|the gateway is) at http://([\w.]+:\d+)/")
_LAST_LINES = 12


class ChildWorker:
    """The child process under the broker's keeper, which also removes ``folder``, where its log is.

    ``name``: what people are told it is. ``settings`` are the fields of its settings class; settings of the user's own
    environment do not reach it, so that the demo is the same everywhere.
    """

    def __init__(self, name: str, command: str, folder: Path, settings: Mapping[str, object]) -> None:
        self.name = name
        self._log = (folder / f"{name}.log").open("a+")  # outlives the folder: its end can be read later
        own = {f"STREAM_APP_{name.upper()}": str(value) for name, value in settings.items()}
        others = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_APP_")}
        keep = [sys.executable, "-I", "-S", supervisor.__file__, str(folder), str(GRACE_SECONDS)]
        self._process = subprocess.Popen(
            [*keep, sys.executable, "-m", "stream_app", command],
            stdin=subprocess.PIPE,  # closes however we end, and with it ends the worker
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C in the terminal reaches us alone
            env=others | own,
        )

    def wait_until_ready(self) -> str:
        """Wait until it is ready; gives ``HOST:PORT`` of its pages. Raises DemoFailed when it ends before."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self.check()
            address = _PAGES.search(self._logged())
            if address and _answers_ready(address[1]):
                return address[1]
            time.sleep(0.05)
        raise self._failed(f"was not ready within {READY_SECONDS:g} s")

    def check(self) -> None:
        """Raises DemoFailed with the last lines of its log when it has ended."""
        if self._process.poll() is not None:
            raise self._failed("ended by itself")

    def end(self) -> None:
        """Tell it to end what it has in hand and go; does not wait for it."""
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def stop(self) -> None:
        """The same, and wait for it. May be called again."""
        self.end()
        self._process.wait()
        self._log.close()

    def _logged(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def _failed(self, what: str) -> DemoFailed:
        last_lines = "\n".join(self._logged().splitlines()[-_LAST_LINES:])
        return DemoFailed(
            f"The {self.name} {what}. The last lines of its log:\n{last_lines}\n",
            kept="The demo's records were temporary; nothing of yours was touched.",
            do_next="Correct what they name, then start the demo again.",
        )


def stop_all(children: list[ChildWorker]) -> None:
    """Stop them side by side: each may take its grace."""
    for child in children:
        child.end()
    for child in children:
        child.stop()


def _answers_ready(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=2)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
