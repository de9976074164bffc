"""A quiet kafka-python admin client, and waiting for a broker that is not there yet."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from stream_app.errors import BrokerUnreachable
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.kafka_connection.diagnosis import diagnose

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

REQUEST_SECONDS = 30.0
"""Time-out of one request, e.g. of creating topics."""

ASK_AGAIN_SECONDS = 0.2
ATTEMPT_SECONDS = 5.0
"""For the one attempt of a wait of 0 s."""

_SLICE_SECONDS = 5.0

Answer = TypeVar("Answer")


def silent(_: str) -> None:
    """The default of every ``say``: an embedding program hears nothing."""


@contextlib.contextmanager
def admin_client(connection: KafkaConnection, wait_seconds: float = 30.0) -> Iterator[KafkaAdminClient]:
    """A connected client that is closed at the end.

    Raises :class:`BrokerUnreachable` if there is no connection after ``wait_seconds``, or a later request fails.
    """
    client = _connect(connection, wait_seconds)
    from kafka.errors import KafkaError  # noqa: PLC0415

    try:
        yield client
    except KafkaError as error:
        raise BrokerUnreachable(
            f"The broker at {connection} did not do what it was asked: {type(error).__name__}.",
            do_next="Check its log, and that the address it advertises can be reached from here.",
        ) from error
    finally:
        client.close()


def ask(
    connection: KafkaConnection, question: Callable[[KafkaAdminClient], Answer], wait_seconds: float = 30.0
) -> Answer:
    """The answer, asked for again until there is one: of a cluster that starts, some broker or coordinator is not
    ready yet. Raises BrokerUnreachable after ``wait_seconds``.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            with admin_client(connection, wait_seconds) as admin:
                return question(admin)
        except BrokerUnreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(ASK_AGAIN_SECONDS)


def wait_for_broker(
    connection: KafkaConnection, timeout_seconds: float = 30.0, *, say: Callable[[str], None] = silent
) -> None:
    """Returns when the broker answers a metadata request; tells ``say`` every five seconds that it still waits.

    Raises :class:`BrokerUnreachable` after ``timeout_seconds``; 0 is one attempt.
    """
    timeout_seconds = timeout_seconds or ATTEMPT_SECONDS
    started = time.monotonic()
    while (left := started + timeout_seconds - time.monotonic()) > 0:
        with contextlib.suppress(BrokerUnreachable), admin_client(connection, min(left, _SLICE_SECONDS)):
            return
        if left > _SLICE_SECONDS:
            say(f"Waiting for a broker at {connection}: {time.monotonic() - started:.0f} of {timeout_seconds:g} s.")
    raise _unreachable(connection, timeout_seconds)


def _unreachable(connection: KafkaConnection, waited_seconds: float) -> BrokerUnreachable:
    diagnosis = diagnose(connection)
    happened = f"No connection to Kafka at {connection} within {waited_seconds:g} s"
    return BrokerUnreachable(
        f"{happened}: {diagnosis.happened}" if diagnosis else f"{happened}: no broker answered.",
        kept="Nothing was written.",
        do_next=diagnosis.do_next if diagnosis else "Check the broker's log, and the address that it advertises.",
    )


def _connect(connection: KafkaConnection, wait_seconds: float) -> KafkaAdminClient:
    import kafka  # noqa: PLC0415  0.4 s, and nothing of the pipeline may pull it in
    from kafka.net.compat import KafkaNetClient  # noqa: PLC0415

    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it logs every failed attempt; the error says it once
    made: list[Any] = []

    def remember(**settings: Any) -> Any:
        made.append(KafkaNetClient(**settings))
        return made[-1]

    try:
        return kafka.KafkaAdminClient(
            **connection.for_kafka_python(),
            bootstrap_timeout_ms=max(1, int((wait_seconds or ATTEMPT_SECONDS) * 1000)),
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            reconnect_backoff_max_ms=200,
            kafka_client=remember,
        )
    except kafka.errors.KafkaError as error:
        for client in made:
            client.close()  # a client that fails to connect leaves its thread and sockets behind (kafka-python 3.0.12)
        raise _unreachable(connection, wait_seconds) from error
