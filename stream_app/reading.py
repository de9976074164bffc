"""Reading a topic with kafka-python: all partitions, no consumer group, only what is committed."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stream_app.admin import wait_for_broker
from stream_app.errors import BrokerUnreachable, TopicMismatch

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


def read(bootstrap: str, topic: str, span: Span, wait_seconds: float = 30.0) -> Iterator[Any]:
    """The records of a topic: in order within a partition; the ``last`` ones by their time over all partitions.

    Ends at what was the end when it began, unless it follows. Raises BrokerUnreachable or TopicMismatch.
    """
    wait_for_broker(bootstrap, wait_seconds)
    with _consumer(bootstrap, topic) as consumer:
        ends = consumer.end_offsets(sorted(consumer.assignment()))
        _seek(consumer, ends, span.last)
        if span.last is None:
            yield from (found.record for found in _up_to(consumer, ends) if found.wanted or span.follow)
        else:
            found = list(_up_to(consumer, ends))
            wanted = sorted((each.record for each in found if each.wanted), key=lambda record: int(record.timestamp))
            yield from wanted[max(0, len(wanted) - span.last) :]
            yield from (each.record for each in found if span.follow and not each.wanted)
        while span.follow:
            yield from _poll(consumer)


class _Found(NamedTuple):
    """A record, and whether it lies before the end that reading began with."""

    record: Any
    wanted: bool


def _seek(consumer: KafkaConsumer, ends: dict[TopicPartition, int], last: int | None) -> None:
    beginnings = consumer.beginning_offsets(list(ends))
    for partition, end in ends.items():
        # A transaction takes one offset for its end besides those of its records, at worst one for each.
        start = beginnings[partition] if last is None else max(beginnings[partition], end - 2 * last)
        consumer.seek(partition, start)


def _up_to(consumer: KafkaConsumer, ends: dict[TopicPartition, int]) -> Iterator[_Found]:
    """Read until every end is passed; what the last fetches bring from beyond comes along."""
    empty = 0
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        records = list(_poll(consumer))
        empty = 0 if records else empty + 1
        if empty * POLL_MILLISECONDS > SILENT_SECONDS * 1000:
            raise _gone(f"sent nothing for {SILENT_SECONDS:g} s")
        for record in records:
            yield _Found(record, record.offset < ends[record.topic, record.partition])


def _poll(consumer: KafkaConsumer) -> Iterator[Any]:
    for records in consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=MAX_RECORDS).values():
        yield from records


@contextlib.contextmanager
def _consumer(bootstrap: str, topic: str) -> Iterator[KafkaConsumer]:
    from kafka import KafkaConsumer, TopicPartition  # noqa: PLC0415 - late, as every Kafka client
    from kafka.errors import KafkaError  # noqa: PLC0415

    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it logs every attempt; what matters is raised
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap.split(","), isolation_level="read_committed", enable_auto_commit=False
        )
    except KafkaError as fault:
        raise _gone(f"cannot be read from ({type(fault).__name__})") from fault
    try:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            raise TopicMismatch(
                f"The broker at {bootstrap} has no topic {topic}.",
                do_next="Name its --prefix, or create it: stream-app topics create.",
            )
        consumer.assign([TopicPartition(topic, number) for number in sorted(numbers)])
        yield consumer
    finally:
        consumer.close()


def _gone(what: str) -> BrokerUnreachable:
    return BrokerUnreachable(
        f"The broker {what}.", kept="Nothing was changed; this only reads.", do_next="Check it and start again."
    )
