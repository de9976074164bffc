"""The scorer with its clients on a real Redis server that goes away and comes back in mid-stream."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stream_app.clients import open_clients
from tests.builders.scorer_requests import CLIENTS, good, profile, requests
from tests.servers.deployment import PARTITIONS, Deployment, Worker, assigned
from tests.servers.redis import RedisServer
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.redis]


def load(server: RedisServer) -> None:
    with open_clients(server.url(), create=True) as store:
        store.put_many((client_id, msgspec.json.encode(profile(client_id))) for client_id in CLIENTS)


@pytest.fixture
def deployment(
    kafka_broker: Any, unique_prefix: str, redis_server: RedisServer, tmp_path: Path
) -> Iterator[Deployment]:
    load(redis_server)
    made = Deployment.on(kafka_broker, unique_prefix, redis_server.url(), tmp_path)
    yield made
    made.stop()


def waits(worker: Worker) -> bool:
    return worker.metric("client_store_failures_total") > 0


def test_requests_wait_for_the_server_and_none_is_rejected_or_doubled(
    deployment: Deployment, redis_server: RedisServer
) -> None:
    worker = deployment.start()
    sources = deployment.send(requests(200))
    deployment.answered(sources)
    redis_server.stop()
    sources += deployment.send(requests(400, start=200))
    wait_until(lambda: waits(worker), "the batch in hand waits")
    redis_server.start()  # empty, which does not make its clients unknown
    failures = worker.metric("client_store_failures_total")
    wait_until(
        lambda: worker.metric("client_store_failures_total") > failures + 1, "an empty server is waited for, too"
    )
    assert len(deployment.answers()) == 200
    load(redis_server)
    answers = deployment.answered(sources)
    assert answers == dict.fromkeys(sources, 1)
    assert deployment.read(deployment.names.rejections) == []
    assert json.loads(deployment.read(deployment.names.decisions)[-1].value)["features"]["state"] == "CA"
    assert worker.end(signal.SIGTERM) == 0


def test_without_the_server_for_too_long_the_worker_ends_uncommitted_and_the_next_one_answers(
    deployment: Deployment, redis_server: RedisServer
) -> None:
    worker = deployment.start(clients_wait_seconds=0.5)
    redis_server.stop()
    sources = deployment.send([(0, b"7", good("7", "r7"))])
    assert worker.process.wait(timeout=30) == 5
    log = worker.log.read_text()
    assert "cannot be reached" in log
    assert "Nothing of the batch was committed" in log
    redis_server.start()
    load(redis_server)
    deployment.start()
    assert deployment.answered(sources) == {sources[0]: 1}


def test_partitions_are_handed_over_while_their_batch_waits(deployment: Deployment, redis_server: RedisServer) -> None:
    first, second = (deployment.start(clients_wait_seconds=120, exit_after_stall_seconds=0) for _ in range(2))
    wait_until(lambda: assigned(first) == assigned(second) == PARTITIONS / 2, "the partitions are shared")
    redis_server.stop()
    sources = deployment.send(requests(400))
    wait_until(lambda: waits(first) and waits(second), "the batches of both wait")
    assert first.end(signal.SIGTERM) == 0
    wait_until(lambda: assigned(second) == PARTITIONS, "the second has all partitions")
    redis_server.start()
    load(redis_server)
    answers = deployment.answered(sources)
    assert answers == dict.fromkeys(sources, 1)
