"""Records deleted before they were read, and logs that end before the position: counted and logged, or a stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

from stream_app.errors import RecordsLost
from stream_app.kafka_admin import admin_client
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import create_topics
from tests.broker.watched import Monitor
from tests.builders.scorer_requests import good
from tests.servers.deployment import Deployment, Source, Worker
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

PARTITION = 1


@pytest.fixture
def deployment(kafka_broker: Any, unique_prefix: str, clients: Path, tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment.on(kafka_broker, unique_prefix, clients, tmp_path)
    yield made
    made.stop()


def send(deployment: Deployment, first: int, count: int) -> list[Source]:
    return deployment.send((PARTITION, b"7", good("7", f"r{number}")) for number in range(first, first + count))


def delete_before(deployment: Deployment, topic: str, offset: int) -> None:
    with admin_client(KafkaConnection(deployment.bootstrap)) as admin:
        admin.delete_records({TopicPartition(topic, PARTITION): offset})


def commit(deployment: Deployment, offset: int) -> None:
    """As of the scorers' group."""
    consumer = KafkaConsumer(
        bootstrap_servers=deployment.bootstrap, group_id=f"{deployment.prefix}scorer", enable_auto_commit=False
    )
    tp = TopicPartition(deployment.names.requests, PARTITION)
    consumer.assign([tp])
    consumer.commit({tp: OffsetAndMetadata(offset, "", -1)})
    consumer.close()


def lines(worker: Worker, text: str) -> list[str]:
    return [line for line in worker.log.read_text().splitlines() if text in line]


def test_requests_deleted_before_a_start_are_counted_and_the_rest_is_decided(deployment: Deployment) -> None:
    """And counted once: the next start reads on where this one did, though no request came."""
    first = deployment.start()
    deployment.answered(send(deployment, 0, 3))
    first.end(signal.SIGTERM)
    rest = send(deployment, 3, 7)[6:]
    delete_before(deployment, deployment.names.requests, 9)
    second = deployment.start()
    assert deployment.answered(rest)[rest[0]] == 1
    [line] = lines(second, "were deleted before they were read")
    assert "6 records of" in line
    assert "partition 1" in line
    assert "offsets 3 to 8. Reading goes on at offset 9." in line
    assert second.metric('lost_records_total{partition="1"}') == 6
    assert second.metric("last_loss_timestamp_seconds") > 0
    assert sum(deployment.answers().values()) == 4


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
def test_when_all_that_waited_is_deleted_the_next_start_meets_no_gap(deployment: Deployment, guarantee: str) -> None:
    first = deployment.start(guarantee=guarantee)
    deployment.answered(send(deployment, 0, 3))
    first.end(signal.SIGTERM)
    send(deployment, 3, 7)
    delete_before(deployment, deployment.names.requests, 10)
    second = deployment.start(guarantee=guarantee)
    wait_until(lambda: second.metric("lost_records_total") == 7, "the loss is counted")
    assert second.metric("consumer_lag_records") == 0
    second.end(signal.SIGTERM)
    third = deployment.start(guarantee=guarantee)
    deployment.answered(send(deployment, 10, 1))
    assert third.metric("lost_records_total") == 0


def test_requests_deleted_during_a_run_are_counted_once_the_scorer_goes_on(deployment: Deployment) -> None:
    """The scorer is stopped by a signal meanwhile, for less than its session lasts."""
    worker = deployment.start(session_timeout_seconds=30)
    deployment.answered(send(deployment, 0, 3))
    worker.process.send_signal(signal.SIGSTOP)
    send(deployment, 3, 1)  # what answers the fetch that was under way
    rest = send(deployment, 4, 6)[5:]
    delete_before(deployment, deployment.names.requests, 9)
    worker.process.send_signal(signal.SIGCONT)
    assert deployment.answered(rest)[rest[0]] == 1
    # The fetch under way when it was stopped may bring the first of them: counted is what it did not.
    answered = sum(deployment.answers().values())
    assert worker.metric("lost_records_total") == 10 - answered
    assert worker.metric("lost_records_total") > 0


def test_by_setting_a_loss_ends_the_scorer_with_nothing_committed_until_somebody_says_go_on(
    deployment: Deployment,
) -> None:
    first = deployment.start()
    deployment.answered(send(deployment, 0, 3))
    first.end(signal.SIGTERM)
    rest = send(deployment, 3, 7)[6:]
    delete_before(deployment, deployment.names.requests, 9)
    for _ in range(2):
        stopped = deployment.start(on_lost_records="stop", ready=False)
        assert stopped.process.wait(timeout=60) == RecordsLost.exit_status
        assert "6 records of" in stopped.log.read_text()
        assert "STREAM_APP_ON_LOST_RECORDS=go_on: it reads on at offset 9." in stopped.log.read_text()
        assert "Traceback" not in stopped.log.read_text()
    deployment.start()
    assert deployment.answered(rest)[rest[0]] == 1


def test_of_a_log_that_ends_before_the_position_everything_is_read_and_repeats_are_known(
    deployment: Deployment,
) -> None:
    first = deployment.start()
    deployment.answered(send(deployment, 0, 3))
    first.end(signal.SIGTERM)
    commit(deployment, 1_000)
    second = deployment.start()
    wait_until(lambda: second.metric('rereads_total{partition="1"}') == 1, "it is said")
    [line] = lines(second, "was read up to offset 1000 and ends at 3")
    assert "Reading goes on at offset 0." in line
    new = send(deployment, 3, 1)
    answers = deployment.answered(new)
    assert second.metric("repeated_requests_total") == 3
    assert sum(answers.values()) == 4


def test_a_topic_made_anew_during_a_run_is_read_from_its_beginning(deployment: Deployment) -> None:
    worker = deployment.start()
    deployment.answered(send(deployment, 0, 3))
    with admin_client(KafkaConnection(deployment.bootstrap)) as admin:
        admin.delete_topics([deployment.names.requests])
        wait_until(lambda: deployment.names.requests not in admin.list_topics(), "it is gone")
    create_topics(KafkaConnection(deployment.bootstrap), deployment.partitions, names=deployment.names)
    send(deployment, 100, 2)
    wait_until(lambda: len(deployment.read(deployment.names.decisions)) == 5, "the new ones are decided", 90)
    assert worker.process.poll() is None


def test_decisions_deleted_before_the_monitor_read_them_are_counted_and_its_store_reads_on(
    deployment: Deployment,
) -> None:
    scorer = deployment.start()
    deployment.answered(send(deployment, 0, 3))
    first = Monitor.start(deployment, "m")
    wait_until(lambda: first.worker.ready() and first.counts().decisions == 3, "it stored three")
    first.worker.end(signal.SIGTERM)
    deployment.answered(send(deployment, 3, 7))
    scorer.end(signal.SIGTERM)
    [end] = (
        KafkaConsumer(bootstrap_servers=deployment.bootstrap)
        .end_offsets([TopicPartition(deployment.names.decisions, PARTITION)])
        .values()
    )
    delete_before(deployment, deployment.names.decisions, end)
    second = first.again()
    labels = {"topic": deployment.names.decisions, "partition": "1"}
    wait_until(lambda: second.metric("lost_records_total", **labels) > 6, "the loss is counted")
    wait_until(second.worker.ready, "nothing is left to read")
    second.worker.end(signal.SIGTERM)
    third = second.again()
    wait_until(third.worker.ready, "it reads")
    deployment.start()
    deployment.answered(send(deployment, 20, 1))
    wait_until(lambda: third.counts().decisions == 4, "what came later is stored")
    assert third.metric("lost_records_total") == 0


def test_a_decision_topic_made_anew_is_read_from_its_beginning(deployment: Deployment) -> None:
    """The store knows offsets of the old one."""
    scorer = deployment.start()
    deployment.answered(send(deployment, 0, 3))
    first = Monitor.start(deployment, "m")
    wait_until(lambda: first.worker.ready() and first.counts().decisions == 3, "it stored three")
    for worker in (first.worker, scorer):
        worker.end(signal.SIGTERM)
    with admin_client(KafkaConnection(deployment.bootstrap)) as admin:
        admin.delete_topics([deployment.names.decisions])
        wait_until(lambda: deployment.names.decisions not in admin.list_topics(), "it is gone")
    create_topics(KafkaConnection(deployment.bootstrap), deployment.partitions, names=deployment.names)
    second = first.again()
    wait_until(lambda: second.metric("rereads_total") == 1, "it is said")
    deployment.start()
    send(deployment, 3, 1)
    wait_until(lambda: second.counts().decisions == 4, "the new one is stored")
    second.worker.end(signal.SIGTERM)
    third = second.again()
    wait_until(third.worker.ready, "it reads")
    assert third.metric("rereads_total") == 0


def test_by_setting_a_loss_ends_the_monitor(deployment: Deployment) -> None:
    deployment.start()
    deployment.answered(send(deployment, 0, 3))
    first = Monitor.start(deployment, "m")
    wait_until(lambda: first.worker.ready() and first.counts().decisions == 3, "it stored three")
    first.worker.end(signal.SIGTERM)
    deployment.answered(send(deployment, 3, 3))
    delete_before(deployment, deployment.names.decisions, 6)
    second = Monitor.start(deployment, "m", on_lost_records="stop")
    assert second.worker.process.wait(timeout=60) == RecordsLost.exit_status
