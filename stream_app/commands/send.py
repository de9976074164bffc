"""Sending records with kafka-python, every delivery awaited."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from stream_app.errors import DeliveryFailed
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.tables.messages import Message

if TYPE_CHECKING:
    from kafka import KafkaProducer

MAX_UNDER_WAY = 10_000
DELIVERY_SECONDS = 60.0
CLOSE_SECONDS = 5.0


def send(
    messages: Iterable[Message],
    connection: KafkaConnection,
    topic: str,
    rate: float | None,
    sent_one_more: Callable[[], None],
    headers: Sequence[tuple[str, bytes]] = (),
) -> int:
    """Send the messages and wait for every delivery; ``sent_one_more`` hears of each. Returns how many the broker has.

    ``headers``: of every message. ``rate``: messages per second, None for as fast as the broker takes them. Raises
    DeliveryFailed.
    """
    delivered = 0
    with started_producer(connection) as producer:
        futures = (
            producer.send(topic, value=message.value, key=message.key, headers=list(headers))
            for message in _paced(messages, rate)
        )
        for future in _oldest_first(futures):
            _await(future, delivered)
            delivered += 1
            sent_one_more()
    return delivered


def _oldest_first(futures: Iterable[Any]) -> Iterator[Any]:
    """The futures in their order, each when it is done or ``MAX_UNDER_WAY`` younger ones wait behind it."""
    under_way: deque[Any] = deque()
    for future in futures:
        under_way.append(future)
        while under_way and (under_way[0].is_done or len(under_way) > MAX_UNDER_WAY):
            yield under_way.popleft()
    yield from under_way


def _paced(messages: Iterable[Message], rate: float | None) -> Iterator[Message]:
    started = time.monotonic()
    for number, message in enumerate(messages):
        if rate:
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
        yield message


@contextlib.contextmanager
def started_producer(connection: KafkaConnection) -> Iterator[KafkaProducer]:
    """A producer, closed at the end."""
    from kafka import KafkaProducer

    producer = KafkaProducer(
        **connection.for_kafka_python(),
        linger_ms=5,
        batch_size=128 * 1024,
        delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
        allow_auto_create_topics=False,
    )
    try:
        yield producer
    finally:
        producer.close(timeout=CLOSE_SECONDS)


def _await(future: Any, delivered: int) -> None:
    from kafka.errors import KafkaError

    try:
        future.get(timeout=DELIVERY_SECONDS)
    except KafkaError as fault:
        raise DeliveryFailed(
            f"The broker did not take a record ({type(fault).__name__}).",
            kept=f"{delivered:,} records before it are on the broker; some after it may be.",
            do_next="Check the broker and send the file again; with --date, what it has is not decided a second time.",
        ) from fault
