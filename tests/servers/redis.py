"""A Redis server of our own: Debian's binary, nothing on disk, a free loopback port."""

from __future__ import annotations

import subprocess

import redis

from stream_app.broker.ports import LOOPBACK, free_ports
from tests.servers.tools import TOOLS
from tests.servers.waiting import wait_until

USER, PASSWORD = "loans", "not/for:logs"


class RedisServer:
    """A running server. It forgets everything when it ends. Stop and start it as often as you like."""

    def __init__(self, *settings: str) -> None:
        """``settings``: as on its command line, say ``--requirepass x``. Raises ToolMissing."""
        program = str(TOOLS["redis"].path())
        [self.port] = free_ports(1)
        place = ["--bind", LOOPBACK, "--port", str(self.port), "--dir", "/"]
        self._command = [program, *place, "--save", "", "--appendonly", "no", *settings]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, "Redis answers", 20)

    def stop(self) -> None:
        """Kill it, if it runs: whoever is connected loses the connection."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def url(self, database: int = 0, login: str = "") -> str:
        """As a user would write it; ``login``: ``USER:PASSWORD``."""
        return f"redis://{login + '@' if login else ''}{LOOPBACK}:{self.port}/{database}"

    def admin(self, database: int = 0) -> redis.Redis:
        """A client for looking behind the scenes; close it."""
        return redis.Redis(LOOPBACK, self.port, database, protocol=2)

    def _answers(self) -> bool:
        with self.admin() as client:
            try:
                client.ping()
            except redis.AuthenticationError:
                return True
            except redis.ConnectionError:
                return False
        return True
