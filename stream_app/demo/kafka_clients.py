"""Kafka clients of the demo that close within a deadline, and the signal that something was sent or read."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stream_app.delivery.producer import start_producer
from stream_app.demo.environment import Environment
from stream_app.kafka_connection.record_batches import read_every_batch
from stream_app.kafka_connection.stopping import stop_client
from stream_app.kafka_rights import Role

CLOSE_SECONDS = 5.0
DELIVERY_SECONDS = 30.0


class Activity:
    """Notified whenever something is sent, confirmed or answered; others wait for the next time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._next = asyncio.Event()

    def notify(self) -> None:
        """Something moved; wake whoever waits."""
        self._last = self._clock()
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, seconds: float | None = None) -> None:
        """Wait for the next notification, at most this long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._next.wait()

    def idle_seconds(self) -> float:
        """Time since the last notification."""
        return self._clock() - self._last


@contextlib.asynccontextmanager
async def started_producer(environment: Environment, role: Role) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer that waits for all replicas."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it logs every attempt; what matters is raised
    producer = await start_producer(environment.connection_as(role), DELIVERY_SECONDS)
    try:
        yield producer
    finally:
        await _close(producer)


@contextlib.asynccontextmanager
async def started_consumer(environment: Environment, *topics: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A reader of these topics from their beginning, in no consumer group."""
    connection = environment.connection_as("reader")
    read_every_batch(connection.max_inflated_bytes)
    consumer = AIOKafkaConsumer(
        **connection.for_aiokafka(),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=int(environment.fetch_wait_seconds * 1000),
    )
    consumer.assign([TopicPartition(topic, number) for topic in topics for number in range(environment.partitions)])
    try:
        await consumer.start()
        await asyncio.sleep(0)  # its tasks must have begun: stopped before that, it raises their CancelledError
        yield consumer
    finally:
        await _close(consumer)


async def _close(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    await stop_client(client.stop(), CLOSE_SECONDS)
