"""A worker without progress ends; one that is signalled to stop leaves; one without partitions waits for its turn."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from stream_app.broker import start_broker
from stream_app.broker.ports import free_ports
from stream_app.errors import StopTimedOut, WorkerStalled
from tests.broker.faulty import FAULTS, RAISED
from tests.builders.scorer_requests import good, requests
from tests.servers.deployment import Deployment, Worker, assigned
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.kafka]

PARTITIONS = 2
IMPATIENT: dict[str, Any] = {
    "stall_seconds": 3,
    "delivery_timeout_seconds": 4,
    "clients_wait_seconds": 0,
    "exit_after_stall_seconds": 5,
}


@pytest.fixture
def deploy(unique_prefix: str, clients: Path, tmp_path: Path) -> Iterator[Callable[[Any], Deployment]]:
    """Makes a deployment of two partitions on a broker."""
    made: list[Deployment] = []

    def on(broker: Any) -> Deployment:
        made.append(Deployment.on(broker, unique_prefix, clients, tmp_path, PARTITIONS))
        return made[-1]

    yield on
    for each in made:
        each.stop()


@pytest.fixture
def deployment(kafka_broker: Any, deploy: Callable[[Any], Deployment]) -> Deployment:
    return deploy(kafka_broker)


def two_partitions(count: int, start: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
    for _, key, value in requests(count, start):
        yield int(key) % PARTITIONS, key, value


def why_not_ready(worker: Worker) -> str:
    return str(json.loads(worker.page("ready", whatever_the_status=True) or "{}").get("why_not"))


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_worker_without_progress_ends_uncommitted_and_the_next_one_answers(
    fault: str, deployment: Deployment
) -> None:
    sources = deployment.send(two_partitions(20))
    stuck = deployment.start(program=f"tests.broker.faulty {fault}", ready=False, **IMPATIENT)
    assert stuck.process.wait(timeout=60) == WorkerStalled.exit_status
    log = stuck.log.read_text()
    assert "ends without committing" in log
    assert "thread MainThread: " in log, "its stacks are logged"
    deployment.start()
    answers = deployment.answered(sources)
    assert answers == dict.fromkeys(sources, 1)


@pytest.mark.parametrize("fault", list(RAISED))
def test_a_fault_of_the_workers_own_ends_it_at_once_with_nothing_answered(fault: str, deployment: Deployment) -> None:
    deployment.send(two_partitions(20))
    worker = deployment.start(program=f"tests.broker.faulty {fault}", ready=False)
    assert worker.process.wait(timeout=30) == 70
    assert "RuntimeError at " in worker.log.read_text()
    assert deployment.answers() == {}


@pytest.mark.parametrize("command", ["worker", "monitor"])
def test_a_background_task_that_fails_ends_the_process_with_its_status(command: str, deployment: Deployment) -> None:
    """Without its timer a worker would go on unwatched, with the figures it measured last."""
    worker = deployment.start(command=command, program="tests.broker.faulty raised_in_timer", ready=False)
    assert worker.process.wait(timeout=60) == 70
    assert "RuntimeError at " in worker.log.read_text()


def test_a_spare_worker_is_ready_stays_in_the_group_and_takes_over_from_one_that_dies(deployment: Deployment) -> None:
    workers = [deployment.start(**IMPATIENT) for _ in range(PARTITIONS + 1)]
    wait_until(
        lambda: sorted(map(assigned, workers)) == [0.0] + [1.0] * PARTITIONS,
        "each partition has an owner, one is spare",
    )
    spare = next(worker for worker in workers if not assigned(worker))
    owner = next(worker for worker in workers if assigned(worker))
    assert spare.ready()
    sources = deployment.send(two_partitions(200))
    deployment.answered(sources)
    owner.end(signal.SIGKILL)
    wait_until(lambda: assigned(spare) == 1, "the spare has the dead worker's partition", 30)
    sources += deployment.send(two_partitions(200, start=200))
    answers = deployment.answered(sources)
    assert answers == dict.fromkeys(sources, 1)


def test_a_worker_stopped_amid_a_backlog_leaves_its_partitions_to_the_others_at_once(deployment: Deployment) -> None:
    """At once: long before the session timeout, which is what a dead worker's partitions wait for."""
    first, second = (deployment.start(session_timeout_seconds=15, max_poll_records=20) for _ in range(2))
    wait_until(lambda: assigned(first) == assigned(second) == 1, "each has a partition")
    sources = deployment.send(two_partitions(4_000))
    wait_until(lambda: first.metric("requests_total") > 0, "the first is at it")
    assert first.end(signal.SIGTERM) == 0
    wait_until(lambda: assigned(second) == PARTITIONS, "the second has them all", 12)
    answers = deployment.answered(sources)
    assert answers == dict.fromkeys(sources, 1)


def test_while_the_broker_hangs_a_worker_is_not_ready_stays_and_leaves_at_a_signal(
    kafka_broker: Any,  # noqa: ARG001 - skips where there is none
    deploy: Callable[[Any], Deployment],
) -> None:
    with start_broker("kafka") as broker:
        deployment = deploy(broker)
        worker = deployment.start(**IMPATIENT)
        os.killpg(broker.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: "no fetch was answered" in why_not_ready(worker), "/ready names the silence")
            wait_until(lambda: _seconds_in(why_not_ready(worker)) > 6, "it stays for longer than a stall may last")
            assert worker.end(signal.SIGTERM) in (0, StopTimedOut.exit_status)
        finally:
            os.killpg(broker.pid, signal.SIGCONT)


@pytest.mark.parametrize("command", ["worker", "monitor"])
def test_a_worker_that_still_waits_for_its_broker_leaves_at_once(command: str, deployment: Deployment) -> None:
    [nobodys] = free_ports(1)
    worker = deployment.start(command=command, ready=False, kafka=f"127.0.0.1:{nobodys}")
    wait_until(lambda: "Waiting for a broker" in worker.log.read_text(), "it waits")
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(timeout=10) == 0


def _seconds_in(told: str) -> float:
    return float(next((word for word in told.split() if word.isdigit()), 0))


def test_a_worker_that_was_stopped_for_longer_than_a_stall_may_last_goes_on_when_it_is_let(
    deployment: Deployment,
) -> None:
    worker = deployment.start(**IMPATIENT)
    worker.process.send_signal(signal.SIGSTOP)
    sources = deployment.send(two_partitions(50))
    wait_until(partial(_has_no_members, deployment), "the group gave it up", 40)
    worker.process.send_signal(signal.SIGCONT)
    assert deployment.answered(sources).keys() == set(sources)
    assert worker.ready()


def _has_no_members(deployment: Deployment) -> bool:
    admin = KafkaAdminClient(bootstrap_servers=deployment.bootstrap)
    try:
        [group] = admin.describe_groups([deployment.prefix + "scorer"]).values()
        return not group["members"]
    finally:
        admin.close()


def test_markers_of_transactions_at_the_end_of_the_requests_are_no_lag(deployment: Deployment) -> None:
    worker = deployment.start(**IMPATIENT)
    producer = KafkaProducer(bootstrap_servers=deployment.bootstrap, transactional_id=deployment.prefix + "upstream")
    try:
        producer.init_transactions()
        for ends in (producer.commit_transaction, producer.abort_transaction):
            producer.begin_transaction()
            sent = producer.send(deployment.names.requests, key=b"7", value=good("7", "r7"), partition=0)
            ends()
    finally:
        producer.close()
    source = (0, 0)
    assert sent is not None
    assert deployment.answered([source]) == {source: 1}
    wait_until(lambda: _committed(deployment, 0) == 1, "the one record is committed")
    wait_until(lambda: worker.metric('consumer_lag_records{partition="0"}') == 0, "markers and what was rolled back")
    assert worker.ready()


def _committed(deployment: Deployment, partition: int) -> int:
    admin = KafkaAdminClient(bootstrap_servers=deployment.bootstrap)
    try:
        group = deployment.prefix + "scorer"
        offsets = admin.list_group_offsets(group)[group]
        tp = TopicPartition(deployment.names.requests, partition)
        return int(offsets[tp].offset) if tp in offsets else -1
    finally:
        admin.close()


@pytest.mark.parametrize("asked", [signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_logs_all_stacks_and_stops_nothing(asked: signal.Signals, deployment: Deployment) -> None:
    worker = deployment.start()
    worker.process.send_signal(asked)
    wait_until(lambda: "thread MainThread: " in worker.log.read_text(), "the stacks are in the log")
    assert "LOCAL VARIABLES" not in worker.log.read_text()
    sources = deployment.send(two_partitions(10))
    assert set(deployment.answered(sources).values()) == {1}
