"""Exactly-once lanes: take over before all else, offsets in the transaction, every doubt looked up, nothing guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from stream_app.delivery import in_doubt, takeover
from stream_app.delivery.exactly_once import TransactionalLanes
from stream_app.delivery.producer import OutputTopics
from stream_app.errors import DeliveryFailed
from stream_app.events import Offsets, Output, TopicPartition
from stream_app.transactions.errors import PRODUCER_FENCED, Fenced, NoAnswer
from stream_app.transactions.requests import Member
from stream_app.transport import AssignmentRevoked, assignment
from tests.builders.assignments import assigned, poll_of
from tests.builders.records import record

FIRST, SECOND = TopicPartition("loan.requests", 0), TopicPartition("loan.requests", 1)
DECIDED, REJECTED = Output(False, b"k", b"d", []), Output(True, b"k", b"r", [])


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(in_doubt, "REOPEN_SECONDS", 0.0)
    monkeypatch.setattr(in_doubt, "FENCED_SECONDS", 0.0)


class Broker:
    """Writes down every step of the transactions made on it; fails at the steps it is given, once each."""

    def __init__(self, *faults: tuple[str, Exception]) -> None:
        self.faults = dict(faults)
        self.steps: list[str] = []
        self.offsets: dict[TopicPartition, int] = {FIRST: 5}

    def step(self, name: str) -> None:
        self.steps.append(name)
        if fault := self.faults.pop(name, None):
            raise fault

    async def wait(self) -> None:
        """Before the answer to a take-over."""


class Lane:
    """Transactions of a member on that broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    async def take_over(self, partitions: Collection[TopicPartition]) -> Offsets:
        self.broker.step("take over")
        await self.broker.wait()
        return {tp: offset for tp, offset in self.broker.offsets.items() if tp in partitions}

    async def publish(self, records: Mapping[TopicPartition, Sequence[Output]]) -> None:
        self.broker.step(
            "publish " + ", ".join(f"{len(run)} to {tp.topic} {tp.partition}" for tp, run in records.items())
        )

    async def add_offsets(self, offsets: Offsets) -> None:
        self.broker.step("offsets")
        self.broker.offsets |= offsets

    async def commit(self) -> None:
        self.broker.step("commit")

    async def discard(self) -> None:
        self.broker.step("discard")


class Listener:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def committed(self) -> None:
        self.calls.append("committed")

    def not_committed(self, batches: int) -> None:
        self.calls.append(f"not committed {batches}")


class Consumer:
    """Seeks as the transport does: fence, then the committed offsets, then the next epoch."""

    def __init__(self, committed: Mapping[TopicPartition, int | None]) -> None:
        self.committed, self.epoch = committed, 0
        self.assignment = assigned(*committed, epoch=None)
        self.lanes: TransactionalLanes

    async def fence(self) -> None:
        self.assignment.end_epoch()
        await self.assignment.quiet()
        await self.lanes.before_seek(self.assignment)

    async def seek(self) -> None:
        await self.fence()
        self.epoch += 2
        self.assignment.begin_epoch(self.epoch)
        self.lanes.after_seek(self.committed)

    async def settle(self) -> None:
        await self.assignment.settle()
        await self.lanes.before_revocation()

    def reassign(self) -> None:
        """The partitions are revoked, and assigned once more."""
        self.lanes.after_revocation()
        self.assignment = self.assignment.end()
        self.assignment.partitions = frozenset(self.committed)


async def unsupervised(work: Awaitable[Any]) -> Any:
    return await work


def play(
    broker: Broker,
    story: Callable[[TransactionalLanes, Consumer, Listener], Awaitable[None]],
    timeout_seconds: float = 60.0,
) -> Listener:
    """Run a story on two partitions whose offsets 5 and none are committed."""
    listener, consumer = Listener(), Consumer({FIRST: 5, SECOND: None})
    lanes = TransactionalLanes(
        new_transactions=lambda _member: Lane(broker),
        member=lambda: Member("g", 3, "we"),
        seek=consumer.seek,
        listener=listener,
        supervise=unsupervised,
        topics=OutputTopics("decisions", "rejections"),
        timeout_seconds=timeout_seconds,
    )
    consumer.lanes = lanes

    async def whole() -> None:
        await consumer.seek()
        await story(lanes, consumer, listener)
        await lanes.close()

    asyncio.run(whole())
    return listener


def both() -> list[Any]:
    return [record(offset=5), record(offset=6), record(partition=1, offset=0)]


async def deliver(lanes: TransactionalLanes, _consumer: Consumer, _listener: Listener) -> None:
    assert await lanes.deliver(both(), [DECIDED, REJECTED, DECIDED])


def test_a_batch_is_one_transaction_with_the_outputs_and_offsets_of_all_its_partitions() -> None:
    broker = Broker()
    assert play(broker, deliver).calls == ["committed"]
    assert broker.steps == [
        "take over",
        "publish 1 to decisions 0, 1 to rejections 0, 1 to decisions 1",
        "offsets",
        "commit",
        "discard",
    ]
    assert broker.offsets == {FIRST: 7, SECOND: 1}


def test_reading_begins_at_the_offsets_that_were_committed_when_the_partitions_were_taken_over() -> None:
    async def story(lanes: TransactionalLanes, consumer: Consumer, _listener: Listener) -> None:
        assert await lanes.before_seek(consumer.assignment) == {FIRST: 5}

    play(Broker(), story)


def test_a_spare_worker_takes_nothing_over() -> None:
    async def story(lanes: TransactionalLanes, _consumer: Consumer, _listener: Listener) -> None:
        assert await lanes.before_seek(assigned(epoch=None)) == {}

    broker = Broker()
    play(broker, story)
    assert broker.steps.count("take over") == 1


def test_what_was_committed_is_the_offset_after_the_last_record() -> None:
    async def story(lanes: TransactionalLanes, consumer: Consumer, listener: Listener) -> None:
        assert lanes.committed_offsets() == {FIRST: 5, SECOND: 0}
        await deliver(lanes, consumer, listener)
        assert lanes.committed_offsets() == {FIRST: 7, SECOND: 1}

    play(Broker(), story)


def test_a_record_without_an_output_is_committed_all_the_same() -> None:
    async def story(lanes: TransactionalLanes, _consumer: Consumer, _listener: Listener) -> None:
        assert await lanes.deliver([record(offset=5)], [None])

    broker = Broker()
    play(broker, story)
    assert broker.steps == ["take over", "publish ", "offsets", "commit", "discard"]
    assert broker.offsets == {FIRST: 6}


@pytest.mark.parametrize("step", ["publish 1 to decisions 0, 1 to rejections 0, 1 to decisions 1", "offsets", "commit"])
@pytest.mark.parametrize("fault", [Fenced(PRODUCER_FENCED), NoAnswer(), TimeoutError(), AssertionError()])
def test_after_a_doubt_at_any_step_nothing_more_is_held_until_the_lanes_are_opened_anew(
    step: str, fault: Exception
) -> None:
    broker = Broker((step, fault))

    async def story(lanes: TransactionalLanes, consumer: Consumer, _listener: Listener) -> None:
        old = poll_of(consumer.assignment, {FIRST: [record(offset=5)]})
        assert not await lanes.deliver(both(), [DECIDED, REJECTED, DECIDED])
        assert not old.is_current
        assert old.admit() == []
        await until(lambda: consumer.epoch == 4)
        again = poll_of(consumer.assignment, {FIRST: [record(offset=5)]})
        assert [admitted.offset for admitted in again.admit()] == [5]
        assert await lanes.deliver([record(offset=5)], [DECIDED])

    assert play(broker, story).calls == ["not committed 1", "committed"]
    assert broker.steps.count("take over") == 2


def test_a_broker_that_refuses_connections_is_asked_until_it_answers() -> None:
    broker = Broker(("take over", KafkaConnectionError()))
    play(broker, deliver)
    assert broker.steps[:3] == ["take over", "discard", "take over"]


def test_a_doubt_that_lasts_ends_in_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = count(step=10)
    monkeypatch.setattr(in_doubt, "time", SimpleNamespace(monotonic=lambda: next(seconds)))

    class Lasting(Broker):
        def step(self, name: str) -> None:
            super().step(name)
            if name == "offsets":
                raise Fenced(PRODUCER_FENCED)

    async def story(lanes: TransactionalLanes, _consumer: Consumer, _listener: Listener) -> None:
        for _ in range(100):
            await lanes.deliver([record(offset=5)], [DECIDED])
            assert lanes._in_doubt._lookup is not None
            await lanes._in_doubt._lookup

    with pytest.raises(DeliveryFailed, match=r"could be committed for .* \(ProducerFenced\)"):
        play(Lasting(), story)


def test_lanes_that_cannot_be_opened_in_time_end_in_an_error() -> None:
    class Away(Broker):
        def step(self, name: str) -> None:
            super().step(name)
            if name == "take over":
                raise KafkaConnectionError()

    with pytest.raises(DeliveryFailed, match=r"2 partitions could not be opened within 0\.01 s"):
        play(Away(), deliver, timeout_seconds=0.01)


def test_settling_waits_for_the_delivery_and_stops_a_reopening() -> None:
    broker = Broker(("offsets", TimeoutError()))

    async def story(lanes: TransactionalLanes, consumer: Consumer, _listener: Listener) -> None:
        delivery = asyncio.ensure_future(lanes.deliver(both(), [DECIDED, REJECTED, DECIDED]))
        await asyncio.sleep(0)
        await consumer.settle()
        assert await delivery is False
        await consumer.settle()
        consumer.reassign()
        assert lanes.committed_offsets() == {}
        assert consumer.epoch == 2

    play(broker, story)


def test_a_doubt_is_not_looked_up_again_when_a_rebalance_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_doubt, "FENCED_SECONDS", 0.02)

    async def story(lanes: TransactionalLanes, consumer: Consumer, _listener: Listener) -> None:
        assert not await lanes.deliver([record(offset=5)], [DECIDED])
        await consumer.seek()
        assert lanes._in_doubt._lookup is not None
        await lanes._in_doubt._lookup
        assert consumer.epoch == 4

    play(Broker(("commit", Fenced(PRODUCER_FENCED))), story)


def test_a_stop_does_not_look_up_the_doubt_that_its_last_batch_ended_in() -> None:
    async def story(lanes: TransactionalLanes, consumer: Consumer, _listener: Listener) -> None:
        delivery = asyncio.ensure_future(lanes.deliver([record(offset=5)], [DECIDED]))
        await asyncio.sleep(0)
        await lanes.close()
        assert await delivery is False
        assert consumer.epoch == 2

    play(Broker(("commit", TimeoutError())), story)


def test_a_broker_that_is_silent_is_asked_again_over_another_connection() -> None:
    """The coordinator may be another broker by now."""

    class Silent(Broker):
        async def wait(self) -> None:
            if len(self.steps) == 1:
                await asyncio.Event().wait()

    broker = Silent()
    play(broker, deliver, timeout_seconds=0.3)
    assert broker.steps[:3] == ["take over", "discard", "take over"]


def test_lanes_that_hang_while_the_partitions_are_revoked_are_opened_no_further() -> None:
    """To go on would be to fence their next owner."""

    class Hanging(Broker):
        hangs = False

        async def wait(self) -> None:
            if self.hangs and self.steps.count("take over") > 1:
                await asyncio.Event().wait()

    broker = Hanging()

    async def story(lanes: TransactionalLanes, consumer: Consumer, _listener: Listener) -> None:
        broker.hangs = True
        reopening = asyncio.ensure_future(consumer.fence())
        await until(lambda: "take over" in broker.steps[1:])
        await consumer.settle()
        with pytest.raises(AssignmentRevoked):
            await reopening
        consumer.reassign()
        broker.hangs = False
        await consumer.seek()
        assert await lanes.deliver(both(), [DECIDED, REJECTED, DECIDED])

    play(broker, story)
    assert broker.steps.count("take over") == 3


def test_lanes_whose_partitions_are_revoked_as_soon_as_they_are_being_opened_are_opened_no_further() -> None:
    class Hanging(Broker):
        async def wait(self) -> None:
            if self.steps.count("take over") > 1:
                await asyncio.Event().wait()

    async def story(_lanes: TransactionalLanes, consumer: Consumer, _listener: Listener) -> None:
        reopening = asyncio.ensure_future(consumer.fence())
        await asyncio.sleep(0)
        await consumer.settle()
        consumer.reassign()
        with pytest.raises(AssignmentRevoked):
            await asyncio.wait_for(reopening, 10)

    play(Hanging(), story)


def test_an_opening_whose_partitions_are_revoked_has_ended_although_a_client_swallowed_its_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(assignment, "CANCEL_AGAIN_SECONDS", 0.01)

    class Swallowing(Broker):
        waiting = 0

        async def wait(self) -> None:
            if self.steps.count("take over") > 1:
                self.waiting += 1
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
                await asyncio.Event().wait()

    broker = Swallowing()

    async def story(_lanes: TransactionalLanes, consumer: Consumer, _listener: Listener) -> None:
        reopening = asyncio.ensure_future(consumer.fence())
        await until(lambda: broker.waiting > 0)
        await consumer.settle()
        with pytest.raises(AssignmentRevoked):
            await reopening
        names = {getattr(task.get_coro(), "__name__", "") for task in asyncio.all_tasks()}
        assert "_until_taken_over" not in names

    play(broker, story)


def test_attempts_to_open_a_lane_grow_from_short_ones_up_to_the_longest() -> None:
    assert list(islice(takeover._attempts(20.0), 6)) == [2.5, 5.0, 10.0, 20.0, 20.0, 20.0]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)
