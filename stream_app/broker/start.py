"""Starts one engine: ports, folder, process, and the wait for its first answer."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stream_app.broker.java import find_java
from stream_app.broker.kafka_download import kafka_jars
from stream_app.broker.kafka_engine import kafka
from stream_app.broker.launch import Launch
from stream_app.broker.ports import free_ports, port_taken, require_free
from stream_app.broker.process import BrokerProcess
from stream_app.broker.running import RunningBroker
from stream_app.broker.tansu_engine import tansu
from stream_app.errors import BrokerStartFailed, BrokerUnreachable
from stream_app.kafka_admin import admin_client

START_SECONDS = 60.0
"""Deadline from the start to the first metadata answer; twenty times what it takes on two idle cores."""

_ATTEMPT_SECONDS = 1.0


def start_kafka(port: int | None, data_dir: Path | None, say: Callable[[str], None]) -> RunningBroker:
    """Apache Kafka. Raises ``BrokerStartFailed`` if Java, the jars or the start fail, ``PortTaken``."""
    port, controller_port = _ports(port)
    java, jars = find_java(), kafka_jars(say)
    kept = "gone when the broker ends" if data_dir is None else f"kept in {data_dir}"
    return _run(partial(kafka, java, jars, port=port, controller_port=controller_port, kept=kept), data_dir)


def start_tansu(port: int | None) -> RunningBroker:
    """Tansu. Raises ``BrokerStartFailed`` if there is no binary or the start fails, ``PortTaken``."""
    port, _ = _ports(port)
    launch = tansu(port)
    return _run(lambda _: launch, None)


def _ports(wanted: int | None) -> tuple[int, int]:
    if wanted:
        require_free(wanted)
    first, second = free_ports(2)
    return wanted or first, second


def _run(prepare: Callable[[Path], Launch], data_dir: Path | None) -> RunningBroker:
    try:
        broker = _launched(prepare, data_dir)
    except OSError as error:
        raise BrokerStartFailed(
            f"The data folder {data_dir or tempfile.gettempdir()} cannot be used: {error.strerror or error}.",
            do_next="Name another one.",
        ) from error
    try:
        _wait_until_it_answers(broker)
    except BaseException:  # also Ctrl-C
        broker.stop()
        raise
    return broker


def _launched(prepare: Callable[[Path], Launch], data_dir: Path | None) -> RunningBroker:
    folder = (data_dir or Path(tempfile.mkdtemp(prefix="stream-app-broker-"))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder if data_dir is None else None
    try:
        launch = prepare(folder)
        return RunningBroker(launch, BrokerProcess(launch.command, log=folder / "broker.log", remove=temporary))
    except BaseException:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
        raise


def _wait_until_it_answers(broker: RunningBroker) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        answered_by = _cluster_id(broker.bootstrap)
        if answered_by == broker.launch.cluster_id:
            return
        if answered_by is not None:
            # Between our check of the port and the broker's bind another broker was faster; ours will end by itself.
            raise port_taken(broker.launch.port, "another Kafka broker answers there")
        if broker.ended():
            raise _start_failed(broker, "ended while it started")
    raise _start_failed(broker, f"did not answer within {START_SECONDS:g} s")


def _cluster_id(bootstrap: str) -> str | None:
    try:
        with admin_client(bootstrap, _ATTEMPT_SECONDS) as admin:
            return str(admin.describe_cluster()["cluster_id"])
    except BrokerUnreachable:
        return None


def _start_failed(broker: RunningBroker, what: str) -> BrokerStartFailed:
    return BrokerStartFailed(
        f"The {broker.engine} broker {what}.",
        do_next=f"Correct what its log names, or take the other engine with --engine:\n{broker.last_lines()}",
    )
