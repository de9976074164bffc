"""Real brokers for the tests, one of each engine a run, and names nobody else uses."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream_app.broker import Broker, start_broker
from stream_app.errors import BrokerStartFailed
from stream_app.topics import TopicNames

ENGINES = [pytest.param("kafka", marks=pytest.mark.kafka), pytest.param("tansu", marks=pytest.mark.tansu)]


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """Apache Kafka; where it cannot be had the test is skipped with the reason, or fails if REQUIRE_KAFKA=1."""
    try:
        broker = start_broker("kafka")
    except BrokerStartFailed as error:
        if os.environ.get("REQUIRE_KAFKA") == "1":
            raise
        pytest.skip(error.happened)
    with broker:
        yield broker


@pytest.fixture(scope="session")
def tansu_broker() -> Iterator[Broker]:
    with start_broker("tansu") as broker:
        yield broker


@pytest.fixture(scope="session", params=ENGINES)
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each engine in turn."""
    started: Broker = request.getfixturevalue(f"{request.param}_broker")
    return started


@pytest.fixture
def unique_prefix(request: pytest.FixtureRequest) -> str:
    """For topics and groups of this test alone; begins with the test's name, for whoever reads a broker's log."""
    return f"{re.sub('[^a-z0-9]+', '-', request.node.name)[:60]}-{uuid.uuid4().hex[:8]}."


@pytest.fixture
def topic_names(unique_prefix: str) -> TopicNames:
    return TopicNames.prefixed(unique_prefix)


@pytest.fixture
def group(unique_prefix: str) -> str:
    return unique_prefix + "group"


@pytest.fixture
def executable(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a shell script into ``tmp_path/bin``: name and body to path."""

    def write(name: str, body: str) -> Path:
        script = tmp_path / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)
        return script

    return write
