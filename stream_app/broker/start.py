"""Starts one engine: ports, folder, process, and the wait for its first answer."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from stream_app.admin import admin_client
from stream_app.broker.kafka_engine import find_java, kafka_commands
from stream_app.broker.kafka_jars import KAFKA_VERSION, kafka_jars
from stream_app.broker.ports import LOOPBACK, free_ports, require_free
from stream_app.broker.process import BrokerProcess
from stream_app.broker.running import Engine, RunningBroker
from stream_app.broker.tansu_engine import TANSU_MEANING, tansu_commands
from stream_app.errors import BrokerStartFailed, BrokerUnreachable

START_SECONDS = 60.0
"""Deadline from the start to the first metadata answer; twenty times what it takes on two idle cores."""

_ATTEMPT_SECONDS = 1.0


def start_kafka(port: int | None, data_dir: Path | None, say: Callable[[str], None]) -> RunningBroker:
    """Apache Kafka. Raises ``BrokerStartFailed`` if Java, the jars or the start fail, ``PortTaken``."""
    port, controller_port = _ports(port)
    java = find_java()
    jars = kafka_jars(say)
    folder = _folder(data_dir)
    commands = kafka_commands(java, jars, folder, port=port, controller_port=controller_port)
    kept = "gone when the broker ends" if data_dir is None else f"kept in {data_dir}"
    meaning = f"Apache Kafka {KAFKA_VERSION}: transactions, so exactly-once is possible; the records are {kept}."
    return _run("kafka", port, commands, folder, temporary=data_dir is None, meaning=meaning)


def start_tansu(port: int | None) -> RunningBroker:
    """Tansu. Raises ``BrokerStartFailed`` if there is no binary or the start fails, ``PortTaken``."""
    port, _ = _ports(port)
    commands = tansu_commands(port)
    return _run("tansu", port, commands, _folder(None), temporary=True, meaning=TANSU_MEANING)


def _ports(wanted: int | None) -> tuple[int, int]:
    if wanted:
        require_free(wanted)
    first, second = free_ports(2)
    return wanted or first, second


def _folder(data_dir: Path | None) -> Path:
    if data_dir is None:
        return Path(tempfile.mkdtemp(prefix="stream-app-broker-"))
    data_dir.mkdir(parents=True, exist_ok=True)
    return data_dir.absolute()


def _run(
    engine: Engine, port: int, commands: Sequence[Sequence[str]], folder: Path, *, temporary: bool, meaning: str
) -> RunningBroker:
    process = BrokerProcess(
        commands, log=folder / "broker.log", remove=folder if temporary else None, environment=os.environ
    )
    broker = RunningBroker(process, bootstrap=f"{LOOPBACK}:{port}", engine=engine, meaning=meaning)
    try:
        _wait_until_it_answers(broker)
    except BaseException:  # also Ctrl-C
        broker.stop()
        raise
    return broker


def _wait_until_it_answers(broker: RunningBroker) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(BrokerUnreachable), admin_client(broker.bootstrap, _ATTEMPT_SECONDS):
            return
        if broker.ended():
            raise _start_failed(broker, "ended while it started")
    raise _start_failed(broker, f"did not answer within {START_SECONDS:g} s")


def _start_failed(broker: RunningBroker, what: str) -> BrokerStartFailed:
    return BrokerStartFailed(
        f"The {broker.engine} broker {what}. The last lines of its log:\n{broker.last_lines()}\n",
        do_next="Correct what they name, or take the other engine with --engine.",
    )
