"""Commits in doubt amid a backlog, on Apache Kafka: each is looked up, and the same process goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders.scorer_requests import requests
from tests.servers.deployment import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

SMALL_BATCHES: dict[str, Any] = {"max_poll_records": 100, "remembered_ids": 0}
"""The memory of decided ids would cover a doubled decision up."""


def test_commits_whose_answer_never_comes_repeat_nothing_lose_nothing_and_end_nothing(
    kafka_deployment: Deployment,
) -> None:
    sources = kafka_deployment.send(requests(10_000))
    worker = kafka_deployment.start(program="tests.broker.faulty doubted_commit", ready=False, **SMALL_BATCHES)
    answers = kafka_deployment.answered(sources)
    assert answers == dict.fromkeys(sources, 1)
    assert worker.log.read_text().count("the commit is in doubt (TimeoutError)") > 3
    assert worker.process.poll() is None
