"""A real schema registry: Apicurio, which speaks Confluent's API, in memory, on a free loopback port. Needs Java 17."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from stream_app.broker.download_cache import filled_once
from stream_app.broker.kafka_engine import find_java
from stream_app.broker.ports import LOOPBACK, free_ports
from tests.servers.waiting import wait_until

VERSION = "3.0.9"
SHA256 = "2b28181501a20cbf6efcd77f9b7153908fc01f3d3a7c32024c0bd9e1b04c8a43"
"""Of the archive, 109 MB."""
START_SECONDS = 90.0
MAIN = "io.quarkus.runner.GeneratedMain"


class RegistryServer:
    """A running registry. It forgets everything when it ends; stop and start it as often as you like."""

    def __init__(self) -> None:
        """Raises BrokerStartFailed where there is no Java 17, CalledProcessError where Maven has no archive."""
        [self.port] = free_ports(1)
        self.url = f"http://{LOOPBACK}:{self.port}/apis/ccompat/v7"
        self._folder = registry_folder()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers, 4 s on an idle core."""
        settings = {"quarkus.http.host": LOOPBACK, "quarkus.http.port": self.port, "quarkus.log.level": "WARN"}
        options = [f"-D{name}={value}" for name, value in settings.items()]
        jars = f"{self._folder}/lib/*:{self._folder}/*"
        command = [find_java().path, "-Xmx256m", *options, "-cp", jars, MAIN]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, "the schema registry answers", START_SECONDS)

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """It does not answer within the block, and forgets nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def ask(self, path: str, document: Any = None, method: str | None = None) -> Any:
        """What it answers to a request of Confluent's API, also where it refuses."""
        return httpx.request(method or ("GET" if document is None else "POST"), self.url + path, json=document).json()

    def require(self, subject: str, compatibility: str) -> None:
        """From now on a new schema of the subject must be compatible so, ``FULL`` say."""
        self.ask(f"/config/{subject}", {"compatibility": compatibility}, "PUT")

    def _answers(self) -> bool:
        try:
            return "AVRO" in self.ask("/schemas/types")
        except (httpx.HTTPError, ValueError):
            return False


def registry_folder() -> Path:
    """Its jars in the user's cache, fetched once by Maven and checked. Raises CalledProcessError."""
    return filled_once(f"apicurio-registry-{VERSION}", _fetch)


def _fetch(target: Path) -> None:
    artifact = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
    command = ["mvn", "-B", "-q", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={target}"]
    subprocess.run(command, check=True, timeout=300, stdin=subprocess.DEVNULL, capture_output=True)
    [archive] = target.glob("*.tar.gz")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == SHA256, f"{archive.name} is not the one the tests ran on"
    with tarfile.open(archive) as packed:
        packed.extractall(target, filter="data")
    archive.unlink()


@contextlib.contextmanager
def running_registry() -> Iterator[RegistryServer]:
    """Starts one and ends it."""
    server = RegistryServer()
    try:
        yield server
    finally:
        server.stop()
