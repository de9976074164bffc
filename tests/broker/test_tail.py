"""The newest decisions read back from real brokers: all of them, no more than wanted, whatever lies between them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaProducer

from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.steps.deduplicate import UNKNOWN_FINGERPRINT, PastDecision
from stream_app.topics import TopicNames, create_topics
from stream_app.worker.decision_tail import DecisionTail
from tests.builders.records import NOW, Record, record, request, toy_pipeline

pytestmark = pytest.mark.slow

PARTITIONS = 2


@pytest.fixture
def topic(broker: Any, topic_names: TopicNames) -> str:
    create_topics(KafkaConnection(broker.bootstrap), PARTITIONS, names=topic_names)
    return topic_names.decisions


@pytest.fixture
def kafka_topic(kafka_broker: Any, topic_names: TopicNames) -> str:
    create_topics(KafkaConnection(kafka_broker.bootstrap), PARTITIONS, names=topic_names)
    return topic_names.decisions


def decision(request_id: str) -> Any:
    [output] = toy_pipeline().judge([record(request(request_id=request_id))], NOW).outputs
    return output


def ids(first: int, count: int) -> list[str]:
    return [f"r{number}" for number in range(first, first + count)]


def put(bootstrap: str, topic: str, outputs: list[Any], partition: int = 0) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
    try:
        for each in outputs:
            producer.send(topic, value=each.value, key=each.key, headers=each.headers, partition=partition)
        producer.flush(timeout=30)
    finally:
        producer.close()


def read(bootstrap: str, topic: str, most: int, quiet_seconds: float = 0.2) -> dict[int, list[str]]:
    tail = DecisionTail(
        KafkaConnection(bootstrap), topic, most=most, fetch_wait_seconds=0.005, quiet_seconds=quiet_seconds
    )
    decisions = asyncio.run(asyncio.wait_for(tail.read([0, 1]), 30))
    return {partition: [request_id for request_id, _ in newest] for partition, newest in decisions.items()}


def test_all_that_was_decided_is_read_when_it_is_less_than_wanted(broker: Any, topic: str) -> None:
    put(broker.bootstrap, topic, [decision(each) for each in ids(0, 5)])
    assert read(broker.bootstrap, topic, most=10) == {0: ids(0, 5), 1: []}


def test_of_more_than_wanted_the_newest_are_read(broker: Any, topic: str) -> None:
    put(broker.bootstrap, topic, [decision(each) for each in ids(0, 50)])
    put(broker.bootstrap, topic, [decision("other")], partition=1)
    found = read(broker.bootstrap, topic, most=10)
    assert found[0][-10:] == ids(40, 10)
    assert found[1] == ["other"]


def test_a_decision_carries_its_digest_and_time_and_what_is_no_decision_is_passed_over(broker: Any, topic: str) -> None:
    sent = decision("r1")
    digest = dict(sent.headers)["request-digest"]
    foreign = [Record(b"{not json", headers=[]), Record(None), Record(b'{"request_id":1}')]
    silent = Record(decision("r2").value, headers=[("source-offset", b"1")])
    odd = Record(decision("r3").value, headers=[("request-digest", b"no hexadecimal")])
    put(broker.bootstrap, topic, [*foreign, sent, silent, odd])
    tail = DecisionTail(KafkaConnection(broker.bootstrap), topic, most=10, fetch_wait_seconds=0.005, quiet_seconds=0.2)
    decisions = asyncio.run(asyncio.wait_for(tail.read([0]), 30))
    decided_at = NOW.timestamp()
    assert decisions[0] == [
        ("r1", PastDecision(bytes.fromhex(digest.decode()), decided_at)),
        ("r2", PastDecision(UNKNOWN_FINGERPRINT, decided_at)),
        ("r3", PastDecision(UNKNOWN_FINGERPRINT, decided_at)),
    ]


async def _transactions(bootstrap: str, topic: str) -> None:
    """Ten transactions of one decision, each with its marker, and after each one that is given up."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
    await producer.start()
    try:
        for number in range(10):
            for request_id, commit in ((f"r{number}", True), (f"never{number}", False)):
                output = decision(request_id)
                await producer.begin_transaction()
                await producer.send_and_wait(topic, output.value, output.key, partition=0, headers=output.headers)
                await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()


def test_markers_and_what_was_given_up_cost_no_decision_its_place(kafka_broker: Any, kafka_topic: str) -> None:
    asyncio.run(_transactions(kafka_broker.bootstrap, kafka_topic))
    assert read(kafka_broker.bootstrap, kafka_topic, most=10, quiet_seconds=0.0)[0] == ids(0, 10)
    assert read(kafka_broker.bootstrap, kafka_topic, most=3, quiet_seconds=0.0)[0][-3:] == ids(7, 3)
