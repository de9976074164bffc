"""Seeking around a rebalance: partitions revoked during a seek are not resumed, and no seek begins before another
ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import IllegalStateError
from faust.transport.drivers.aiokafka import Consumer as Faust
from faust.types import TP

from stream_app.events import Offsets, TopicPartition
from stream_app.stream_settings import StreamSettings
from stream_app.transport import Assignment, AssignmentRevoked, BatchConsumer, BatchOptions, FetchState
from stream_app.transport.app import batch_app
from stream_app.transport.counterparts import Counterparts
from stream_app.transport.faust_workarounds import NoReadWatermark
from tests.builders.assignments import assigned

A = TopicPartition("d", 0)
GIVEN = {TP("d", 0)}
"""The same in Faust's words."""


class Listener:
    """Is ready to seek when ``ready`` is set, or raises; records its calls."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.ready = asyncio.Event()
        self.fault: Exception | None = None
        self.assignment = Assignment()

    async def before_seek(self, assignment: Assignment) -> Offsets:
        self.calls.append("before seek")
        self.assignment = assignment
        await self.ready.wait()
        if self.fault:
            raise self.fault
        return {A: 7}

    def after_seek(self, committed: Mapping[TopicPartition, int | None]) -> None:
        self.calls.append((dict(committed), self.assignment.epoch))

    async def before_revocation(self) -> None:
        self.calls.append("before revocation")

    def after_revocation(self) -> None:
        self.calls.append("after revocation")


class Thread:
    """The consumer's thread: each seek is an epoch."""

    epoch = 0
    _consumer = "started"

    async def call_thread(self, work: Callable[..., Any], *args: Any) -> Any:
        return await work(*args)

    async def seek_all(self, kept: Offsets) -> tuple[Offsets, int]:
        self.epoch += 1
        return kept, self.epoch


class Consumer(BatchConsumer):
    """One that owns partition A, without Faust's machinery behind it."""

    def __init__(self, listener: Any) -> None:
        self._thread: Any = Thread()
        self._listener, self._options = listener, BatchOptions(frozenset({"d"}), 0.5)
        self._counterparts = Counterparts(frozenset())
        self._seeking, self._assignment = asyncio.Lock(), assigned(A, epoch=None)
        self.app: Any = SimpleNamespace(should_stop=False)
        self._read_offset: dict[Any, int | None] = {}

    def reassign(self) -> None:
        """What :meth:`on_partitions_revoked` ends with, and a new assignment of the same."""
        self._assignment = self._assignment.end()
        self._assignment.partitions = frozenset({A})


async def under_way(listener: Listener) -> None:
    """Until the seek has come as far as the listener."""
    while not listener.calls:
        await asyncio.sleep(0)


def test_a_seek_resumes_from_where_the_listener_says_to_read_on() -> None:
    async def story() -> None:
        listener = Listener()
        listener.ready.set()
        await Consumer(listener).perform_seek()
        assert listener.calls == ["before seek", ({A: 7}, 1)]

    asyncio.run(story())


def test_partitions_revoked_during_a_seek_are_not_resumed_and_those_of_the_next_are() -> None:
    async def story() -> None:
        listener = Listener()
        consumer = Consumer(listener)
        seeking = asyncio.ensure_future(consumer.perform_seek())
        await under_way(listener)
        consumer.reassign()
        listener.ready.set()
        with pytest.raises(AssignmentRevoked):
            await seeking
        assert listener.calls == ["before seek"]
        await consumer.perform_seek()
        assert listener.calls == ["before seek", "before seek", ({A: 7}, 2)]

    asyncio.run(story())


def test_a_seek_nobody_waits_for_any_more_ends_before_the_next_begins() -> None:
    async def story() -> None:
        listener = Listener()
        consumer = Consumer(listener)
        first = asyncio.ensure_future(consumer.perform_seek())
        await under_way(listener)
        first.cancel()
        second = asyncio.ensure_future(consumer.perform_seek())
        listener.ready.set()
        await second
        assert listener.calls == ["before seek", ({A: 7}, 1), "before seek", ({A: 7}, 2)]

    asyncio.run(story())


def test_a_seek_whose_partitions_are_revoked_before_its_turn_fences_nobody() -> None:
    async def story() -> None:
        listener = Listener()
        consumer = Consumer(listener)
        first = asyncio.ensure_future(consumer.perform_seek())
        await under_way(listener)
        second = asyncio.ensure_future(consumer.perform_seek())
        await asyncio.sleep(0)
        consumer.reassign()
        listener.ready.set()
        for seek in (first, second):
            with pytest.raises(AssignmentRevoked):
                await seek
        assert listener.calls == ["before seek"]

    asyncio.run(story())


def test_no_seek_begins_and_nobody_is_fenced_while_the_group_rebalances(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    async def by_faust(self: Any, *_: Any) -> None:
        given.append(self._assignment.partitions)
        assert self._assignment.revoked.is_set() == (len(given) == 1)

    monkeypatch.setattr(Faust, "on_partitions_revoked", by_faust)
    monkeypatch.setattr(Faust, "on_partitions_assigned", by_faust)

    async def story() -> None:
        listener = Listener()
        listener.ready.set()
        consumer = Consumer(listener)
        await consumer.on_partitions_revoked(GIVEN)
        with pytest.raises(AssignmentRevoked):
            await consumer.perform_seek()
        assert listener.calls == ["after revocation"]
        await consumer.on_partitions_assigned(GIVEN, 2)
        assert given == [{A}, {A}], "before Faust, which then seeks"
        await consumer.perform_seek()
        assert listener.calls == ["after revocation", "before seek", ({A: 7}, 1)]

    asyncio.run(story())


def test_the_batch_in_hand_ends_before_the_listener_fences() -> None:
    """Delivered after the committed offset was read, its records would be fetched and decided again."""

    async def story() -> None:
        listener = Listener()
        listener.ready.set()
        consumer = Consumer(listener)
        with consumer._assignment.batch_in_hand():
            consumer._assignment.begin_epoch(1)
            seeking = asyncio.ensure_future(consumer.perform_seek())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert (listener.calls, consumer._assignment.epoch) == ([], None)
        await seeking
        assert listener.calls[0] == "before seek"

    asyncio.run(story())


def test_partitions_revoked_while_a_batch_ends_are_not_fenced() -> None:
    async def story() -> None:
        listener = Listener()
        consumer = Consumer(listener)
        with consumer._assignment.batch_in_hand():
            seeking = asyncio.ensure_future(consumer.perform_seek())
            await asyncio.sleep(0)
            consumer.reassign()
        with pytest.raises(AssignmentRevoked):
            await seeking
        assert listener.calls == []

    asyncio.run(story())


def test_a_worker_that_stops_has_the_batch_in_hand_end_before_it_leaves_the_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Faust, which waits for it otherwise, skips everything once it stops."""

    async def by_faust(self: Any, *_: Any) -> None:
        assert self._listener.calls == ["before revocation"]

    monkeypatch.setattr(Faust, "on_partitions_revoked", by_faust)

    async def story() -> None:
        listener = Listener()
        consumer = Consumer(listener)
        consumer.app.should_stop = True
        with consumer._assignment.batch_in_hand():
            revoking = asyncio.ensure_future(consumer.on_partitions_revoked(GIVEN))
            await asyncio.sleep(0)
            assert listener.calls == []
        await revoking
        assert listener.calls == ["before revocation", "after revocation"]

    asyncio.run(story())


def test_records_fetched_while_the_flow_is_stopped_are_dropped_and_nothing_is_sought(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumer = Consumer(Listener())
    fetched = iter(["stale", "fresh"])

    async def by_faust(self: Any, _timeout: float) -> Any:
        found = next(fetched)
        self.flow_active = found == "fresh"
        return found

    monkeypatch.setattr(Faust, "_wait_next_records", by_faust)
    monkeypatch.setattr(Faust, "should_stop", False)
    assert asyncio.run(consumer._wait_next_records(1.0)) == "fresh"


def test_a_consumer_reads_when_faust_lets_all_that_is_assigned_flow() -> None:
    consumer = Consumer(Listener())
    flowing = []
    for consumer.flow_active, consumer._active_partitions in ((True, GIVEN), (False, GIVEN), (True, set())):
        flowing.append(consumer.reads())
    assert flowing == [True, False, False]


def test_a_seek_that_takes_longer_than_a_request_leaves_faust_waiting_for_it() -> None:
    """Its own recovery service takes such a timeout for its stop, and no seek is done and nothing read ever after."""

    async def story() -> None:
        tables: Any = batch_app("slow", StreamSettings()).tables
        recovery = tables.recovery
        await recovery._wait(asyncio.sleep(0.05), timeout=0.01)
        assert not recovery.should_stop

    asyncio.run(story())


def test_a_seek_whose_listener_has_no_offsets_resumes_nothing_and_raises_what_faust_takes_for_a_rebalance() -> None:
    async def story() -> None:
        listener = Listener()
        listener.fault = AssignmentRevoked("revoked")
        listener.ready.set()
        with pytest.raises(IllegalStateError):
            await Consumer(listener).perform_seek()
        assert listener.calls == ["before seek"]

    asyncio.run(story())


def test_faust_hands_on_what_a_seek_fetches_again_although_its_queue_took_a_later_poll_after_the_seek() -> None:
    """Faust watermark the offset of a poll when its queue took it, and drops what lies below: what is fetched again."""
    handed_on: list[int] = []
    watermark = NoReadWatermark(frozenset({"d"}))

    async def fetched(**_: Any) -> AsyncIterator[tuple[TopicPartition, Any]]:
        for offset in (900, 300):
            yield A, SimpleNamespace(offset=offset, topic="d", key=None, value=None)

    async def take(message: Any) -> None:
        handed_on.append(message.offset)
        watermark.update(dict.fromkeys(GIVEN))  # a seek, while the queue was full

    async def wait_first(taking: Any, never: Any) -> None:
        never.close()
        await taking

    async def story() -> None:
        rounds = iter((False, True))
        faust: Any = SimpleNamespace(
            app=SimpleNamespace(topics=SimpleNamespace(acks_enabled_for=None)),
            callback=take,
            consumer_stopped_errors=(),
            diag=SimpleNamespace(set_flag=str, unset_flag=str),
            getmany=fetched,
            log=SimpleNamespace(dev=lambda *_: None),
            should_stop=False,
            sleep=asyncio.sleep,
            suspend_flow=asyncio.Event(),
            wait_first=wait_first,
            _commit_every=None,
            _read_offset=watermark,
            _stopped=SimpleNamespace(is_set=lambda: next(rounds)),
        )
        await BatchConsumer._drain_messages(faust, SimpleNamespace(_stopped=asyncio.Event()))  # type: ignore[arg-type]

    asyncio.run(story())
    assert handed_on == [900, 300]


@pytest.mark.parametrize(
    ("end", "position", "after_last_record", "next_offset", "lag"),
    [
        (100, 40, 40, 30, 70),
        (100, 100, 100, 100, 0),
        (100, 100, 99, 99, 0),  # the last is a transaction's marker
        (100, 100, 99, 90, 10),
        (None, 40, 40, 40, 0),  # nothing fetched yet
        (90, 100, 100, 100, 0),  # the end was fetched before the last commit
    ],
)
def test_the_lag_of_a_partition_is_what_may_still_be_records(
    end: int | None, position: int, after_last_record: int, next_offset: int, lag: int
) -> None:
    state = FetchState(end, 1, position, after_last_record)
    assert state.lag(next_offset) == lag


def test_faust_is_asked_to_seek_in_the_present_generation_unless_a_seek_is_under_way() -> None:
    async def story() -> None:
        consumer = Consumer(Listener())
        recovery = SimpleNamespace(_generation_id=3, signal_recovery_start=asyncio.Event())
        consumer.app = SimpleNamespace(tables=SimpleNamespace(recovery=recovery), consumer_generation_id=5)
        async with consumer._seeking:
            consumer.request_seek()
            assert not recovery.signal_recovery_start.is_set()
        consumer.request_seek()
        assert recovery.signal_recovery_start.is_set()
        assert recovery._generation_id == 5

    asyncio.run(story())
