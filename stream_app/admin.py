"""A quiet kafka-python admin client, and waiting for a broker that is not there yet."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from stream_app.errors import BrokerUnreachable

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

REQUEST_SECONDS = 30.0
_SLICE_SECONDS = 3.0


def silent(_: str) -> None:
    """The default of every ``say``: an embedding program hears nothing."""


@contextlib.contextmanager
def admin_client(bootstrap: str, wait_seconds: float = 30.0) -> Iterator[KafkaAdminClient]:
    """A connected client that is closed at the end. Raises :class:`BrokerUnreachable` after ``wait_seconds``."""
    client = _connect(bootstrap, wait_seconds)
    try:
        yield client
    finally:
        client.close()


def wait_for_broker(bootstrap: str, timeout_seconds: float = 30.0, *, say: Callable[[str], None] = silent) -> None:
    """Returns when the broker answers a metadata request; tells ``say`` every three seconds that it still waits.

    Raises :class:`BrokerUnreachable` after ``timeout_seconds``.
    """
    started = time.monotonic()
    while (left := started + timeout_seconds - time.monotonic()) > 0:
        with contextlib.suppress(BrokerUnreachable), admin_client(bootstrap, min(left, _SLICE_SECONDS)):
            return
        say(f"Waiting for a broker at {bootstrap}: {time.monotonic() - started:.0f} of {timeout_seconds:g} s.")
    raise unreachable(bootstrap, timeout_seconds)


def unreachable(bootstrap: str, waited_seconds: float) -> BrokerUnreachable:
    """The error of every command that found no broker."""
    return BrokerUnreachable(
        f"No Kafka broker answered at {bootstrap} within {waited_seconds:g} s.",
        kept="Nothing was written.",
        do_next="Check the address and that the broker runs, or start one with: stream-app broker.",
    )


def _connect(bootstrap: str, wait_seconds: float) -> KafkaAdminClient:
    import kafka  # noqa: PLC0415  0.4 s, and nothing of the pipeline may pull it in
    from kafka.net.compat import KafkaNetClient  # noqa: PLC0415

    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it logs every failed attempt; the error says it once
    made: list[Any] = []

    def remember(**settings: Any) -> Any:
        made.append(KafkaNetClient(**settings))
        return made[-1]

    try:
        return kafka.KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","),
            bootstrap_timeout_ms=max(1, int(wait_seconds * 1000)),
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            reconnect_backoff_max_ms=200,
            kafka_client=remember,
        )
    except kafka.errors.KafkaError as error:
        for client in made:
            client.close()  # a client that fails to connect leaves its thread and sockets behind (kafka-python 3.0.12)
        raise unreachable(bootstrap, wait_seconds) from error
