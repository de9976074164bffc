"""Real brokers for the tests, one of each engine a run, and names nobody else uses."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from stream_app.broker import Broker, Choice, start_broker
from stream_app.clients import SQLiteClients
from stream_app.topics import TopicNames
from tests.broker.transacting import PARTITIONS, Topics
from tests.builders.scorer_requests import CLIENTS, profile
from tests.servers.deployment import Deployment
from tests.servers.secure_kafka import SecureKafka, secure_kafka
from tests.servers.token_server import TokenServer, token_server

KAFKA_FIRST = shutil.which("java") is not None
SLOW = [pytest.mark.slow]
ENGINES = [
    pytest.param("kafka", marks=[pytest.mark.kafka, *(SLOW * (not KAFKA_FIRST))]),
    pytest.param("tansu", marks=[pytest.mark.tansu, *(SLOW * KAFKA_FIRST)]),
]
"""Both; the fast tests take the one that `stream-app broker` would take here."""


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    with start_broker("kafka") as broker:
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


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Choice:
    """The name of each engine in turn, for tests that start one themselves."""
    chosen: Choice = request.param
    return chosen


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


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client store that knows the clients of tests.builders.scorer_requests; it is only read."""
    path = tmp_path_factory.mktemp("clients") / "clients.db"
    with SQLiteClients(path, create=True) as store:
        store.put_many((client_id, msgspec.json.encode(profile(client_id))) for client_id in CLIENTS)
    return path


@pytest.fixture
def kafka_deployment(kafka_broker: Broker, unique_prefix: str, clients: Path, tmp_path: Path) -> Iterator[Deployment]:
    """On Apache Kafka alone, with those clients; for what needs transactions, or is the same on both engines."""
    made = Deployment.on(kafka_broker, unique_prefix, clients, tmp_path)
    yield made
    made.stop()


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


@pytest.fixture(scope="session")
def tokens() -> Iterator[TokenServer]:
    with token_server() as server:
        yield server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, tokens: TokenServer) -> Iterator[SecureKafka]:
    """A secured Apache Kafka with every way in."""
    with secure_kafka(tmp_path_factory.mktemp("secure"), tokens) as running:
        yield running


@pytest.fixture
def secure_deployment(cluster: SecureKafka, unique_prefix: str, clients: Path, tmp_path: Path) -> Iterator[Deployment]:
    """Its topics are made and read over the plain listener; what it starts is told another one."""
    plain = SimpleNamespace(bootstrap=cluster.plaintext, engine="kafka")
    made = Deployment.on(plain, unique_prefix, clients, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def topics(kafka_broker: Broker, unique_prefix: str) -> Iterator[Topics]:
    made = Topics(unique_prefix + "in", unique_prefix + "out", unique_prefix + "group")
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
    admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in made[:2]])
    yield made
    admin.close()
