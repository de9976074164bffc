"""A scorer whose clock is ahead of the broker's: it names the clock, and decides all the same."""

from __future__ import annotations

import time

import pytest

from tests.builders.scorer_requests import good
from tests.servers.deployment import Deployment


@pytest.mark.slow
@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
def test_outputs_whose_time_the_broker_refuses_carry_the_time_of_their_requests(
    kafka_deployment: Deployment, guarantee: str
) -> None:
    worker = kafka_deployment.start(program="tests.servers.clock_ahead", guarantee=guarantee)
    sources = kafka_deployment.send((partition, b"7", good("7", f"r{partition}")) for partition in range(4))
    sources += kafka_deployment.send([(0, b"7", b"{no json")])
    assert kafka_deployment.answered(sources) == dict.fromkeys(sources, 1)
    topics = (kafka_deployment.names.decisions, kafka_deployment.names.rejections)
    stamps = [record.timestamp / 1000 for topic in topics for record in kafka_deployment.read(topic)]
    assert all(abs(time.time() - stamp) < 600 for stamp in stamps)
    log = worker.log.read_text()
    assert log.count("This machine's clock is ahead of the broker's") == 1
    assert "timedatectl" in log
    assert worker.ready()
