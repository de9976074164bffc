"""Starts an engine: ports, folder, process, and the wait for its first answer."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from stream_app.broker.kafka_download import KAFKA_VERSION, kafka_jars
from stream_app.broker.kafka_engine import Node, find_java, kafka_node, new_cluster_id
from stream_app.broker.ports import free_ports, port_taken, require_free
from stream_app.broker.process import Broker, Launch
from stream_app.broker.secured import (
    MECHANISM,
    Listener,
    Users,
    admin_connection,
    admit_users,
    secured_node,
    write_certificates,
)
from stream_app.broker.tansu_engine import tansu
from stream_app.errors import BrokerStartFailed, BrokerUnreachable, SettingsError
from stream_app.kafka_admin import admin_client, silent
from stream_app.kafka_connection.connection import KafkaConnection

Choice = Literal["auto", "kafka", "tansu"]

START_SECONDS = 60.0
"""Deadline from the start to the first metadata answer; twenty times what it takes on two idle cores."""

_ATTEMPT_SECONDS = 1.0


def start_broker(
    engine: Choice = "auto",
    *,
    port: int | None = None,
    data_dir: Path | None = None,
    users: Users | None = None,
    say: Callable[[str], None] = silent,
) -> Broker:
    """Start a broker and return it once it answers.

    ``auto``: Apache Kafka, or Tansu if Kafka cannot be fetched or started; the reason goes to ``say``, which gets
    sentences for people. ``port``: None or 0 takes a free one. ``data_dir``: keeps Kafka's log from one run to the
    next; without it the log is deleted with the broker. ``users``: with them Apache Kafka is started secured, and they
    and their rights are made on it. Raises :class:`~stream_app.errors.BrokerStartFailed`,
    :class:`~stream_app.errors.PortTaken`, or SettingsError for Tansu with a data folder.
    """
    if users is not None:
        return _start_secured(port, data_dir, users, say)
    if engine == "tansu":
        return _start_tansu(port, data_dir)
    try:
        return _start_kafka(port, data_dir, say)
    except BrokerStartFailed as error:
        if engine == "kafka" or data_dir is not None:  # Tansu would not keep the records
            raise
        say(f"Taking the tansu engine: {error.happened}")
        return _start_tansu(port, None)


def _start_kafka(port: int | None, data_dir: Path | None, say: Callable[[str], None]) -> Broker:
    node = Node.alone(*_ports(port, 2))
    java, jars = find_java(), kafka_jars(say)
    about = _about_kafka(data_dir)
    return _start(lambda folder: kafka_node(java, jars, folder, node, new_cluster_id(), about), data_dir)


def _start_secured(port: int | None, data_dir: Path | None, users: Users, say: Callable[[str], None]) -> Broker:
    from stream_app.broker.certificates import Authority  # noqa: PLC0415 - 0.1 s, for this only

    port, controller_port, internal_port = _ports(port, 3)
    java, jars = find_java(), kafka_jars(say)
    about = f"{_about_kafka(data_dir)} Clients come over SASL_SSL ({MECHANISM})."
    listeners = [Listener("SASL_SSL", "SASL_SSL", port), Listener("INTERNAL", "SSL", internal_port)]

    def prepare(folder: Path) -> Launch:
        write_certificates(folder, Authority())
        node = secured_node(folder, controller_port, listeners, {})
        launch = kafka_node(java, jars, folder, node, new_cluster_id(), about)
        return replace(launch, admin=admin_connection(folder, internal_port))

    broker = _start(prepare, data_dir)
    try:
        broker.users = admit_users(broker.admin, broker.bootstrap, broker.folder, users)
    except BaseException:
        broker.stop()
        raise
    return broker


def _about_kafka(data_dir: Path | None) -> str:
    kept = "gone when the broker ends" if data_dir is None else f"kept in {data_dir}"
    return f"Apache Kafka {KAFKA_VERSION}: transactions, so exactly-once is possible; the records are {kept}."


def _start_tansu(port: int | None, data_dir: Path | None) -> Broker:
    if data_dir is not None:
        raise SettingsError(
            "The tansu engine keeps its records in memory and cannot use a data folder.",
            do_next="Leave the folder out, or take the kafka engine.",
        )
    launch = tansu(*_ports(port, 1))
    return _start(lambda _: launch, None)


def _ports(wanted: int | None, count: int) -> list[int]:
    """So many free ports, the broker's first."""
    if wanted:
        require_free(wanted)
    first, *others = free_ports(count)
    return [wanted or first, *others]


def _start(prepare: Callable[[Path], Launch], data_dir: Path | None) -> Broker:
    with contextlib.ExitStack() as on_failure:  # also on Ctrl-C
        try:
            folder = (data_dir or Path(tempfile.mkdtemp(prefix="stream-app-broker-"))).absolute()
            if data_dir is None:
                on_failure.callback(shutil.rmtree, folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            broker = Broker(prepare(folder), folder, keep=data_dir is not None)
        except OSError as error:
            raise BrokerStartFailed(
                f"The data folder {data_dir or tempfile.gettempdir()} cannot be used: {error.strerror or error}.",
                do_next="Name another one.",
            ) from error
        on_failure.callback(broker.stop)
        _wait_until_it_answers(broker)
        on_failure.pop_all()
    return broker


def _wait_until_it_answers(broker: Broker) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        cluster_id = _cluster_id(broker.admin)
        if cluster_id == broker.launch.cluster_id:
            return
        if cluster_id is not None:
            # Another broker bound the port between our check and our broker's bind; ours will end by itself.
            raise port_taken(broker.launch.port, "another Kafka broker answers there")
        if broker.ended():
            raise _start_failed(broker, "ended while it started")
    raise _start_failed(broker, f"did not answer within {START_SECONDS:g} s")


def _cluster_id(connection: KafkaConnection) -> str | None:
    try:
        with admin_client(connection, _ATTEMPT_SECONDS) as admin:
            return str(admin.describe_cluster()["cluster_id"])
    except BrokerUnreachable:
        return None


def _start_failed(broker: Broker, what: str) -> BrokerStartFailed:
    return BrokerStartFailed(
        f"The {broker.engine} broker {what}.",
        do_next=f"Correct what its log names, or take the other engine with --engine:\n{broker.last_lines()}",
    )
