"""Workers with slots on a real Kafka: started again they have their partitions back at once."""

from __future__ import annotations

import signal
import time

import pytest

from stream_app.errors import SlotInUse
from tests.builders.scorer_requests import requests
from tests.servers.deployment import PARTITIONS, Deployment, Worker, assigned
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SESSION_SECONDS = 120


def shared(one: Worker, two: Worker) -> bool:
    return assigned(one) == assigned(two) == PARTITIONS / 2


def start(deployment: Deployment, slot: str, *, ready: bool = True) -> Worker:
    """With a session that outlasts a restart, which is what slots are for."""
    return deployment.start(slot=slot, session_timeout_seconds=SESSION_SECONDS, ready=ready)


def pair(deployment: Deployment) -> tuple[Worker, Worker]:
    one, two = start(deployment, "a"), start(deployment, "b")
    wait_until(lambda: shared(one, two), "the workers share the partitions")
    deployment.answered(deployment.send(requests(40)))
    return one, two


def test_a_killed_worker_has_its_partitions_back_and_the_other_notices_nothing(kafka_deployment: Deployment) -> None:
    one, two = pair(kafka_deployment)
    before = two.log.read_text().count("reading ")
    one.end(signal.SIGKILL)
    sources = kafka_deployment.send(requests(40, 40))
    again = start(kafka_deployment, "a")
    assert set(kafka_deployment.answered(sources).values()) == {1}
    assert shared(again, two)
    assert two.log.read_text().count("reading ") == before
    assert again.end(signal.SIGTERM) == two.end(signal.SIGTERM) == 0


def test_workers_that_were_killed_together_have_their_partitions_back_and_wait_for_nothing(
    kafka_deployment: Deployment,
) -> None:
    """On two busy cores each read again 1.2 and 1.4 s after its checks at the start; the first start took 1.2 s."""
    workers = pair(kafka_deployment)
    for worker in workers:
        worker.process.send_signal(signal.SIGKILL)
    sources = kafka_deployment.send(requests(40, 40))
    again = [start(kafka_deployment, slot, ready=False) for slot in "ab"]
    assert set(kafka_deployment.answered(sources).values()) == {1}
    wait_until(lambda: shared(*again), "both have their partitions")
    for worker in again:
        assert worker.log.read_text().count("reading ") == 1
        assert "rebalances" not in worker.log.read_text()


def test_a_worker_that_is_stopped_leaves_its_partitions_to_the_others_at_once(kafka_deployment: Deployment) -> None:
    one, two = pair(kafka_deployment)
    assert one.end(signal.SIGTERM) == 0
    began = time.monotonic()
    wait_until(lambda: assigned(two) == PARTITIONS, "the other has all partitions")
    assert time.monotonic() - began < SESSION_SECONDS / 4
    sources = kafka_deployment.send(requests(40, 40))
    assert set(kafka_deployment.answered(sources).values()) == {1}


def test_of_two_workers_in_one_slot_the_older_ends_and_says_why(kafka_deployment: Deployment) -> None:
    older = kafka_deployment.start(slot="a")
    kafka_deployment.answered(kafka_deployment.send(requests(40)))
    newer = kafka_deployment.start(slot="a")
    assert older.process.wait(20) == SlotInUse.exit_status
    said = older.log.read_text()
    assert "was started in the slot a, so this one ends." in said
    assert "Traceback" not in said
    sources = kafka_deployment.send(requests(40, 40))
    assert set(kafka_deployment.answered(sources).values()) == {1}
    assert assigned(newer) == PARTITIONS
