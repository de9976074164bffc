"""What one benchmark runs on: a broker of its own, its topics and a client store, all deleted at the end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.loans import read_book, requests, store_clients
from stream_app.broker import Choice, start_broker
from stream_app.demo.loan_book import Replay
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.kafka_rights import Right
from stream_app.settings import ConnectionSettings
from stream_app.topics import TopicNames

PARTITIONS = 4
TOPICS = TopicNames()
USER = "benchmark"
EVERYTHING = (
    *(Right(operation, "topic", "*") for operation in ("Read", "Write", "Create", "DescribeConfigs")),
    Right("Read", "group", "*"),
    Right("Write", "transactional-id", "*"),
)
"""The rights of the one user of a secured testbed."""
REPOSITORY = Path(__file__).parent.parent

# As docs/how-to/install.md advises: Tansu answers a fetch, and ends a rebalance, only when its time-out has passed.
FETCH_WAIT_MS = {"kafka": 500, "tansu": 5}
REBALANCE_SECONDS = {"kafka": 20, "tansu": 3}


@dataclass(frozen=True)
class Testbed:
    """A running broker with the product's topics, and a temporary folder. ``user``: on a secured broker, the properties
    file of the one user of the benchmark."""

    connection: KafkaConnection
    engine: str
    folder: Path
    book: Replay
    user: Path | None = None

    @property
    def bootstrap(self) -> str:
        """The address of the broker."""
        return str(self.connection)

    @property
    def librdkafka(self) -> dict[str, Any]:
        """How any client of confluent-kafka reaches the broker."""
        return for_librdkafka(self.connection)

    @property
    def client_settings(self) -> dict[str, str]:
        """How the product reaches it."""
        secured = {"kafka_properties": str(self.user)} if self.user else {}
        return {"kafka": self.bootstrap, **secured}

    @property
    def clients(self) -> Path:
        """The SQLite client store."""
        return self.folder / "clients.db"

    @property
    def fetch_wait_ms(self) -> int:
        """``fetch.wait.max.ms`` of every consumer: how long this broker may hold a fetch that finds nothing."""
        return FETCH_WAIT_MS[self.engine]

    def create_topics(self, *names: str) -> None:
        """New topics, four partitions each."""
        admin = AdminClient(self.librdkafka)
        topics = [NewTopic(name, num_partitions=PARTITIONS, replication_factor=1) for name in names]
        for created in admin.create_topics(topics).values():
            created.result()

    def load(self, topic: str, count: int, first: int = 0) -> None:
        """Produce ``count`` requests to a topic, in full batches. Raises KafkaException if one is not delivered.

        ``first``: number of the first. A number stands for one request: the product skips it the second time.
        """
        producer = Producer({**self.librdkafka, "linger.ms": 50, "partitioner": "murmur2_random"})
        for key, value in requests(self.book, count, first):
            while True:
                try:
                    producer.produce(topic, value, key)
                    break
                except BufferError:
                    producer.poll(0.1)
        if producer.flush(120):
            raise KafkaException(f"the backlog was not loaded into {topic}")

    @contextlib.contextmanager
    def child(self, module: str, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """``python -m module`` in the temporary folder; terminated with the block, killed ten seconds later.

        ``settings``: the product's, each given as STREAM_APP_NAME. If the block fails, the child's log is printed.
        """
        log = self.folder / f"{'-'.join((module, *arguments[:1])).replace('/', '-')}.log"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY), **_environment(settings)},
                stdout=output,
                stderr=output,
            ) as process,
        ):
            try:
                yield process
            except BaseException:
                print(log.read_text(errors="replace")[-3000:], file=sys.stderr)
                raise
            finally:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                process.kill()

    def worker(
        self, group: str, guarantee: str = "at_least_once", module: str = "stream_app", **settings: str
    ) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        """The product's scorer, with the settings docs advise for this engine and otherwise the defaults.

        ``module``: another program that takes the same command and settings.
        """
        return self.child(
            module,
            "worker",
            **self.client_settings,
            group=group,
            guarantee=guarantee,
            clients=str(self.clients),
            web_port="0",
            log_level="warning",
            fetch_max_wait_seconds=str(self.fetch_wait_ms / 1000),
            rebalance_timeout_seconds=str(REBALANCE_SECONDS[self.engine]),
            **settings,
        )


def for_librdkafka(connection: KafkaConnection) -> dict[str, Any]:
    """A connection in librdkafka's words; of TLS the trusted authorities only."""
    options: dict[str, Any] = {
        "bootstrap.servers": str(connection),
        "security.protocol": connection.security_protocol,
    }
    if connection.tls:
        options["ssl.ca.location"] = str(connection.tls.authorities)
    if connection.sasl:
        options |= {
            "sasl.mechanism": connection.sasl.mechanism,
            "sasl.username": connection.sasl.username,
            "sasl.password": connection.sasl.password,
        }
    return options


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"STREAM_APP_{name.upper()}": value for name, value in settings.items()}


@contextlib.contextmanager
def start_testbed(engine: Choice, *, secured: bool = False) -> Iterator[Testbed]:
    """Start a broker, create the product's topics, store the clients. ``secured``: over SASL_SSL with SCRAM."""
    users = {USER: EVERYTHING} if secured else None
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, start_broker(engine, users=users, say=print) as broker:
        user = broker.users.get(USER)
        connection = KafkaConnection(broker.bootstrap)
        if user is not None:
            connection = ConnectionSettings.read(kafka=broker.bootstrap, kafka_properties=user).connection
        testbed = Testbed(connection, broker.engine, Path(folder), read_book(), user)
        store_clients(testbed.book, testbed.clients)
        testbed.create_topics(*TOPICS.all())
        yield testbed
