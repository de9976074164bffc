"""Commits in doubt amid a backlog, on Apache Kafka: each is looked up, and the same process goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker.test_scorer import clients, requests  # noqa: F401 - the fixture
from tests.servers.deployment import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

SMALL_BATCHES: dict[str, Any] = {"max_poll_records": 100, "remembered_ids": 0}
"""The memory of decided ids would cover a doubled decision up."""


@pytest.fixture
def deployment(kafka_broker: Any, unique_prefix: str, clients: Path, tmp_path: Path) -> Iterator[Deployment]:  # noqa: F811
    made = Deployment.on(kafka_broker, unique_prefix, clients, tmp_path)
    yield made
    made.stop()


def test_commits_whose_answer_never_comes_repeat_nothing_lose_nothing_and_end_nothing(deployment: Deployment) -> None:
    sources = deployment.send(requests(10_000))
    worker = deployment.start(program="tests.broker.faulty doubted_commit", ready=False, **SMALL_BATCHES)
    answers = deployment.answered(sources)
    assert answers == dict.fromkeys(sources, 1)
    assert worker.log.read_text().count("the commit is in doubt (TimeoutError)") > 3
    assert worker.process.poll() is None
