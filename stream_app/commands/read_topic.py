"""Reading a topic with kafka-python: all partitions, no consumer group, only what is committed."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from stream_app.errors import BrokerUnreachable, TopicMismatch
from stream_app.kafka_admin import silent, wait_for_broker
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.kafka_rights import Right, require_rights

if TYPE_CHECKING:
    from kafka import KafkaConsumer, TopicPartition

POLL_MILLISECONDS = 500
MAX_RECORDS = 2_000
SILENT_SECONDS = 30.0


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Which records: the ``last`` ones before the present end (None: from the beginning), and then, with ``follow``,
    each further one as it comes.
    """

    last: int | None = None
    follow: bool = False


def read(
    connection: KafkaConnection,
    topic: str,
    span: Span,
    wait_seconds: float = 30.0,
    *,
    say: Callable[[str], None] = silent,
) -> Iterator[Any]:
    """The records of a topic: in order within a partition; the ``last`` ones by their time over all partitions.

    Ends at what was the end when it began, unless it follows. ``say`` hears that it still waits for the broker. Raises
    BrokerUnreachable, RightsMissing or TopicMismatch.
    """
    wait_for_broker(connection, wait_seconds, say=say)
    require_rights(connection, "reader", [Right("Read", "topic", topic)])
    with _consumer(connection, topic) as consumer:
        if span.last is None:
            reported, _ = _seek(consumer)
            yield from (record for record, is_old in _up_to(consumer, reported) if is_old or span.follow)
        else:
            old, new = _last(consumer, span.last)
            yield from old
            yield from (new if span.follow else ())
        while span.follow:
            yield from _poll(consumer)


def _last(consumer: KafkaConsumer, last: int) -> tuple[list[Any], list[Any]]:
    """The ``last`` records before the end, by time, and those from beyond it that came along."""
    offsets_back = 2 * last  # each transaction takes one besides those of its records
    while True:
        reported, everything = _seek(consumer, offsets_back)
        records = list(_up_to(consumer, reported))
        old = sorted((record for record, is_old in records if is_old), key=lambda record: int(record.timestamp))
        if everything or len(old) >= last:
            return old[max(0, len(old) - last) :], [record for record, is_old in records if not is_old]
        offsets_back *= 4  # aborted transactions take offsets too


def _seek(consumer: KafkaConsumer, offsets_back: int | None = None) -> tuple[dict[TopicPartition, int], bool]:
    """Go to the beginning or so far back from the end: the reported end of each partition that is not empty, and
    whether that is the beginning of them all.
    """
    partitions = sorted(consumer.assignment())
    beginnings, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    everything = True
    for partition, end in ends.items():
        start = beginnings[partition] if offsets_back is None else max(beginnings[partition], end - offsets_back)
        consumer.seek(partition, start)
        everything = everything and start == beginnings[partition]
    return {partition: end for partition, end in ends.items() if end > beginnings[partition]}, everything


def _up_to(consumer: KafkaConsumer, reported: dict[TopicPartition, int]) -> Iterator[tuple[Any, bool]]:
    """Records up to the end, and whether each lies before it; the last fetches may bring some from beyond.

    The end is the high watermark of the first fetch: Tansu reports the *first* record of the last batch as the end.
    Where an open transaction holds readers back before it, the reported end and an empty fetch have to do.
    """
    ends: dict[TopicPartition, int] = {}
    empty = 0
    while any(p not in ends or consumer.position(p) < ends[p] for p in reported):
        records = list(_poll(consumer))
        for partition in reported.keys() - ends.keys():
            if (watermark := consumer.highwater(partition)) is not None:
                ends[partition] = max(watermark, reported[partition])
        yield from ((record, record.offset < ends.get((record.topic, record.partition), 0)) for record in records)
        empty = 0 if records else empty + 1
        if empty and len(ends) == len(reported) and all(consumer.position(p) >= end for p, end in reported.items()):
            return
        if empty * POLL_MILLISECONDS > SILENT_SECONDS * 1000:
            raise _gone(f"sent nothing for {SILENT_SECONDS:g} s")


def _poll(consumer: KafkaConsumer) -> Iterator[Any]:
    for records in consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=MAX_RECORDS).values():
        yield from records


@contextlib.contextmanager
def _consumer(connection: KafkaConnection, topic: str) -> Iterator[KafkaConsumer]:
    from kafka import KafkaConsumer, TopicPartition  # late, as every Kafka client
    from kafka.errors import KafkaError

    from stream_app.kafka_connection.kafka_python_batches import read_every_batch

    read_every_batch(connection.max_inflated_bytes)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it logs every attempt; what matters is raised
    try:
        consumer = KafkaConsumer(
            **connection.for_kafka_python(), isolation_level="read_committed", enable_auto_commit=False
        )
    except KafkaError as fault:
        raise _gone(f"cannot be read from ({type(fault).__name__})") from fault
    try:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            raise TopicMismatch(
                f"The broker at {connection} has no topic {topic}.",
                do_next="Name its --topic-prefix, or create it: stream-app topics create.",
            )
        consumer.assign([TopicPartition(topic, number) for number in sorted(numbers)])
        yield consumer
    finally:
        consumer.close()


def _gone(what: str) -> BrokerUnreachable:
    return BrokerUnreachable(
        f"The broker {what}.", kept="Nothing was changed; this only reads.", do_next="Check it and start again."
    )
