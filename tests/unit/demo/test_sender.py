"""The sender: where messages go, how many are under way, and what the ledger learns of each."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import msgspec
import pytest
from aiokafka.structs import RecordMetadata, TopicPartition

from stream_app.demo.environment import Environment
from stream_app.demo.kafka_clients import Activity
from stream_app.demo.loan_book import LabelSchedule
from stream_app.demo.reconciliation import Answer, Ledger
from stream_app.demo.sender import MAX_CHUNK, Pace, Sender, partition_of
from stream_app.events import Label, LoanRequest
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.tables.columns import Request
from stream_app.tables.messages import DECISION, Message
from stream_app.topics import TopicNames


class Batch:
    """A batch that takes ``room`` records."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.values: list[bytes | None] = []

    def append(self, *, timestamp: float | None, key: bytes | None, value: bytes | None) -> object | None:  # noqa: ARG002
        assert timestamp is None, "None stands for now"
        if len(self.values) == self.room:
            return None
        self.values.append(value)
        return self


NO_LABELS = LabelSchedule([], [])


def environment(partitions: int = 4) -> Environment:
    return Environment(connection=KafkaConnection("127.0.0.1:1"), description="", partitions=partitions)


class Broker:
    """Takes batches and answers with the offset of their first record; ``answering`` also decides each request."""

    def __init__(
        self, ledger: Ledger, room: int = 1_000_000, answering: bool = True, fault: Exception | None = None
    ) -> None:
        self.ledger, self.room, self.answering, self.fault = ledger, room, answering, fault
        self.log: dict[int, list[bytes | None]] = {}
        self.truth: dict[int, list[bytes | None]] = {}
        self.topics: list[str] = []
        self.most_at_once = 0

    def create_batch(self) -> Batch:
        return Batch(self.room)

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[Any]:
        delivery: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.fault:
            delivery.set_exception(self.fault)
            return delivery
        is_request = topic == TopicNames().requests
        self.topics.append(topic)
        log = (self.log if is_request else self.truth).setdefault(partition, [])
        first = len(log)
        log += batch.values
        tp = TopicPartition(topic, partition)
        delivery.set_result(RecordMetadata(topic, partition, tp, first, 0, 0, 0))
        self.most_at_once = max(self.most_at_once, len(batch.values))
        if self.answering and is_request:
            for offset in range(first, len(log)):
                self.ledger.answered((partition, offset), Answer(0.0, DECISION))
        return delivery


def messages(count: int) -> list[Message]:
    return [Message(b"%d" % number, b"value %d" % number) for number in range(count)]


def send(
    batch: list[Message],
    broker: Broker,
    pace: Pace,
    partitions: int = 4,
    seconds: float = 20.0,
    labels: LabelSchedule = NO_LABELS,
) -> Sender:
    async def run() -> Sender:
        sender = Sender(broker, broker, environment(partitions), broker.ledger, Activity())
        async with asyncio.timeout(seconds):
            await sender.send_all(batch, pace, labels)
        return sender

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("key", "hashed"), [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)]
)
def test_a_key_goes_where_the_java_client_sends_it(key: bytes, hashed: int) -> None:
    """The hashes are those of Kafka's own UtilsTest."""
    assert partition_of(key, index=0, partitions=2**31) == hashed & 0x7FFFFFFF
    assert partition_of(key, index=0, partitions=4) == (hashed & 0x7FFFFFFF) % 4


def test_messages_without_a_key_take_turns() -> None:
    assert [partition_of(None, index, partitions=4) for index in range(6)] == [0, 1, 2, 3, 0, 1]


def test_every_message_is_sent_once_and_booked_where_the_broker_put_it() -> None:
    broker = Broker(Ledger())
    sender = send(messages(3_000), broker, Pace(window=500))
    assert sorted(value for log in broker.log.values() for value in log if value) == sorted(
        m.value for m in messages(3_000) if m.value
    )
    account = broker.ledger.account(wanted=3_000)
    assert (sender.sent, broker.ledger.requests, account.missing, account.duplicates) == (3_000, 3_000, 0, 0)


def test_messages_of_one_key_keep_their_order() -> None:
    broker = Broker(Ledger())
    send([Message(b"k", b"%d" % number) for number in range(2_500)], broker, Pace(window=100))
    [log] = broker.log.values()
    assert log == [b"%d" % number for number in range(2_500)]


def test_what_does_not_fit_a_batch_goes_into_the_next() -> None:
    broker = Broker(Ledger(), room=7)
    send(messages(1_000), broker, Pace())
    assert sum(len(log) for log in broker.log.values()) == broker.ledger.requests == 1_000
    assert broker.most_at_once == 7


def test_no_more_than_the_window_is_ever_under_way() -> None:
    broker = Broker(Ledger(), answering=False)
    with pytest.raises(TimeoutError):
        send(messages(10_000), broker, Pace(window=300), seconds=0.2)
    assert sum(len(log) for log in broker.log.values()) == 300


def test_the_chunk_is_bounded_however_large_the_window() -> None:
    broker = Broker(Ledger())
    send(messages(5_000), broker, Pace(window=100_000), partitions=1)
    assert broker.most_at_once == MAX_CHUNK


def test_a_steady_pace_does_not_wait_for_answers() -> None:
    broker = Broker(Ledger(), answering=False)
    sender = send(messages(50), broker, Pace(window=1, rate=1_000))
    assert (sender.sent, sender.in_flight) == (50, 50)


def test_a_steady_pace_takes_as_long_as_the_rate_says() -> None:
    async def run() -> float:
        broker = Broker(Ledger())
        started = asyncio.get_running_loop().time()
        sender = Sender(broker, broker, environment(), broker.ledger, Activity())
        await sender.send_all(messages(41), Pace(rate=200), NO_LABELS)
        return asyncio.get_running_loop().time() - started

    assert 0.2 <= asyncio.run(run()) < 2.0


def applications(days: list[int]) -> list[Request]:
    """One on each of these days of 2005."""
    first = dt.datetime(2005, 1, 1, tzinfo=dt.UTC)
    return [LoanRequest(f"r{day}", f"c{day}", first + dt.timedelta(days=day)) for day in days]


def label(day: int, known_after_days: int) -> Label:
    at = dt.datetime(2005, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day + known_after_days)
    return Label(f"r{day}", f"c{day}", True, at)


def ids(due: list[Message]) -> list[str]:
    return [message.request_id for message in due]


def test_a_label_is_due_when_the_first_request_dated_as_late_is_sent() -> None:
    truth = LabelSchedule([label(0, 15), label(10, 10)], applications([0, 10, 20, 30]))
    assert [ids(truth.due(sent)) for sent in (1, 2, 3, 4)] == [[], [], ["r0", "r10"], []]
    assert truth.rest() == []


def test_labels_are_due_in_the_order_they_became_known() -> None:
    truth = LabelSchedule([label(0, 9), label(1, 4), label(2, 1)], applications([0, 1, 2, 10]))
    assert ids(truth.due(4)) == ["r2", "r1", "r0"]


def test_what_became_known_after_the_last_request_is_the_rest() -> None:
    truth = LabelSchedule([label(0, 1_000), label(1, 500)], applications([0, 1]))
    assert (truth.due(2), ids(truth.rest()), truth.rest()) == ([], ["r1", "r0"], [])


def test_labels_go_out_between_the_requests_and_the_rest_after_them() -> None:
    days = list(range(2_500))
    requests = applications(days)
    broker = Broker(Ledger())
    labels = [label(day, 100 if day < 1_000 else 10_000) for day in days]
    truth = LabelSchedule(labels, requests)
    sender = send(messages(2_500), broker, Pace(window=500), partitions=1, labels=truth)
    assert (sender.sent, sender.labels, broker.ledger.requests) == (2_500, 2_500, 2_500)
    first_labels = broker.topics.index(TopicNames().outcomes)
    assert broker.topics[first_labels:].count(TopicNames().requests) > 1
    assert broker.topics[-1] == TopicNames().outcomes
    told = [msgspec.json.decode(value, type=Label).observed_at for value in broker.truth[0] if value]
    assert (len(told), told) == (2_500, sorted(told))


def test_a_label_goes_to_the_partition_of_its_client() -> None:
    broker = Broker(Ledger())
    send(messages(1), broker, Pace(), labels=LabelSchedule([label(0, 5)], applications([0])))
    assert list(broker.truth) == [partition_of(b"c0", 0, 4)]


def test_sending_is_finished_when_every_delivery_is_confirmed() -> None:
    assert send(messages(10), Broker(Ledger()), Pace()).finished
    broker = Broker(Ledger())
    sender = Sender(broker, broker, environment(), broker.ledger, Activity())
    assert not sender.finished


def test_a_failed_delivery_ends_the_sending_with_its_error() -> None:
    class Refused(Exception):
        pass

    with pytest.raises(Refused):
        send(messages(10_000), Broker(Ledger(), answering=False, fault=Refused()), Pace(rate=1_000_000))
