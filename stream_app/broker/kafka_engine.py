"""The Apache Kafka engine: a real broker in KRaft combined mode, one Java process on two loopback ports.

Processor time from the start to the first answer on Java 17: 8.2 s with Java's defaults, of which 2.2 s are the format;
4.0 s with the first compiler tier and the serial collector only, which also carry the first million records with less;
2.5 s from a folder formatted beforehand, with the classes the format loaded mapped from an archive.
"""

from __future__ import annotations

import base64
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
from stream_app.broker.java import Java
from stream_app.broker.kafka_download import KAFKA_VERSION
from stream_app.broker.launch import Launch
from stream_app.broker.ports import LOOPBACK
from stream_app.errors import BrokerStartFailed

_HEAP = "-Xmx512m"  # enough for the benchmarks' 500,000 records: the log lives in the page cache, not in the heap
_FORMAT_SECONDS = 120  # 1.7 s on two idle cores
_HERE = Path(__file__).parent


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


def kafka(java: Java, jars: Path, folder: Path, *, port: int, controller_port: int, kept: str) -> Launch:
    """Apache Kafka with its log and settings in ``folder``. ``kept``: how long the records are there, for people."""
    meaning = f"Apache Kafka {KAFKA_VERSION}: transactions, so exactly-once is possible; the records are {kept}."
    return kafka_node(java, jars, folder, Node.alone(port, controller_port), new_cluster_id(), meaning)


def kafka_node(java: Java, jars: Path, folder: Path, node: Node, cluster_id: str, meaning: str = "") -> Launch:
    """One node with its log and settings in ``folder``; ``cluster_id`` counts where there is no log yet."""
    formatted = filled_once(f"kafka-{KAFKA_VERSION}-java-{java.version}", partial(_format, java, jars))
    properties = _write_properties(folder, node)
    return Launch(
        engine="kafka",
        port=node.port,
        cluster_id=_cluster_id(folder / "data", formatted / "data", node.number, cluster_id),
        command=[*_java(java, jars, f"-XX:SharedArchiveFile={formatted}/classes.jsa"), "kafka.Kafka", str(properties)],
        meaning=meaning,
    )


def _java(java: Java, jars: Path, archive: str) -> list[str]:
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", archive]
    quiet = ["-Xlog:disable", "-Xlog:all=error:stderr"]  # an archive that does not fit is left unused, without a word
    log = f"-Dlog4j2.configurationFile={_HERE}/log4j2.properties"
    return [
        java.path,
        _HEAP,
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:+ErrorFileToStderr",
        *quick,
        *quiet,
        log,
        "-cp",
        f"{jars}/*",
    ]


def _format(java: Java, jars: Path, folder: Path) -> None:
    """Fills ``folder`` with a formatted ``data`` folder and the archive of the classes that took."""
    folder.mkdir()
    properties = _write_properties(folder, Node.alone(9092, 9093))  # the ports leave no trace in the format
    run = _java(java, jars, f"-XX:ArchiveClassesAtExit={folder}/classes.jsa")
    command = [*run, "kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", str(properties)]
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=_FORMAT_SECONDS, check=True)
    except subprocess.SubprocessError as error:
        said = getattr(error, "stdout", None) or ""
        raise BrokerStartFailed(
            f"Apache Kafka could not format a folder ({type(error).__name__}).",
            do_next=f"Correct what it says, or take the other engine, --engine tansu:\n{said[-1000:]}",
        ) from error


def _write_properties(folder: Path, node: Node) -> Path:
    listener, controller = f"PLAINTEXT://{LOOPBACK}:{node.port}", f"CONTROLLER://{LOOPBACK}:{node.controller_port}"
    own = {
        "node.id": node.number,
        "listeners": f"{listener},{controller}",
        "advertised.listeners": listener,
        "controller.quorum.voters": ",".join(node.voters),
        "log.dirs": folder / "data",
        **node.settings,
    }
    properties = folder / "server.properties"
    fixed = (_HERE / "server.properties").read_text()
    properties.write_text(fixed + "".join(f"{name}={value}\n" for name, value in own.items()))
    return properties


def _cluster_id(data: Path, formatted: Path, number: int, new_id: str) -> str:
    """The id of the cluster in ``data``; if that does not exist it becomes a copy of ``formatted`` with ``new_id``."""
    if not data.exists():
        partly = data.with_name("data.partial")
        shutil.rmtree(partly, ignore_errors=True)
        shutil.copytree(formatted, partly)
        own = {"cluster.id": new_id, "node.id": str(number), "directory.id": new_cluster_id()}
        meta = partly / "meta.properties"
        meta.write_text("".join(f"{name}={value}\n" for name, value in {"version": "1", **own}.items()))
        partly.rename(data)
    found = re.search(r"(?m)^cluster\.id=(\S+)$", (data / "meta.properties").read_text())
    if found is None:
        raise BrokerStartFailed(f"{data}/meta.properties names no cluster.id.", do_next="Name another data folder.")
    return found[1]


def new_cluster_id() -> str:
    """Random, as Kafka writes them: 16 bytes in URL-safe base64; not with a leading "-", which reads as an option."""
    return "K" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
