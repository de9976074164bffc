"""The promises of each engine to its clients on which the rest of the product builds."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from stream_app.broker import Broker
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import TopicNames, create_topics
from tests.servers.waiting import wait_until

RECORDS = 200


def consumer(broker: Broker, group: str, **more: Any) -> KafkaConsumer:
    return KafkaConsumer(
        bootstrap_servers=broker.bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6_000,
        max_poll_interval_ms=6_000,  # Tansu waits this long for members that may still join
        fetch_max_wait_ms=50,
        **more,
    )


def read_on(reader: KafkaConsumer, read: list[tuple[int, int]]) -> int:
    # A poll that is shorter than the join can lose the assignment for good (kafka-python 3.0.12).
    for records in reader.poll(timeout_ms=5_000).values():
        read.extend((record.partition, record.offset) for record in records)
    return len(read)


def test_a_group_reads_each_record_once_and_resumes_where_it_committed(
    broker: Broker, topic_names: TopicNames, group: str
) -> None:
    create_topics(KafkaConnection(broker.bootstrap), 2, names=topic_names)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    for number in range(RECORDS):
        producer.send(topic_names.requests, b"v", key=b"%d" % number, partition=number % 2)
    producer.flush()
    read: list[tuple[int, int]] = []
    with closing(consumer(broker, group)) as first:
        first.subscribe([topic_names.requests])
        wait_until(lambda: read_on(first, read) >= RECORDS, "every record is read")
        first.commit()
    assert set(Counter(read).values()) == {1}
    producer.send(topic_names.requests, b"later", partition=1).get(10)
    producer.close()
    with closing(consumer(broker, group)) as second:
        second.subscribe([topic_names.requests])
        wait_until(lambda: read_on(second, read) > RECORDS, "the later record is read")
    assert read[RECORDS:] == [(1, RECORDS // 2)]


@pytest.mark.kafka
def test_kafka_shows_committed_transactions_only_and_commits_offsets_with_them(
    kafka_broker: Broker, topic_names: TopicNames, group: str
) -> None:
    create_topics(KafkaConnection(kafka_broker.bootstrap), 1, names=topic_names)
    source, target = TopicPartition(topic_names.requests, 0), TopicPartition(topic_names.decisions, 0)
    producer = KafkaProducer(bootstrap_servers=kafka_broker.bootstrap, transactional_id=group)
    producer.init_transactions()
    for value, offset, end in [(b"aborted", 9, producer.abort_transaction), (b"kept", 5, producer.commit_transaction)]:
        producer.begin_transaction()
        producer.send(target.topic, value, partition=0).get(10)
        producer.send_offsets_to_transaction({source: OffsetAndMetadata(offset, "", -1)}, group)
        end()
    producer.close()
    values: list[bytes] = []
    with closing(consumer(kafka_broker, group, isolation_level="read_committed")) as reader:
        reader.assign([target])
        reader.seek_to_beginning()
        wait_until(lambda: values_on(reader, values), "a record is read")
        assert reader.committed(source) == 5
    assert values == [b"kept"]
    assert kafka_broker.transactions


def values_on(reader: KafkaConsumer, values: list[bytes]) -> list[bytes]:
    values.extend(record.value for records in reader.poll(timeout_ms=50).values() for record in records)
    return values
