"""Exactly-once lanes: fence before all else, offsets in the transaction, every doubt looked up, nothing guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, ProducerFenced

from stream_app.delivery import fencing, in_doubt
from stream_app.delivery.exactly_once import TransactionalLanes
from stream_app.delivery.producer import OutputTopics
from stream_app.errors import DeliveryFailed
from stream_app.events import Offsets, Output, TopicPartition
from stream_app.transport import AssignmentRevoked, assignment
from tests.builders.assignments import assigned, poll_of
from tests.builders.records import record

FIRST, SECOND = TopicPartition("loan.requests", 0), TopicPartition("loan.requests", 1)
DECIDED, REJECTED = Output(False, b"k", b"d", []), Output(True, b"k", b"r", [])


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fencing, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(in_doubt, "REOPEN_SECONDS", 0.0)
    monkeypatch.setattr(in_doubt, "FENCED_SECONDS", 0.0)


class Broker:
    """Writes down what every lane does; fails at the steps it is given, once each."""

    def __init__(self, *faults: tuple[str, Exception]) -> None:
        self.faults = dict(faults)
        self.steps: list[tuple[str, str]] = []
        self.offsets: dict[TopicPartition, int] = {}

    def step(self, lane: str, name: str) -> None:
        self.steps.append((lane, name))
        if fault := self.faults.pop(name, None):
            raise fault

    async def wait(self) -> None:
        """Before the answer to a start."""

    def of(self, lane: str) -> list[str]:
        return [name for each, name in self.steps if each.endswith(lane)]


class Lane:
    def __init__(self, broker: Broker, name: str) -> None:
        self.broker, self.name = broker, name

    async def start(self) -> None:
        self.broker.step(self.name, "start")
        await self.broker.wait()

    async def begin(self) -> None:
        self.broker.step(self.name, "begin")

    async def send(self, topic: str, partition: int, outputs: Sequence[Output]) -> None:
        self.broker.step(self.name, f"send {topic} {partition} {len(outputs)}")

    async def add_offsets(self, offsets: Offsets, group: str) -> None:
        self.broker.step(self.name, f"offsets of {group}")
        self.broker.offsets |= offsets

    async def commit(self) -> None:
        self.broker.step(self.name, "commit")

    async def discard(self) -> None:
        self.broker.step(self.name, "discard")


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
        new_transactions=lambda name: Lane(broker, name),
        seek=consumer.seek,
        listener=listener,
        supervise=unsupervised,
        group="g",
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


def test_each_partition_has_an_id_and_a_transaction_of_its_own_with_its_outputs_and_offset() -> None:
    broker = Broker()
    assert play(broker, deliver).calls == ["committed"]
    assert broker.of("g.loan.requests.0") == [
        *("start", "begin", "send decisions 0 1", "send rejections 0 1", "offsets of g", "commit", "discard"),
    ]
    assert broker.of("g.loan.requests.1") == [
        "start",
        "begin",
        "send decisions 1 1",
        "offsets of g",
        "commit",
        "discard",
    ]
    assert broker.offsets == {FIRST: 7, SECOND: 1}


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
    assert broker.of("0") == ["start", "begin", "offsets of g", "commit", "discard"]
    assert broker.offsets == {FIRST: 6}


@pytest.mark.parametrize("step", ["begin", "send decisions 0 1", "offsets of g", "commit"])
@pytest.mark.parametrize("fault", [ProducerFenced(), TimeoutError(), AssertionError()])
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
    assert broker.of("0").count("start") == broker.of("1").count("start") == 2


def test_the_transactions_of_other_partitions_are_awaited_before_a_doubt_is_looked_up() -> None:
    broker = Broker(("send rejections 0 1", ProducerFenced()))

    async def story(lanes: TransactionalLanes, _consumer: Consumer, _listener: Listener) -> None:
        assert not await lanes.deliver(both(), [DECIDED, REJECTED, DECIDED])
        assert broker.of("1")[-1] == "commit"

    play(broker, story)


def test_a_broker_that_refuses_connections_is_asked_until_it_answers() -> None:
    broker = Broker(("start", KafkaConnectionError()))
    play(broker, deliver)
    assert sorted(broker.of("0")[:3] + broker.of("1")[:3]).count("start") == 3


def test_a_doubt_that_lasts_ends_in_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = count(step=10)
    monkeypatch.setattr(in_doubt, "time", SimpleNamespace(monotonic=lambda: next(seconds)))

    class Lasting(Broker):
        def step(self, lane: str, name: str) -> None:
            super().step(lane, name)
            if name == "begin":
                raise ProducerFenced()

    async def story(lanes: TransactionalLanes, _consumer: Consumer, _listener: Listener) -> None:
        for _ in range(100):
            await lanes.deliver([record(offset=5)], [DECIDED])
            assert lanes._in_doubt._lookup is not None
            await lanes._in_doubt._lookup

    with pytest.raises(DeliveryFailed, match=r"could be committed for .* \(ProducerFenced\)"):
        play(Lasting(), story)


def test_lanes_that_cannot_be_opened_in_time_end_in_an_error() -> None:
    class Away(Broker):
        def step(self, lane: str, name: str) -> None:
            super().step(lane, name)
            if name == "start":
                raise KafkaConnectionError()

    with pytest.raises(DeliveryFailed, match=r"2 partitions could not be opened within 0\.01 s"):
        play(Away(), deliver, timeout_seconds=0.01)


def test_settling_waits_for_the_delivery_and_stops_a_reopening() -> None:
    broker = Broker(("begin", TimeoutError()))

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

    play(Broker(("commit", ProducerFenced())), story)


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
            if len(self.of("0")) == 1:
                await asyncio.Event().wait()

    broker = Silent()
    play(broker, deliver, timeout_seconds=0.3)
    assert broker.of("0")[:3] == ["start", "start", "begin"]


def test_lanes_that_hang_while_the_partitions_are_revoked_are_opened_no_further() -> None:
    """To go on would be to fence their next owner."""

    class Hanging(Broker):
        hangs = False

        async def wait(self) -> None:
            if self.hangs and self.of("0").count("start") > 1:
                await asyncio.Event().wait()

    broker = Hanging()

    async def story(lanes: TransactionalLanes, consumer: Consumer, _listener: Listener) -> None:
        broker.hangs = True
        reopening = asyncio.ensure_future(consumer.fence())
        await until(lambda: "start" in broker.of("0")[1:])
        await consumer.settle()
        with pytest.raises(AssignmentRevoked):
            await reopening
        consumer.reassign()
        broker.hangs = False
        await consumer.seek()
        assert await lanes.deliver(both(), [DECIDED, REJECTED, DECIDED])

    play(broker, story)
    assert [broker.of(lane).count("start") for lane in "01"] == [3, 3]


def test_lanes_whose_partitions_are_revoked_as_soon_as_they_are_being_opened_are_opened_no_further() -> None:
    class Hanging(Broker):
        async def wait(self) -> None:
            if self.of("0").count("start") > 1:
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
            if self.of("0").count("start") > 1:
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
        assert "_open_lane" not in names

    play(broker, story)


def test_attempts_to_open_a_lane_grow_from_short_ones_up_to_the_longest() -> None:
    assert list(islice(fencing._attempts(20.0), 6)) == [2.5, 5.0, 10.0, 20.0, 20.0, 20.0]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)
