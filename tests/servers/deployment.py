"""A whole deployment for one test: its own topics and group on a shared broker, scorers as real child processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from stream_app.broker.ports import free_ports
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.runtime.watchdog import STOP_SECONDS
from stream_app.topics import TopicNames, create_topics
from tests.servers.waiting import wait_until

PARTITIONS = 4
Source = tuple[int, int]  # partition and offset of an input record


@dataclass
class Worker:
    """One scorer or monitor process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def page(self, name: str, *, whatever_the_status: bool = False) -> str:
        """The body of one of its pages, empty while it does not answer with 200 (or at all)."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{name}", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as refused:
            return str(refused.read().decode()) if whatever_the_status else ""
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return ""

    def metric(self, name: str) -> float:
        """The sum of a series over its labels."""
        lines = [line for line in self.page("metrics").splitlines() if line.startswith(("loan_scorer_" + name,))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def ready(self) -> bool:
        assert self.process.poll() is None, f"the worker ended:\n{self.log.read_text()[-2000:]}"
        return bool(self.page("ready"))

    def end(self, how: signal.Signals) -> int:
        """Send a signal and wait for the exit status, for as long as a worker promises to take at most, and a tick."""
        self.process.send_signal(how)
        return self.process.wait(timeout=STOP_SECONDS + 2)


class OutputReader:
    """Reads topics to their present end, again and again, and remembers what it read."""

    def __init__(self, bootstrap: str, topics: list[str], partitions: int = PARTITIONS) -> None:
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False
        )
        self._partitions = [TopicPartition(topic, p) for topic in topics for p in range(partitions)]
        self._consumer.assign(self._partitions)
        self._consumer.seek_to_beginning(*self._partitions)
        self._seen: list[Any] = []

    def read_to_end(self) -> list[Any]:
        """Every record up to where the topics end at the time of the call."""
        ends = self._consumer.end_offsets(self._partitions)
        wait_until(lambda: self._at(ends), "the outputs are read to their end")
        return self._seen

    def _at(self, ends: dict[Any, int]) -> bool:
        """At the reported ends and nothing more comes: Tansu reports the first record of the last batch as the end."""
        fetched = self._consumer.poll(timeout_ms=200, max_records=5_000)
        for records in fetched.values():
            self._seen.extend(records)
        return not fetched and all(self._consumer.position(tp) >= end for tp, end in ends.items())

    def close(self) -> None:
        self._consumer.close()


@dataclass
class Deployment:
    """Topics, group, client store and scorers of one test."""

    bootstrap: str
    names: TopicNames
    prefix: str
    clients: Path | str
    folder: Path
    engine: str
    partitions: int = PARTITIONS
    workers: list[Worker] = field(default_factory=list)
    _reader: OutputReader | None = None

    @classmethod
    def on(
        cls, broker: Any, prefix: str, clients: Path | str, folder: Path, partitions: int = PARTITIONS
    ) -> Deployment:
        names = TopicNames.prefixed(prefix)
        create_topics(KafkaConnection(broker.bootstrap), partitions, names=names)
        return cls(broker.bootstrap, names, prefix, clients, folder, broker.engine, partitions)

    @property
    def group(self) -> str:
        """The scorers' group."""
        return self.prefix + "scorer"

    @property
    def monitor_group(self) -> str:
        return self.prefix + "monitor"

    def start(
        self, *, command: str = "worker", program: str = "stream_app", ready: bool = True, **settings: Any
    ) -> Worker:
        """Start a scorer (or a ``monitor``, a ``gateway``) and, unless told not to, wait until it is ready.

        ``program``: the module that is run, and its own options.
        """
        [port] = free_ports(1)
        log = self.folder / f"{command.split()[0]}{len(self.workers)}.log"
        given = {
            "kafka": self.bootstrap,
            "group": self.group,
            "topic_prefix": self.prefix,
            "clients": self.clients,
            "web_port": port,
            "monitor_group": self.monitor_group,
            "monitor_port": port,
            "gateway_port": port,
            "store": self.folder / "decisions.db",
            "reports": self.folder / "reports",
            "guarantee": "at_least_once" if self.engine == "tansu" else "exactly_once",
            "fetch_max_wait_seconds": 0.005 if self.engine == "tansu" else 0.5,
            "rebalance_timeout_seconds": 3 if self.engine == "tansu" else 20,
            **settings,
        }
        environment = os.environ | {f"STREAM_APP_{name.upper()}": str(value) for name, value in given.items()}
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", *program.split(), *command.split()], env=environment, stdout=out, stderr=out
            )
        worker = Worker(process, port, log)
        self.workers.append(worker)
        if ready:
            wait_until(worker.ready, "the worker is ready")
        return worker

    def send(self, records: Iterable[tuple[int, bytes | None, bytes | None]]) -> list[Source]:
        """Publish (partition, key, value) records, wait for every delivery, give back where each one lies."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5, batch_size=65_536)
        try:
            sent = [
                producer.send(self.names.requests, value=value, key=key, partition=partition)
                for partition, key, value in records
            ]
            delivered = [future.get(timeout=30) for future in sent]
            return [(record.partition, record.offset) for record in delivered]
        finally:
            producer.close()

    def read(self, topic: str) -> list[Any]:
        """Everything that is in an output topic now, as a read_committed reader sees it."""
        if self._reader is None:
            self._reader = OutputReader(self.bootstrap, [self.names.decisions, self.names.rejections], self.partitions)
        return [record for record in self._reader.read_to_end() if record.topic == topic]

    def answers(self) -> Counter[Source]:
        """How many outputs each input record has, decisions and rejections together."""
        outputs = self.read(self.names.decisions) + self.read(self.names.rejections)
        return Counter(source_of(record) for record in outputs)

    def answered(self, sources: Iterable[Source], seconds: float = 60.0) -> Counter[Source]:
        """Wait until each of these inputs has an output; then how many each has."""
        wanted = set(sources)

        def all_of_them() -> Counter[Source] | None:
            answers = self.answers()
            return answers if answers.keys() >= wanted else None

        found: Counter[Source] = wait_until(all_of_them, f"{len(wanted)} inputs are answered", seconds)
        return found

    def stop(self) -> None:
        """End what still runs."""
        if self._reader is not None:
            self._reader.close()
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.kill()
            worker.process.wait()


def assigned(worker: Worker) -> float:
    return worker.metric("partitions_assigned")


def headers_of(record: Any) -> dict[str, bytes]:
    return dict(record.headers)


def source_of(record: Any) -> Source:
    headers = headers_of(record)
    return int(headers["source-partition"]), int(headers["source-offset"])
