"""The stage of one benchmark: a broker of its own, its topics, the client store; gone at the end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.loans import read_book, requests, store_clients
from stream_app.broker import Choice, start_broker
from stream_app.demo.loan_book import Replay
from stream_app.topics import TopicNames

PARTITIONS = 4
TOPICS = TopicNames()
REPOSITORY = Path(__file__).parent.parent

# What the product's README advises for Tansu, which waits out every fetch and every rebalance.
FETCH_WAIT_MS = {"kafka": 500, "tansu": 5}
REBALANCE_SECONDS = {"kafka": 20, "tansu": 3}


@dataclass(frozen=True)
class Stage:
    """A running broker with the product's topics, and a folder for what the benchmark keeps meanwhile."""

    bootstrap: str
    engine: str
    folder: Path
    book: Replay

    @property
    def clients(self) -> Path:
        """The SQLite client store."""
        return self.folder / "clients.db"

    @property
    def fetch_wait_ms(self) -> int:
        """How long this broker may hold an empty fetch."""
        return FETCH_WAIT_MS[self.engine]

    def create_topics(self, *names: str) -> None:
        """New topics, four partitions each."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        topics = [NewTopic(name, num_partitions=PARTITIONS, replication_factor=1) for name in names]
        for created in admin.create_topics(topics).values():
            created.result()

    def load(self, topic: str, count: int, first: int = 0) -> None:
        """Put ``count`` requests on a topic, in batches as a busy producer makes them. Raises if one is not taken.

        ``first``: number of the first; a request of the same number is the same again, which the product skips.
        """
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 50, "partitioner": "murmur2_random"})
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
    def child(self, module: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """``python -m module`` in the stage's folder, told to end when the block ends and killed ten seconds later."""
        log = self.folder / f"{'-'.join((module, *arguments[:1])).replace('/', '-')}.log"
        with (
            log.open("wb") as said,
            subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
                stdout=said,
                stderr=said,
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
        self, group: str, guarantee: str = "at_least_once", module: str = "stream_app", **environment: str
    ) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        """The product itself, with the settings its README advises for this engine and otherwise the defaults.

        ``module``: another that takes the same command and settings.
        """
        return self.child(
            module,
            "worker",
            STREAM_APP_KAFKA=self.bootstrap,
            STREAM_APP_GROUP=group,
            STREAM_APP_GUARANTEE=guarantee,
            STREAM_APP_CLIENTS=str(self.clients),
            STREAM_APP_WEB_PORT="0",
            STREAM_APP_LOG_LEVEL="warning",
            STREAM_APP_FETCH_MAX_WAIT_SECONDS=str(self.fetch_wait_ms / 1000),
            STREAM_APP_REBALANCE_TIMEOUT_SECONDS=str(REBALANCE_SECONDS[self.engine]),
            **environment,
        )


@contextlib.contextmanager
def stage(engine: Choice) -> Iterator[Stage]:
    """Start a broker, create the product's topics, store the clients."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, start_broker(engine, say=print) as broker:
        ready = Stage(broker.bootstrap, broker.engine, Path(folder), read_book())
        store_clients(ready.book, ready.clients)
        ready.create_topics(*TOPICS.all())
        yield ready
