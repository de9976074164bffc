"""A child of the demo: ``stream-app COMMAND`` as a process that ends when the demo ends, in whatever way."""

from __future__ import annotations

import http.client
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from stream_app.broker.process import SupervisedProcess
from stream_app.errors import DemoFailed
from stream_app.setting_errors import PREFIX

READY_SECONDS = 90.0
"""Deadline from the start to ready; thirty times what it takes on an idle core."""

GRACE_SECONDS = 15.0
"""From SIGTERM to SIGKILL; delivering the batch in hand and leaving the group takes one or two."""

_PAGES = re.compile(r"(?:pages|the gateway is) at http://([\w.]+:\d+)/")


class ChildProcess(SupervisedProcess):
    """The child process; ``folder``, where its log is, is deleted when it ends.

    ``name``: how it is called in messages. ``settings`` are the fields of its settings class; those of the user's own
    environment do not reach it, so that the demo is the same everywhere.
    """

    def __init__(self, name: str, command: str, folder: Path, settings: Mapping[str, object]) -> None:
        self.name = name
        own = {f"{PREFIX}{setting.upper()}": str(value) for setting, value in settings.items()}
        others = {variable: value for variable, value in os.environ.items() if not variable.startswith(PREFIX)}
        super().__init__(
            [sys.executable, "-m", "stream_app", command],
            log=folder / f"{name}.log",
            remove=folder,
            grace_seconds=GRACE_SECONDS,
            environ=others | own,
        )

    def wait_until_ready(self) -> str:
        """Wait until it is ready; returns ``HOST:PORT`` of its pages. Raises DemoFailed when it ends before."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self.check()
            address = _PAGES.search(self.log_text())
            if address and _answers_ready(address[1]):
                return address[1]
            time.sleep(0.05)
        raise self._failed(f"was not ready within {READY_SECONDS:g} s")

    def check(self) -> None:
        """Raises DemoFailed with the last lines of its log when it has ended."""
        if self.ended():
            raise self._failed("ended by itself")

    def _failed(self, what: str) -> DemoFailed:
        return DemoFailed(
            f"The {self.name} {what}. The last lines of its log:\n{self.last_lines()}\n",
            kept="The demo's records were temporary; nothing of yours was touched.",
            do_next="Correct what they name, then start the demo again.",
        )


def stop_all(children: list[ChildProcess]) -> None:
    """Stop them side by side: each may take its grace period."""
    for child in children:
        child.begin_stop()
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
