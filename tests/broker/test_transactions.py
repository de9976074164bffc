"""Transactions on a real Kafka: what comes late is refused, and what others left open is ended at once."""

from __future__ import annotations

import time

import pytest
from kafka import KafkaConsumer

from stream_app.broker import Broker
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.transactions.errors import Fenced
from stream_app.transactions.requests import Member
from stream_app.transactions.turns import GroupTransactions
from tests.broker.transacting import ANSWERS, Topics, Wire, committed, one, run, transactions

pytestmark = [pytest.mark.kafka]


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
