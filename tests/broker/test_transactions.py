"""Transactions on a real Kafka: what comes late is refused, and what others left open is ended at once."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import pytest
from aiokafka.conn import AIOKafkaConnection
from kafka import KafkaConsumer
from kafka import TopicPartition as Position
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.protocol.producer import EndTxnResponse, ProduceResponse, TxnOffsetCommitResponse

from stream_app.broker import Broker
from stream_app.events import Output, TopicPartition
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.transactions import requests
from stream_app.transactions.errors import Fenced
from stream_app.transactions.requests import Member
from stream_app.transactions.turns import GroupTransactions
from stream_app.transactions.wire import Request
from tests.chaos.late_requests import frame_of

pytestmark = [pytest.mark.kafka]

ANSWERS = {26: (EndTxnResponse, 5), 0: (ProduceResponse, 12), 28: (TxnOffsetCommitResponse, 5)}
PARTITIONS = 2


class Topics(NamedTuple):
    """An input and an output topic, and the group that reads the one."""

    consumed: str
    made: str
    group: str

    @property
    def inputs(self) -> list[TopicPartition]:
        return [TopicPartition(self.consumed, number) for number in range(PARTITIONS)]

    def outputs(self, *values: bytes) -> dict[TopicPartition, list[Output]]:
        records = [Output(False, b"k", value, [("h", b"1")]) for value in values]
        return {TopicPartition(self.made, number): records for number in range(PARTITIONS)}

    def offsets(self, offset: int) -> dict[TopicPartition, int]:
        return dict.fromkeys(self.inputs, offset)


@pytest.fixture
def topics(kafka_broker: Broker, unique_prefix: str) -> Iterator[Topics]:
    made = Topics(unique_prefix + "in", unique_prefix + "out", unique_prefix + "group")
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
    admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in made[:2]])
    yield made
    admin.close()


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


def transactions(broker: Broker, topics: Topics, member_id: str = "one") -> GroupTransactions:
    """Of a member that never joined: such a group takes offsets without a generation."""
    member = Member(topics.group, -1, member_id)
    made = GroupTransactions(member, connection=KafkaConnection(broker.bootstrap), timeout_seconds=30)
    made._member = member._replace(member_id="")
    return made


async def one(of: GroupTransactions, topics: Topics, number: int) -> None:
    """The ``number``-th transaction, whole."""
    await of.publish(topics.outputs(b"%d" % number))
    await of.add_offsets(topics.offsets(number))
    await of.commit()


def committed(broker: Broker, topics: Topics) -> list[bytes]:
    """What a read_committed reader has of partition 0 up to the end that it is shown."""
    reader = KafkaConsumer(bootstrap_servers=broker.bootstrap, isolation_level="read_committed")
    partition = Position(topics.made, 0)
    reader.assign([partition])
    reader.seek_to_beginning(partition)
    end, values = reader.end_offsets([partition])[partition], []
    while reader.position(partition) < end:
        values += [record.value for records in reader.poll(200).values() for record in records]
    reader.close()
    return values


class Wire:
    """Keeps the frames of this process's transactions, so that the broker can get them once more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frames: dict[int, bytes] = {}
        send = AIOKafkaConnection.send

        def kept(connection: Any, request: Any, expect_response: bool = True) -> Any:
            if isinstance(request, Request):
                self.keep(request)
            return send(connection, request, expect_response)

        monkeypatch.setattr(AIOKafkaConnection, "send", kept)

    def keep(self, request: Request) -> None:
        frame = frame_of(request)
        self.frames[struct.unpack(">h", frame[4:6])[0]] = frame

    def once_more(self, broker: Broker, key: int, version: int | None = None) -> list[int]:
        """The error codes with which the broker answers the last request of this kind when it comes again."""
        host, port = broker.bootstrap.split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(self.frames[key])
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            answer, newest = ANSWERS[key]
            decoded = answer.decode(_exactly(connection, size), version=version or newest, header=True)
        return list(requests.refused(decoded).values()) if key == 0 else requests.error_codes(decoded)


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += connection.recv(size - len(received))
    return received


@pytest.mark.parametrize("key", ANSWERS, ids=["EndTxn", "Produce", "TxnOffsetCommit"])
def test_a_request_that_arrives_in_the_middle_of_a_later_transaction_is_refused(
    key: int, kafka_broker: Broker, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the first version of the protocol the late end committed outputs without their offsets."""
    wire = Wire(monkeypatch)

    async def story() -> None:
        ours = transactions(kafka_broker, topics)
        await ours.take_over(topics.inputs)
        ours._producers = ours._producers[:1]  # the next transaction is of the same id
        await one(ours, topics, 1)
        late = dict(wire.frames)
        await ours.publish(topics.outputs(b"2"))
        wire.frames = late
        assert any(wire.once_more(kafka_broker, key))
        assert committed(kafka_broker, topics) == [b"1"]
        await ours.discard()
        heir = transactions(kafka_broker, topics, "two")
        assert await heir.take_over(topics.inputs) == topics.offsets(1)
        await one(heir, topics, 2)
        await heir.discard()

    run(story)
    assert committed(kafka_broker, topics) == [b"1", b"2"]


@pytest.mark.parametrize("offsets_sent", [False, True])
def test_what_a_killed_member_left_open_is_ended_at_once_by_whoever_takes_its_partitions_over(
    offsets_sent: bool, kafka_broker: Broker, topics: Topics
) -> None:
    async def story() -> None:
        killed = transactions(kafka_broker, topics, "killed")
        assert await killed.take_over(topics.inputs) == {}
        await one(killed, topics, 1)
        await killed.publish(topics.outputs(b"2"))
        if offsets_sent:
            await killed.add_offsets(topics.offsets(2))
        heir, began = transactions(kafka_broker, topics, "heir"), time.monotonic()
        assert await heir.take_over(topics.inputs) == topics.offsets(1)
        await one(heir, topics, 2)
        assert time.monotonic() - began < 15  # the transaction itself would be open for 30 s
        with pytest.raises(Fenced):
            await killed.commit()
        await killed.discard()
        await heir.discard()

    run(story)
    assert committed(kafka_broker, topics) == [b"1", b"2"]


def test_a_member_of_a_former_generation_commits_no_offsets(kafka_broker: Broker, topics: Topics) -> None:
    consumer = KafkaConsumer(topics.consumed, bootstrap_servers=kafka_broker.bootstrap, group_id=topics.group)
    while not consumer.assignment():
        consumer.poll(200)
    joined = consumer._coordinator.group_metadata()
    now = Member(topics.group, joined.generation_id, joined.member_id)

    async def attempt(member: Member) -> None:
        ours = GroupTransactions(member, connection=KafkaConnection(kafka_broker.bootstrap), timeout_seconds=30)
        await ours.take_over(topics.inputs)
        try:
            await ours.publish(topics.outputs(b"1"))
            await ours.add_offsets(topics.offsets(1))
            await ours.commit()
        finally:
            await ours.discard()

    async def story() -> None:
        for stranger in (now._replace(generation=now.generation - 1), now._replace(member_id="gone")):
            with pytest.raises(Fenced):
                await attempt(stranger)
        await attempt(now)

    run(story)
    consumer.close()
    assert committed(kafka_broker, topics) == [b"1"]


def test_outputs_larger_than_a_batch_are_one_transaction_in_their_order(kafka_broker: Broker, topics: Topics) -> None:
    values = [b"%06d" % number + b"x" * 700 for number in range(4_000)]

    async def story() -> None:
        ours = transactions(kafka_broker, topics)
        await ours.take_over(topics.inputs)
        await ours.publish(topics.outputs(*values))
        await ours.add_offsets(topics.offsets(len(values)))
        await ours.commit()
        await ours.discard()

    run(story)
    assert committed(kafka_broker, topics) == values
