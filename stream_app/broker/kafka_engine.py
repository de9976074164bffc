"""The Apache Kafka engine: a real broker in KRaft combined mode, one Java process on two loopback ports."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

from stream_app.broker.ports import LOOPBACK
from stream_app.errors import BrokerStartFailed

LEAST_JAVA = 17
HEAP = "-Xmx512m"
"""Enough for the benchmarks' 500,000 records: the log itself lives in the page cache, not in the heap."""

# Measured, start to first metadata answer on two cores: 2.7 s without, 1.65 s with the first compiler tier only.
_JVM = [HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]
_HERE = Path(__file__).parent


def find_java() -> str:
    """The ``java`` of JAVA_HOME or of the PATH. Raises :class:`BrokerStartFailed` if there is none or it is too old."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise _java_problem("is not in JAVA_HOME" if home else "is not on the PATH")
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _java_problem("does not run") from error
    found = re.search(r'version "(\d+)', done.stderr)
    if found is None or int(found[1]) < LEAST_JAVA:
        raise _java_problem(f"is version {found[1]}" if found else "does not tell its version")
    return java


def _java_problem(what: str) -> BrokerStartFailed:
    return BrokerStartFailed(
        f"Apache Kafka needs Java {LEAST_JAVA} or newer; java {what}.",
        do_next="Install it, or take the other engine: --engine tansu.",
    )


def kafka_commands(java: str, jars: Path, folder: Path, *, port: int, controller_port: int) -> list[list[str]]:
    """Writes ``server.properties`` into ``folder``; gives the commands that format (a new folder only) and run it."""
    data = folder / "data"
    properties = folder / "server.properties"
    properties.write_text(_properties(data, port, controller_port))
    run = [java, *_JVM, f"-Dlog4j2.configurationFile={_HERE / 'log4j2.properties'}", "-cp", f"{jars}/*"]
    server = [*run, "kafka.Kafka", str(properties)]
    if (data / "meta.properties").exists():
        return [server]
    return [[*run, "kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(properties)], server]


def _properties(data: Path, port: int, controller_port: int) -> str:
    listener, controller = f"PLAINTEXT://{LOOPBACK}:{port}", f"CONTROLLER://{LOOPBACK}:{controller_port}"
    own = {
        "listeners": f"{listener},{controller}",
        "advertised.listeners": listener,
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "log.dirs": str(data),
    }
    fixed = (_HERE / "server.properties").read_text()
    return fixed + "".join(f"{name}={value}\n" for name, value in own.items())


def _cluster_id() -> str:
    """A random id as Kafka writes them: 16 bytes, URL-safe base64; one that starts with "-" would read as an option."""
    return "K" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
