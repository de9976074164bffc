"""Apache Kafka clusters without Docker: one broker or three, each of which can be killed, frozen and started again.

Every node is broker and controller at once. Three of them keep each record three times and take a write when two have
it, the internal topics included. All listen on the loopback interface; with a :class:`~tests.chaos.network.Network`
also on an address that a worker reaches over a link that can be cut.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType

from stream_app.broker.kafka_download import kafka_jars
from stream_app.broker.kafka_engine import Node, find_java, kafka_node, new_cluster_id
from stream_app.broker.ports import LOOPBACK, free_ports
from stream_app.broker.process import Launch, SupervisedProcess
from stream_app.errors import BrokerUnreachable, StreamAppError
from stream_app.kafka_admin import admin_client
from stream_app.kafka_connection.connection import KafkaConnection
from tests.chaos.network import Network
from tests.servers.waiting import wait_until

READY_SECONDS = 90.0
LINK = "LINK"
"""Name of the listener that workers on the network use."""


class ClusterBroker:
    """One broker process; ``number`` counts from 1."""

    def __init__(self, number: int, launch: Launch, folder: Path) -> None:
        self.number, self.folder = number, folder
        self.bootstrap = f"{LOOPBACK}:{launch.port}"
        self._command = launch.command
        self._process = self._started()

    def _started(self) -> SupervisedProcess:
        return SupervisedProcess(self._command, log=self.folder / "broker.log", remove=None)

    @property
    def java(self) -> int:
        """Process id of the broker itself, the only child of its supervisor."""
        supervisor = self._process.pid
        [child] = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        return int(child)

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone. Its log and ports stay as they are."""
        os.kill(self.java, signal.SIGKILL)
        wait_until(self._process.ended, f"broker {self.number} is dead")

    def stop(self) -> None:
        """SIGSTOP: it holds its connections and answers nobody."""
        os.kill(self.java, signal.SIGSTOP)

    def cont(self) -> None:
        """SIGCONT."""
        os.kill(self.java, signal.SIGCONT)

    def restart(self) -> None:
        """Start it again on the same ports and log; an orderly end first if it still runs."""
        self._process.stop()
        self._process = self._started()

    def end(self) -> None:
        """An orderly end; may be called again."""
        self._process.stop()

    def discard(self) -> None:
        """End it at once, in whatever state it is. Without a quorum an orderly end would wait for one."""
        with contextlib.suppress(ProcessLookupError, ValueError, FileNotFoundError):
            self.kill()
        self._process.stop()

    def ended(self) -> bool:
        return self._process.ended()

    def known(self) -> int:
        """How many brokers take part, as whoever bootstraps from this one hears; 0 without an answer."""
        try:
            with admin_client(KafkaConnection(self.bootstrap), 2.0) as admin:
                return sum(not broker["is_fenced"] for broker in admin.describe_cluster()["brokers"])
        except StreamAppError:
            return 0

    def last_lines(self) -> str:
        return self._process.last_lines()


class KafkaCluster:
    """One broker or three, with their logs in ``folder``; gone, with it, at the end of the ``with`` block.

    Raises BrokerStartFailed where Java, Maven or the jars are missing.
    """

    def __init__(self, brokers: int, folder: Path, network: Network | None = None) -> None:
        java, jars = find_java(), kafka_jars(print)
        self.folder, self.network = folder, network
        ports = free_ports(3 * brokers)
        nodes = _nodes(ports, brokers, network)
        cluster_id = new_cluster_id()
        self.brokers: list[ClusterBroker] = []
        for node in nodes:
            home = folder / f"broker-{node.number}"
            home.mkdir(parents=True, exist_ok=True)
            launch = kafka_node(java, jars, home, node, cluster_id)
            self.brokers.append(ClusterBroker(node.number, launch, home))
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)
        linked = network.addresses if network else []
        self.link_bootstrap = ",".join(f"{at}:{port}" for at, port in zip(linked, ports[2 * brokers :], strict=False))

    @property
    def replication(self) -> int:
        return len(self.brokers)

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Until each broker answers and none is fenced; a first answer alone comes before all are registered."""
        for broker in self.brokers:
            wait_until(partial(self._knows_all, broker), f"broker {broker.number} is ready", seconds)

    def _knows_all(self, broker: ClusterBroker) -> bool:
        assert not broker.ended(), f"broker {broker.number} ended:\n{broker.last_lines()}"
        return broker.known() == len(self.brokers)

    def wait_replicated(self, seconds: float = READY_SECONDS) -> None:
        """Until every replica of every topic has caught up: an operator restarts the next broker no sooner."""
        wait_until(self._replicated, "all replicas are in sync", seconds)

    def _replicated(self) -> bool:
        try:
            with self.admin() as admin:
                topics = admin.describe_topics()
        except StreamAppError:
            return False
        partitions = [partition for topic in topics for partition in topic["partitions"]]
        return all(len(each["isr_nodes"]) == len(each["replica_nodes"]) for each in partitions)

    @contextlib.contextmanager
    def admin(self) -> Iterator[Any]:
        with admin_client(KafkaConnection(self.bootstrap), 10.0) as admin:
            yield admin

    def configure(self, topic: str, settings: Mapping[str, str]) -> None:
        """Change settings of a topic, the others as they are."""
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict(settings))
        wait_until(lambda: self._configured(resource), f"{topic} takes {dict(settings)}")

    def _configured(self, resource: Any) -> bool:
        try:
            with self.admin() as admin:
                admin.alter_configs([resource], incremental=True)
        except BrokerUnreachable:
            return False
        return True

    def close(self) -> None:
        for broker in self.brokers:
            broker.discard()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> KafkaCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _nodes(ports: Sequence[int], brokers: int, network: Network | None) -> list[Node]:
    clients, controllers, linked = ports[:brokers], ports[brokers : 2 * brokers], ports[2 * brokers :]
    voters = [f"{number}@{LOOPBACK}:{port}" for number, port in enumerate(controllers, 1)]
    return [
        Node(
            number=at + 1,
            port=clients[at],
            controller_port=controllers[at],
            voters=voters,
            settings=_settings(brokers)
            | (_listeners(clients[at], controllers[at], linked[at], network.addresses[at]) if network else {}),
        )
        for at in range(brokers)
    ]


def _settings(brokers: int) -> dict[str, str]:
    if brokers == 1:
        return {}
    replicas, least = str(brokers), str(brokers - 1)
    return {
        "default.replication.factor": replicas,
        "min.insync.replicas": least,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": least,
    }


def _listeners(client: int, controller: int, linked: int, address: str) -> dict[str, str]:
    advertised = f"PLAINTEXT://{LOOPBACK}:{client},{LINK}://{address}:{linked}"
    return {
        "listeners": f"{advertised},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": advertised,
        "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,{LINK}:PLAINTEXT",
    }
