"""Partitions added under a running scorer: what has a counterpart goes on, the rest waits and is taken up by itself."""

from __future__ import annotations

import json

import pytest
from kafka.admin import NewPartitions

from stream_app.broker import Broker
from stream_app.kafka_admin import admin_client
from stream_app.kafka_connection.connection import KafkaConnection
from tests.builders.scorer_requests import good
from tests.servers.deployment import Deployment
from tests.servers.waiting import wait_until

METADATA_SECONDS = 60.0
"""A client looks for new partitions every half minute."""


def grow(broker: Broker, partitions: int, *topics: str) -> None:
    with admin_client(KafkaConnection(broker.bootstrap)) as admin:
        admin.create_partitions({topic: NewPartitions(partitions) for topic in topics})


def request(number: int) -> bytes:
    return good("7", f"r{number}")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_requests_of_partitions_without_a_counterpart_wait_until_the_outputs_have_grown(
    kafka_broker: Broker, kafka_deployment: Deployment
) -> None:
    deployment, names = kafka_deployment, kafka_deployment.names
    worker = deployment.start()
    gateway = deployment.start(command="gateway")
    grow(kafka_broker, 8, names.requests)
    first = deployment.send((partition, b"7", request(partition)) for partition in range(8))
    wait_until(lambda: worker.metric("partitions_waiting") == 4, "the growth is noticed", METADATA_SECONDS)
    second = deployment.send((partition, b"7", request(8 + partition)) for partition in range(8))
    with_counterpart = [source for source in first + second if source[0] < 4]
    assert deployment.answered(with_counterpart).keys() == set(with_counterpart)
    assert worker.ready()
    status = json.loads(gateway.page("status"))
    assert (status["added_partitions"], status["waiting_partitions"]) == (4, 4)
    log = worker.log.read_text()
    assert f"{names.requests} has 8 partitions now, 4 before" in log
    assert f"Partitions 4 to 7 of {names.requests}: nothing is decided there" in log
    for topic in (names.decisions, names.rejections):
        assert (
            f"kafka-topics.sh --bootstrap-server {kafka_broker.bootstrap} --alter --topic {topic} --partitions 8" in log
        )

    grow(kafka_broker, 8, names.decisions, names.rejections)
    wait_until(lambda: worker.metric("partitions_waiting") == 0, "the outputs' growth is noticed", METADATA_SECONDS)
    grown = Deployment(
        kafka_broker.bootstrap, names, deployment.prefix, deployment.clients, deployment.folder, "kafka", 8
    )
    try:
        assert grown.answered(first + second) == dict.fromkeys(first + second, 1)
    finally:
        grown.stop()


@pytest.mark.slow
def test_a_scorer_that_starts_on_topics_of_different_sizes_says_so_and_decides_what_it_can(
    kafka_broker: Broker, kafka_deployment: Deployment
) -> None:
    grow(kafka_broker, 6, kafka_deployment.names.requests)
    worker = kafka_deployment.start()
    sources = kafka_deployment.send((partition, b"7", request(partition)) for partition in range(6))
    decided = sources[:4]
    assert kafka_deployment.answered(decided) == dict.fromkeys(decided, 1)
    assert "Partitions 4 to 5 of" in worker.log.read_text()
    assert worker.metric("partitions_waiting") == 2
