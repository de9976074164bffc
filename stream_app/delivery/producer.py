"""Publishing outputs in bulk: which topic and partition each goes to, and a producer that takes them.

Output partition = input partition, order kept. :func:`send` returns when the broker has everything.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, UnknownError, UnsupportedVersionError

from stream_app.delivery.output_stamps import OutputStamps
from stream_app.events import Offsets, Output, RawRecord, TopicPartition
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import OUTPUT_BATCH_BYTES

log = logging.getLogger(__name__)

STOP_SECONDS = 10.0


class OutputTopics(NamedTuple):
    """Where outputs go."""

    decisions: str
    rejections: str


def by_partition(
    records: Sequence[RawRecord], outputs: Sequence[Output | None], topics: OutputTopics, stamps: OutputStamps
) -> Mapping[TopicPartition, Sequence[Output]]:
    """The outputs by where they go, in the order of their records. None: the record needs no output."""
    partitions: dict[TopicPartition, list[Output]] = defaultdict(list)
    for record, output in zip(records, outputs, strict=True):
        if output is not None:
            to = TopicPartition(topics[output.rejected], record.partition)
            partitions[to].append(stamps.stamp(output, record))
    return partitions


def next_offsets(records: Sequence[RawRecord]) -> Offsets:
    """The offset after the last record of each partition; records of a partition are in order."""
    return {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}


async def start_producer(connection: KafkaConnection, timeout_seconds: float) -> AIOKafkaProducer:
    """A started producer that waits for all replicas: idempotent, or plain where the broker knows no idempotence."""
    options = producer_options(connection, timeout_seconds)
    try:
        return await start(AIOKafkaProducer(enable_idempotence=True, **options))
    except (UnknownError, UnsupportedVersionError) as fault:  # what brokers without it answer
        log.info("no idempotent producer on this broker (%s); a retried send may double a record", type(fault).__name__)
        return await start(AIOKafkaProducer(**options))


def producer_options(connection: KafkaConnection, timeout_seconds: float) -> dict[str, Any]:
    """What every producer of outputs has in common."""
    return {
        **connection.for_aiokafka(),
        "acks": "all",
        "max_batch_size": OUTPUT_BATCH_BYTES,
        "request_timeout_ms": int(timeout_seconds * 1000),
    }


async def start(producer: AIOKafkaProducer) -> AIOKafkaProducer:
    """One that does not start leaves nothing behind: it is tried again as long as the broker is away."""
    try:
        await producer.start()
    except BaseException:
        await stop(producer)
        raise
    return producer


async def stop(producer: AIOKafkaProducer) -> None:
    """``stop()`` delivers what is left first, and can hang on it; then the producer is torn down undelivered."""
    if not await _in_time(producer.stop()):
        await _in_time(_tear_down(producer))


async def _tear_down(producer: AIOKafkaProducer) -> None:
    """Left as it is, it would ask its brokers for ever, with connections and tasks of its own."""
    await producer.client.close()  # ends the requests that the sender waits for
    sender = producer._sender.sender_task
    while sender is not None and not sender.done():
        sender.cancel()
        await asyncio.wait([sender], timeout=0.1)


async def _in_time(work: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await work
    except (TimeoutError, KafkaError):
        return False
    return True


async def send(producer: AIOKafkaProducer, topic: str, partition: int, outputs: Iterable[Output]) -> None:
    """Publish to one partition in bulk, in order, and wait until the broker has all of it."""
    deliveries = []
    batch = producer.create_batch()
    for output in outputs:
        if not _append(batch, output):
            deliveries.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            _append(batch, output)  # an empty batch takes a record of any size
    deliveries.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*deliveries)


def _append(batch: Any, output: Output) -> bool:
    appended = batch.append(key=output.key, value=output.value, headers=output.headers, timestamp=output.timestamp_ms)
    return appended is not None
