"""A quiet kafka-python admin client, and waiting for a broker that is not there yet."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from stream_app.errors import BrokerUnreachable, SettingsError

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

REQUEST_SECONDS = 30.0
"""Time-out of one request, e.g. of creating topics."""

_SLICE_SECONDS = 5.0
_HOST, _PORT = re.compile(r"[\w.-]+"), re.compile(r"[0-9]{1,5}")


def kafka_servers(addresses: str) -> list[str]:
    """The servers of ``HOST:PORT[,HOST:PORT]``. Raises ValueError."""
    servers = [server.strip() for server in addresses.split(",")]
    for server in servers:
        host, _, port = server.rpartition(":")
        if not (_HOST.fullmatch(host) or _is_ip_6(host)) or not _PORT.fullmatch(port) or not 0 < int(port) < 65_536:
            raise ValueError(
                f"{server!r} is no Kafka address: write HOST:PORT with a port from 1 to 65535, an IPv6 host in "
                "brackets, several separated by commas"
            )
    return servers


def _is_ip_6(host: str) -> bool:
    try:
        return host[:1] + host[-1:] == "[]" and bool(ipaddress.IPv6Address(host[1:-1]))
    except ValueError:
        return False


def silent(_: str) -> None:
    """The default of every ``say``: an embedding program hears nothing."""


@contextlib.contextmanager
def admin_client(bootstrap: str, wait_seconds: float = 30.0) -> Iterator[KafkaAdminClient]:
    """A connected client that is closed at the end.

    Raises :class:`BrokerUnreachable` if there is no connection after ``wait_seconds``, or a later request fails.
    """
    client = _connect(bootstrap, wait_seconds)
    from kafka.errors import KafkaError  # noqa: PLC0415

    try:
        yield client
    except KafkaError as error:
        raise BrokerUnreachable(
            f"The broker at {bootstrap} did not do what it was asked: {type(error).__name__}.",
            do_next="Check its log, and that the address it advertises can be reached from here.",
        ) from error
    finally:
        client.close()


def wait_for_broker(bootstrap: str, timeout_seconds: float = 30.0, *, say: Callable[[str], None] = silent) -> None:
    """Returns when the broker answers a metadata request; tells ``say`` every five seconds that it still waits.

    Raises :class:`BrokerUnreachable` after ``timeout_seconds``.
    """
    started = time.monotonic()
    while (left := started + timeout_seconds - time.monotonic()) > 0:
        with contextlib.suppress(BrokerUnreachable), admin_client(bootstrap, min(left, _SLICE_SECONDS)):
            return
        if left > _SLICE_SECONDS:
            say(f"Waiting for a broker at {bootstrap}: {time.monotonic() - started:.0f} of {timeout_seconds:g} s.")
    raise _unreachable(bootstrap, timeout_seconds)


def _unreachable(bootstrap: str, waited_seconds: float) -> BrokerUnreachable:
    return BrokerUnreachable(
        f"No Kafka broker answered at {bootstrap} within {waited_seconds:g} s.",
        kept="Nothing was written.",
        do_next="Check the address and that the broker runs, or start one with: stream-app broker.",
    )


def _connect(bootstrap: str, wait_seconds: float) -> KafkaAdminClient:
    try:
        servers = kafka_servers(bootstrap)
    except ValueError as fault:
        raise SettingsError(f"{fault}.", kept="Nothing was started.") from None
    import kafka  # noqa: PLC0415  0.4 s, and nothing of the pipeline may pull it in
    from kafka.net.compat import KafkaNetClient  # noqa: PLC0415

    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it logs every failed attempt; the error says it once
    made: list[Any] = []

    def remember(**settings: Any) -> Any:
        made.append(KafkaNetClient(**settings))
        return made[-1]

    try:
        return kafka.KafkaAdminClient(
            bootstrap_servers=servers,
            bootstrap_timeout_ms=max(1, int(wait_seconds * 1000)),
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            reconnect_backoff_max_ms=200,
            kafka_client=remember,
        )
    except kafka.errors.KafkaError as error:
        for client in made:
            client.close()  # a client that fails to connect leaves its thread and sockets behind (kafka-python 3.0.12)
        raise _unreachable(bootstrap, wait_seconds) from error
