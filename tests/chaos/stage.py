"""The stage of one run: a cluster, topics and clients, scorers under a supervisor, traffic, a reader that watches."""

from __future__ import annotations

import sys
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from benchmarks.loans import read_book, store_clients
from models.bundle import shipped_bundle
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import TopicNames, create_topics
from tests.chaos.bundles import Bundles
from tests.chaos.cluster import KafkaCluster
from tests.chaos.traffic import Traffic
from tests.chaos.watcher import Watcher
from tests.chaos.workers import Supervisor
from tests.servers.deployment import Source
from tests.servers.waiting import wait_until

PARTITIONS = 4
WORKERS = 2
REPEATS = 0.01


@dataclass(frozen=True, kw_only=True)
class Options:
    """``remembers``: whether scorers remember decided ids, and repeats are sent. ``rate``: requests a second.

    ``poison``: share of bad requests. ``program``: the module that scorers run, with its arguments.
    ``patience_seconds``: deadline of a recovery, far above every figure: who has not recovered by then has failed.
    """

    guarantee: str = "exactly_once"
    remembers: bool = True
    rate: float = 300.0
    poison: float = 0.01
    program: str = "tests.chaos.victim"
    patience_seconds: float = 180.0


class Stage:
    """Everything a fault may lay hands on, on a cluster that is ready; a context manager."""

    def __init__(self, folder: Path, cluster: KafkaCluster, options: Options) -> None:
        self.folder, self.cluster, self.options = folder, cluster, options
        run = uuid.uuid4().hex[:6]
        self.prefix = f"{run}."
        self.names, self.group = TopicNames.prefixed(self.prefix), f"{run}.scorer"
        folder.mkdir(exist_ok=True)
        self._exit = ExitStack()
        try:
            self._set_up(run)
        except BaseException:
            self._exit.close()
            raise

    def _set_up(self, run: str) -> None:
        create_topics(KafkaConnection(self.cluster.bootstrap), PARTITIONS, self.cluster.replication, names=self.names)
        book = read_book()
        self.clients = self.folder / "clients.db"
        store_clients(book, self.clients)
        self.bundles = Bundles(shipped_bundle(), self.folder / "bundles")
        outputs = [self.names.decisions, self.names.rejections]
        self.watcher = Watcher(self.cluster.bootstrap, outputs, PARTITIONS)
        self._exit.callback(self.watcher.close)
        self.supervisor = Supervisor(self.folder, self._command(), self._settings())
        self._exit.callback(self.supervisor.close)
        self.workers = [self.supervisor.add(f"worker{number}") for number in range(1, WORKERS + 1)]
        self.traffic = Traffic(self.cluster.bootstrap, self.names.requests, book, run, rate=self.options.rate)
        self._exit.callback(self.traffic.close)

    def _command(self) -> list[str]:
        enter = self.cluster.network.enter if self.cluster.network else []
        return [*enter, sys.executable, "-m", *self.options.program.split()]

    def _settings(self) -> dict[str, object]:
        return {
            "kafka": self.cluster.link_bootstrap or self.cluster.bootstrap,
            "group": self.group,
            "topic_prefix": self.prefix,
            "clients": self.clients,
            "bundle": self.bundles.current,
            "guarantee": self.options.guarantee,
            "web_port": 0,
            **({} if self.options.remembers else {"remembered_ids": 0}),
        }

    def spoil(self) -> None:
        """From now on some requests are bad, and some come twice; until then nothing was rejected."""
        self.traffic.poison = self.options.poison
        self.traffic.repeats = REPEATS if self.options.remembers else 0.0

    def recovered(self, since: float) -> float:
        """Seconds from ``since`` (``time.monotonic()``) until in every partition a request sent later was answered."""

        def arrivals() -> list[float] | None:
            first = self.traffic.first_sent_after(since)
            found = [self.watcher.arrival(source) for source in first.values()]
            return [at for at in found if at] if len(first) == PARTITIONS and all(found) else None

        arrived: list[float] = wait_until(
            arrivals, "requests sent after the fault are answered", self.options.patience_seconds
        )
        return max(arrived) - since

    def longest_wait(self, start: float, end: float) -> float:
        """The most seconds from sending to its answer that a request sent between these moments took."""
        sent = self.traffic.sent_between(start, end)
        arrivals = ((at, self.watcher.arrival(source)) for at, source in sent)
        return max((arrived - at for at, arrived in arrivals if arrived), default=0.0)

    def answered(self, source: Source) -> None:
        """Wait until one request has an output."""
        wait_until(lambda: self.watcher.arrival(source), f"request {source} is answered", self.options.patience_seconds)

    def close(self) -> None:
        self._exit.close()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()
