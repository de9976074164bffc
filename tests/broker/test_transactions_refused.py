"""Transactions on a real Kafka that is old, worn out or away: nothing is lost or doubled, and the fault has a name."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.protocol import admin as messages

from stream_app.broker import Broker
from stream_app.broker.kafka_download import kafka_jars
from stream_app.broker.kafka_engine import Node, find_java, kafka_node, new_cluster_id
from stream_app.broker.ports import LOOPBACK, free_ports
from stream_app.delivery.transactions import require_transactions
from stream_app.errors import BrokerUnreachable, DeliveryFailed, SettingsError
from stream_app.kafka_admin import wait_for_broker
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.transactions.cluster import Cluster
from stream_app.transactions.errors import NoAnswer, Refused
from stream_app.transactions.producer import TransactionalProducer
from stream_app.transactions.requests import Member
from stream_app.transactions.wire import Request
from tests.broker.transacting import Topics, Wire, committed, one, run, transactions
from tests.builders.scorer_requests import requests
from tests.servers.deployment import Deployment

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ODD = {
    "transaction.max.timeout.ms": "30000",
    "transactional.id.expiration.ms": "3000",
    "transaction.remove.expired.transaction.cleanup.interval.ms": "500",
}
"""Allows short transactions only, and soon forgets who made them."""
LAST_EPOCH = 32_766


def started(folder: Path, settings: dict[str, str]) -> Broker:
    port, controller = free_ports(2)
    voters = [f"1@{LOOPBACK}:{controller}"]
    node = Node(number=1, port=port, controller_port=controller, voters=voters, settings=settings)
    broker = Broker(kafka_node(find_java(), kafka_jars(print), folder, node, new_cluster_id()), folder, keep=True)
    wait_for_broker(KafkaConnection(broker.bootstrap), 90)
    return broker


@pytest.fixture(scope="module")
def old_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """With the first version of the protocol, and :data:`ODD`."""
    with started(tmp_path_factory.mktemp("old"), ODD) as broker:
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        assert admin.update_features({"transaction.version": ("SAFE_DOWNGRADE", 1)}) == {"transaction.version": "OK"}
        admin.close()
        yield broker


@pytest.fixture
def kafka_broker(request: pytest.FixtureRequest) -> Broker:
    """The topics are made on the broker that the test has."""
    named = "old_broker" if "old_broker" in request.fixturenames else "new_broker"
    found: Broker = request.getfixturevalue(named)
    return found


@pytest.fixture(scope="module")
def new_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """With what Kafka's newest version does by itself."""
    with started(tmp_path_factory.mktemp("new"), {}) as broker:
        yield broker


@pytest.fixture
def lonely_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Its topic of transactions is to have more replicas than there are brokers: there is no coordinator."""
    with started(tmp_path_factory.mktemp("lonely"), {"transaction.state.log.replication.factor": "3"}) as broker:
        yield broker


OLD_VERSIONS = {"EndTxn": (26, 3), "Produce": (0, 9), "TxnOffsetCommit": (28, 3)}


@pytest.mark.parametrize("held", OLD_VERSIONS)
def test_in_the_first_version_what_was_not_answered_is_fenced_before_anything_else(
    held: str, old_broker: Broker, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may still come at any time; the epoch of whoever goes on refuses it."""
    wire = Wire(monkeypatch)
    key, version = OLD_VERSIONS[held]

    async def story() -> None:
        ours = transactions(old_broker, topics)
        await ours.take_over(topics.inputs)
        await one(ours, topics, 1)
        with monkeypatch.context() as patched:
            patched.setattr(AIOKafkaConnection, "send", holding(held, wire))
            with pytest.raises(NoAnswer):
                await one(ours, topics, 2)
        late = dict(wire.frames)
        await ours.discard()
        again = transactions(old_broker, topics)
        assert await again.take_over(topics.inputs) == topics.offsets(1)
        await again.publish(topics.outputs(b"2 again"))
        wire.frames = late
        assert any(wire.once_more(old_broker, key, version))
        assert committed(old_broker, topics) == [b"1"]
        await again.add_offsets(topics.offsets(2))
        await again.commit()
        assert again._cluster.transaction_version == 1
        await again.discard()

    run(story)
    assert committed(old_broker, topics) == [b"1", b"2 again"]


def holding(name: str, wire: Wire) -> Any:
    """A connection that keeps requests of this name, and breaks."""
    send = AIOKafkaConnection.send

    def held(self: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
        if not (isinstance(request, Request) and str(request).startswith(name)):
            return send(self, request, expect_response)
        wire.keep(request)
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(name)

    return held


def test_a_scorer_decides_once_in_the_first_version_and_its_log_says_which(
    old_broker: Broker, unique_prefix: str, clients: Path, tmp_path: Path
) -> None:
    deployment = Deployment.on(old_broker, unique_prefix, clients, tmp_path)
    try:
        killed = deployment.start(delivery_timeout_seconds=20)
        sources = deployment.send(requests(2_000))
        deployment.answered(sources[:1])
        killed.end(signal.SIGKILL)
        heir = deployment.start(delivery_timeout_seconds=20)
        assert set(deployment.answered(sources).values()) == {1}
        assert "transactions: version 1 of the protocol" in heir.log.read_text()
    finally:
        deployment.stop()


def test_transactions_longer_than_the_broker_allows_are_a_setting_to_change(old_broker: Broker) -> None:
    with pytest.raises(SettingsError, match=r"allows no transactions of 60 s\..*transaction\.max\.timeout\.ms higher"):
        asyncio.run(required(old_broker, wait_seconds=10))


def required(broker: Broker, wait_seconds: float) -> Any:
    return require_transactions(
        KafkaConnection(broker.bootstrap), "g.check.0", timeout_seconds=60, wait_seconds=wait_seconds
    )


def test_without_a_coordinator_the_start_ends_with_what_to_look_at(lonely_broker: Broker) -> None:
    with pytest.raises(BrokerUnreachable, match=r"No transaction coordinator .* within 3 s.*replication\.factor"):
        asyncio.run(required(lonely_broker, wait_seconds=3))


def test_a_producer_that_the_broker_forgot_is_refused_by_name_and_another_goes_on(
    old_broker: Broker, topics: Topics
) -> None:
    async def story() -> None:
        idle = transactions(old_broker, topics)
        await idle.take_over(topics.inputs)
        await one(idle, topics, 1)
        [node] = idle._cluster.nodes
        known = Request(messages.ListTransactionsRequest(), messages.ListTransactionsResponse, 0)
        while any(
            state.transactional_id.startswith(topics.group)
            for state in (await idle._cluster.ask(node, known)).transaction_states
        ):
            pass
        with pytest.raises(Refused, match="InvalidProducerIdMapping"):
            await one(idle, topics, 2)
        await idle.discard()
        awake = transactions(old_broker, topics)
        assert await awake.take_over(topics.inputs) == topics.offsets(1)
        await one(awake, topics, 2)
        await awake.discard()

    run(story)
    assert committed(old_broker, topics) == [b"1", b"2"]


@pytest.mark.timeout(300)
def test_after_the_last_epoch_transactions_go_on_under_another_producer_id(new_broker: Broker, topics: Topics) -> None:
    """An id has 32,767 epochs; most of them are used up by fencing, which is quicker than as many transactions."""
    member = Member(topics.group, -1, "")

    async def story() -> None:
        cluster = Cluster(KafkaConnection(new_broker.bootstrap), request_timeout_seconds=30)
        await cluster.start()
        producer = TransactionalProducer(cluster, topics.group + ".worn.0", transaction_seconds=60)
        await producer.fence()
        worn_out = producer._who.producer_id
        while producer._who.epoch < LAST_EPOCH - 5:
            await producer.fence()
        assert producer._who.producer_id == worn_out
        for number in range(20):
            await producer.publish(topics.outputs(b"%d" % number))
            await producer.add_offsets(topics.offsets(number), member)
            await producer.commit()
        assert producer._who.producer_id != worn_out
        assert producer._who.epoch < 20
        await cluster.close()

    asyncio.run(story())
    assert committed(new_broker, topics) == [b"%d" % number for number in range(20)]


def test_decisions_larger_than_their_topic_takes_end_the_worker_with_where_to_look_and_are_made_later(
    new_broker: Broker, unique_prefix: str, clients: Path, tmp_path: Path
) -> None:
    deployment = Deployment.on(new_broker, unique_prefix, clients, tmp_path)
    try:
        allow(new_broker, deployment.names.decisions, "200")
        worker = deployment.start(delivery_timeout_seconds=4)
        sources = deployment.send(requests(40))
        assert worker.process.wait(60) == DeliveryFailed.exit_status
        assert "(MessageSizeTooLarge)" in worker.log.read_text()
        assert "take records of this size?" in worker.log.read_text()
        allow(new_broker, deployment.names.decisions, "1048588")
        deployment.start()
        assert set(deployment.answered(sources).values()) == {1}
    finally:
        deployment.stop()


def allow(broker: Broker, topic: str, size: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"max.message.bytes": size})
    admin.alter_configs([resource], incremental=True)
    admin.close()
