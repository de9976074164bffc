"""What the demo's sender and readers share: where the topics are, a pulse, and clients that close within a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stream_app.delivery.producer import start_producer
from stream_app.kafka_connection.record_batches import read_every_batch
from stream_app.topics import TopicNames

CLOSE_SECONDS = 5.0
DELIVERY_SECONDS = 30.0


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """Where the topics are; ``fetch_wait_seconds``: how long the broker may hold an empty fetch."""

    bootstrap: str
    names: TopicNames
    partitions: int
    fetch_wait_seconds: float


class ActivitySignal:
    """Beats whenever something is sent, confirmed or answered; others wait for the next beat."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()
        self._next = asyncio.Event()

    def beat(self) -> None:
        """Something moved; wake whoever waits."""
        self._at = self._clock()
        self._next.set()
        self._next = asyncio.Event()

    async def next(self, seconds: float | None = None) -> None:
        """Wait for the next beat, at most this long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._next.wait()

    def still_seconds(self) -> float:
        """Time since the last beat."""
        return self._clock() - self._at


@contextlib.asynccontextmanager
async def started_producer(wire: Wire) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer that waits for all replicas."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it logs every attempt; what matters is raised
    producer = await start_producer(wire.bootstrap, DELIVERY_SECONDS)
    try:
        yield producer
    finally:
        await _close(producer)


@contextlib.asynccontextmanager
async def consumer_of(wire: Wire, *topics: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A reader of these topics from their beginning, in no consumer group."""
    read_every_batch()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=wire.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=int(wire.fetch_wait_seconds * 1000),
    )
    consumer.assign([TopicPartition(topic, partition) for topic in topics for partition in range(wire.partitions)])
    try:
        await consumer.start()
        await asyncio.sleep(0)  # its tasks must have begun: stopped before that, it raises their CancelledError
        yield consumer
    finally:
        await _close(consumer)


async def _close(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):  # stop() waits for a broker that is gone
            await client.stop()
