"""One decision a request id on real brokers: in one batch, across batches, restarts and kills."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, TopicPartition

from stream_app.clients import SQLiteClients
from stream_app.events import RejectionReason
from stream_app.tables.columns import read_contract
from tests.servers.deployment import Deployment, Worker, headers_of
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.slow

NO_FEATURES = dict.fromkeys(read_contract(None).names())
"""All of them stated, so that no client needs a profile."""

Sent = tuple[int, bytes, bytes]


@pytest.fixture
def deployment(broker: Any, unique_prefix: str, tmp_path: Path) -> Iterator[Deployment]:
    SQLiteClients(tmp_path / "clients.db", create=True).close()
    made = Deployment.on(broker, unique_prefix, tmp_path / "clients.db", tmp_path)
    yield made
    made.stop()


def request(request_id: str, amount: int = 10_000, partition: int = 1) -> Sent:
    features = NO_FEATURES | {"amount_requested": amount, "guaranteed_share": 0.5}
    value = {"request_id": request_id, "client_id": "7", "requested_at": "2007-05-01T00:00:00Z", "features": features}
    return partition, b"7", msgspec.json.encode(value)


def differently_written(sent: Sent) -> Sent:
    members = reversed(msgspec.json.decode(sent[2]).items())
    return sent[0], sent[1], msgspec.json.format(msgspec.json.encode(dict(members)), indent=2)


def decided_ids(deployment: Deployment) -> list[str]:
    return sorted(
        msgspec.json.decode(record.value)["request_id"] for record in deployment.read(deployment.names.decisions)
    )


def rejected(deployment: Deployment) -> list[tuple[int, str]]:
    """Source offset and reason of each rejection."""
    found = map(headers_of, deployment.read(deployment.names.rejections))
    return [(int(each["source-offset"]), each["rejection-reason"].decode()) for each in found]


def wait_for_commit(deployment: Deployment, worker: Worker, end: int, partition: int = 1) -> None:
    """Until the group's committed offset is the end of the requests."""
    tp = TopicPartition(deployment.names.requests, partition)
    consumer = KafkaConsumer(bootstrap_servers=deployment.bootstrap, group_id=deployment.prefix + "scorer")
    try:
        wait_until(lambda: consumer.committed(tp) == end, f"offset {end} is committed")
    finally:
        consumer.close(autocommit=False)
    assert worker.process.poll() is None


def test_in_one_batch_a_repeat_is_skipped_and_other_content_is_rejected(deployment: Deployment) -> None:
    first = request("a")
    deployment.send([first, differently_written(first), request("a", amount=20_000), request("b")])
    worker = deployment.start()
    wait_for_commit(deployment, worker, 4)
    assert decided_ids(deployment) == ["a", "b"]
    assert rejected(deployment) == [(2, RejectionReason.CONFLICTING_REQUEST)]
    assert worker.metric("repeated_requests_total") == 1
    assert worker.metric("requests_total") == 3


def test_a_batch_of_nothing_but_repeats_is_committed(deployment: Deployment) -> None:
    worker = deployment.start()
    deployment.answered(deployment.send([request("a")]))
    deployment.send([request("a")] * 3)
    wait_for_commit(deployment, worker, 4)
    wait_until(lambda: worker.metric("repeated_requests_total") == 3, "the repeats are counted")
    assert decided_ids(deployment) == ["a"]


def test_a_scorer_that_takes_over_knows_what_the_last_one_decided(deployment: Deployment) -> None:
    first = deployment.start()
    deployment.answered(deployment.send([request("a"), request("b", partition=2)]))
    assert first.end(signal.SIGTERM) == 0
    second = deployment.start()
    wait_until(lambda: second.metric("remembered_ids") == 2, "it remembers both")
    deployment.send([request("a"), request("a", amount=20_000)])
    wait_for_commit(deployment, second, 3)
    assert decided_ids(deployment) == ["a", "b"]
    assert rejected(deployment) == [(2, RejectionReason.CONFLICTING_REQUEST)]


def test_what_a_killed_scorer_delivered_and_did_not_commit_is_not_decided_again(deployment: Deployment) -> None:
    first = deployment.start(guarantee="at_least_once", commit_interval_seconds=10)
    deployment.answered(deployment.send(request(f"r{number}") for number in range(500)))
    first.end(signal.SIGKILL)
    second = deployment.start(guarantee="at_least_once")
    wait_for_commit(deployment, second, 500)
    assert set(deployment.answers().values()) == {1}
    assert second.metric("repeated_requests_total") == 500


def test_a_scorer_that_remembers_nothing_decides_each_record(deployment: Deployment) -> None:
    worker = deployment.start(remembered_ids=0)
    deployment.answered(deployment.send([request("a"), request("a")]))
    assert decided_ids(deployment) == ["a", "a"]
    assert worker.metric("remembered_ids") == 0
