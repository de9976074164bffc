"""The embedded broker: starts a real Apache Kafka or, where Java or its jars are missing, Tansu; waits; stops.

Both run as a child process on free loopback ports and go, with their temporary folder, when the parent ends in
whatever way. Measured on two idle cores, start to first metadata answer: Apache Kafka 1.8 s (2.5 s of
processor time), Tansu 0.1 s; end: 0.4 s and 0.01 s.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from stream_app.broker.launch import Engine
from stream_app.broker.running import Broker, RunningBroker
from stream_app.broker.start import start_kafka, start_tansu
from stream_app.errors import BrokerStartFailed, SettingsError
from stream_app.kafka_admin import silent

__all__ = ["Broker", "Choice", "Engine", "start_broker"]

Choice = Literal["auto", "kafka", "tansu"]


def start_broker(
    engine: Choice = "auto",
    *,
    port: int | None = None,
    data_dir: Path | None = None,
    say: Callable[[str], None] = silent,
) -> Broker:
    """Starts a broker and returns when it answers.

    ``auto`` takes Apache Kafka and, if that cannot be fetched or started, Tansu, and says why. ``port``: None or 0
    takes a free one. ``data_dir``: keeps Kafka's log from one run to the next; without it the log goes with the broker.
    ``say`` gets sentences for people. Raises :class:`~stream_app.errors.BrokerStartFailed` or ``PortTaken``.
    """
    if engine == "tansu":
        return _tansu(port, data_dir)
    if engine == "kafka":
        return start_kafka(port, data_dir, say)
    try:
        return start_kafka(port, data_dir, say)
    except BrokerStartFailed as error:
        if data_dir is not None:
            raise  # Tansu would silently keep nothing
        say(f"Taking the tansu engine: {error.happened}")
        return start_tansu(port)


def _tansu(port: int | None, data_dir: Path | None) -> RunningBroker:
    if data_dir is not None:
        raise SettingsError(
            "The tansu engine keeps its records in memory and cannot use a data folder.",
            do_next="Leave the folder out, or take the kafka engine.",
        )
    return start_tansu(port)
