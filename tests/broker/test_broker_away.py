"""While the broker is away a worker says so in a few lines, leaves at a signal, and goes on when it is back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stream_app.broker import start_broker
from stream_app.broker.ports import free_ports
from tests.builders.scorer_requests import requests
from tests.servers.deployment import Deployment, Worker
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.kafka]

AWAY, BACK = "the broker does not answer any more", "the broker answers again"


@pytest.fixture
def port(kafka_broker: Any) -> int:  # noqa: ARG001 - skips where there is none
    return free_ports(1)[0]


@pytest.fixture
def deployment(port: int, unique_prefix: str, clients: Path, tmp_path: Path) -> Iterator[Deployment]:
    """Scorer and monitor of a broker that was killed."""
    with start_broker("kafka", port=port, data_dir=tmp_path / "kafka") as broker:
        made = Deployment.on(broker, unique_prefix, clients, tmp_path)
        for command in ("worker", "monitor"):
            made.start(command=command)
        os.killpg(broker.pid, signal.SIGKILL)
        for worker in made.workers:
            wait_until(partial(says, worker, AWAY), "it noticed")
    yield made
    made.stop()


def says(worker: Worker, line: str) -> bool:
    return line in worker.log.read_text()


def warnings(worker: Worker) -> list[str]:
    return [line for line in worker.log.read_text().splitlines() if "[ERROR]" in line or "[WARNING]" in line]


def test_a_broker_that_is_away_is_two_lines_and_a_signal_ends_each_worker_within_seconds(
    deployment: Deployment,
) -> None:
    seen = [warnings(worker) for worker in deployment.workers]
    for worker in deployment.workers:
        asked = time.monotonic()
        assert worker.end(signal.SIGTERM) == 0
        assert time.monotonic() - asked < 10
        assert "thread MainThread" not in worker.log.read_text(), "no stacks"
    assert [len(lines) for lines in seen] == [2, 2], seen


def test_the_workers_say_when_it_is_back_and_go_on(deployment: Deployment, port: int, tmp_path: Path) -> None:
    with start_broker("kafka", port=port, data_dir=tmp_path / "kafka"):
        for worker in deployment.workers:
            wait_until(partial(says, worker, BACK), "it is back")
        sources = deployment.send(requests(20))
        assert set(deployment.answered(sources).values()) == {1}
        deployment.stop()
