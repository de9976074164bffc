"""A cluster of three: ready when all are registered, one may die, freeze and come back with what it had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import TopicNames, check_topics, create_topics
from tests.chaos.cluster import KafkaCluster
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.kafka, pytest.mark.chaos]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    with KafkaCluster(3, tmp_path_factory.mktemp("cluster")) as made:
        made.wait_ready()
        create_topics(KafkaConnection(made.bootstrap), 4, 3)
        yield made


def test_every_topic_has_three_replicas_two_of_which_must_have_a_write(cluster: KafkaCluster) -> None:
    with cluster.admin() as admin:
        partitions = [each for topic in admin.describe_topics() for each in topic["partitions"]]
    assert {len(partition["replica_nodes"]) for partition in partitions} == {3}
    for broker in cluster.brokers:
        settings = (broker.folder / "server.properties").read_text()
        assert "\ntransaction.state.log.min.isr=2\n" in settings
        assert "\nmin.insync.replicas=2\n" in settings


def test_a_killed_broker_is_missed_and_comes_back_with_its_log(cluster: KafkaCluster) -> None:
    victim = cluster.brokers[0]
    victim.kill()
    assert victim.ended()
    for _ in range(5):  # the others still name it, so that every third question or so goes there
        assert check_topics(KafkaConnection(cluster.brokers[1].bootstrap), names=TopicNames()) == 4
    wait_until(lambda: cluster.brokers[1].known() == 2, "the others miss it")
    victim.restart()
    cluster.wait_ready()
    cluster.wait_replicated()
    assert check_topics(KafkaConnection(victim.bootstrap), names=TopicNames()) == 4


def test_a_stopped_broker_keeps_its_process_and_goes_on(cluster: KafkaCluster) -> None:
    broker = cluster.brokers[1]
    state = Path(f"/proc/{broker.java}/stat")
    broker.stop()
    wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "it is stopped")
    broker.cont()
    assert check_topics(KafkaConnection(broker.bootstrap), names=TopicNames()) == 4


def test_nothing_is_left_at_the_end(tmp_path: Path) -> None:
    with KafkaCluster(1, tmp_path / "logs") as alone:
        alone.wait_ready()
        java = alone.brokers[0].java
    assert not Path(f"/proc/{java}").exists()
    assert not (tmp_path / "logs").exists()
