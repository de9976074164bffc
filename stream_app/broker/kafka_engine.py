"""The Apache Kafka engine: a real broker in KRaft combined mode, one Java process on two loopback ports.

Processor time from the start to the first answer on Java 17: 8.2 s with Java's defaults, 2.2 s of it for the format of
the data folder; 4.0 s with only the first compiler tier and the serial collector, which also need less for the first
million records; 2.5 s with a folder formatted once and the classes mapped from an archive (class data sharing).
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from stream_app.broker.download_cache import filled_once
from stream_app.broker.kafka_download import KAFKA_VERSION
from stream_app.broker.ports import LOOPBACK
from stream_app.broker.process import Launch
from stream_app.errors import BrokerStartFailed

_HEAP = "-Xmx512m"  # enough for the benchmarks' 500,000 records: the log lives in the page cache, not in the heap
_FORMAT_SECONDS = 120  # 1.7 s on two idle cores
_HERE = Path(__file__).parent

LEAST_JAVA = 17


@dataclass(frozen=True)
class Java:
    """``path`` of the executable, ``version`` such as "17.0.15"."""

    path: str
    version: str


def find_java() -> Java:
    """The Java of JAVA_HOME, else of the PATH. Raises :class:`BrokerStartFailed` if there is none or it is too old."""
    home = os.environ.get("JAVA_HOME")
    path = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if path is None:
        raise _unusable_java("is not in JAVA_HOME" if home else "is not on the PATH")
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unusable_java("does not run") from error
    version = re.search(r'version "((\d+)[^"]*)"', done.stderr)
    if version is None or int(version[2]) < LEAST_JAVA:
        raise _unusable_java(f"is version {version[1]}" if version else "does not print its version")
    return Java(path, version[1])


def _unusable_java(what: str) -> BrokerStartFailed:
    return BrokerStartFailed(
        f"Apache Kafka needs Java {LEAST_JAVA} or newer; java {what}.",
        do_next="Install it, or take the other engine: --engine tansu.",
    )


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node of a KRaft cluster, broker and controller at once.

    ``voters``: the controller of every node, as ``NUMBER@HOST:PORT``. ``settings``: whatever differs from
    ``server.properties``.
    """

    number: int
    port: int
    controller_port: int
    voters: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def alone(cls, port: int, controller_port: int) -> Self:
        """A cluster of one."""
        return cls(number=1, port=port, controller_port=controller_port, voters=[f"1@{LOOPBACK}:{controller_port}"])


def kafka_node(java: Java, jars: Path, folder: Path, node: Node, cluster_id: str, description: str = "") -> Launch:
    """One node with its log and settings in ``folder``; a log that is there already keeps its own cluster id."""
    formatted = filled_once(f"kafka-{KAFKA_VERSION}-java-{java.version}", partial(_format, java, jars))
    properties = _write_properties(folder, node)
    return Launch(
        engine="kafka",
        port=node.port,
        cluster_id=_cluster_id(folder / "data", formatted / "data", node.number, cluster_id),
        command=[*_java(java, jars, f"-XX:SharedArchiveFile={formatted}/classes.jsa"), "kafka.Kafka", str(properties)],
        description=description,
    )


def _java(java: Java, jars: Path, archive: str) -> list[str]:
    limits = [_HEAP, "-XX:+ExitOnOutOfMemoryError", "-XX:+ErrorFileToStderr"]
    fast_start = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", archive]
    quiet = ["-Xlog:disable", "-Xlog:all=error:stderr"]  # Java warns about an archive it cannot use, and starts without
    log = f"-Dlog4j2.configurationFile={_HERE}/log4j2.properties"
    return [java.path, *limits, *fast_start, *quiet, log, "-cp", f"{jars}/*"]


def _format(java: Java, jars: Path, folder: Path) -> None:
    """Fills ``folder`` with a formatted ``data`` folder and an archive of the classes that the format loaded."""
    folder.mkdir()
    properties = _write_properties(folder, Node.alone(9092, 9093))  # the format does not depend on the ports
    run = _java(java, jars, f"-XX:ArchiveClassesAtExit={folder}/classes.jsa")
    command = [*run, "kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", str(properties)]
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=_FORMAT_SECONDS, check=True)
    except subprocess.SubprocessError as error:
        output = getattr(error, "stdout", None) or ""
        raise BrokerStartFailed(
            f"Apache Kafka could not format a folder ({type(error).__name__}).",
            do_next=f"Correct what it names, or take the other engine, --engine tansu:\n{output[-1000:]}",
        ) from error


def _write_properties(folder: Path, node: Node) -> Path:
    listener, controller = f"PLAINTEXT://{LOOPBACK}:{node.port}", f"CONTROLLER://{LOOPBACK}:{node.controller_port}"
    own_settings = {
        "node.id": node.number,
        "listeners": f"{listener},{controller}",
        "advertised.listeners": listener,
        "controller.quorum.voters": ",".join(node.voters),
        "log.dirs": folder / "data",
        **node.settings,
    }
    properties = folder / "server.properties"
    properties.write_text((_HERE / "server.properties").read_text() + _as_properties(own_settings))
    return properties


def _as_properties(settings: Mapping[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _cluster_id(data: Path, formatted: Path, number: int, new_id: str) -> str:
    """The id of the cluster in ``data``; if that does not exist it becomes a copy of ``formatted`` with ``new_id``."""
    if not data.exists():
        partial_copy = data.with_name("data.partial")
        shutil.rmtree(partial_copy, ignore_errors=True)
        shutil.copytree(formatted, partial_copy)
        meta = {"version": 1, "cluster.id": new_id, "node.id": number, "directory.id": new_cluster_id()}
        (partial_copy / "meta.properties").write_text(_as_properties(meta))
        partial_copy.rename(data)
    cluster_id = re.search(r"(?m)^cluster\.id=(\S+)$", (data / "meta.properties").read_text())
    if cluster_id is None:
        raise BrokerStartFailed(f"{data}/meta.properties has no cluster.id.", do_next="Name another data folder.")
    return cluster_id[1]


def new_cluster_id() -> str:
    """Random, as Kafka writes them: 16 bytes in URL-safe base64; not with a leading "-", which reads as an option."""
    return "K" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
