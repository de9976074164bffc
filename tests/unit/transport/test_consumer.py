"""Seeking around a rebalance: partitions given away during a seek are not resumed, and no seek begins before another
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

from stream_app.settings import StreamSettings
from stream_app.transport import BatchConsumer, BatchOptions, Seen
from stream_app.transport.app import batch_app
from stream_app.transport.poll import SeekGivenUp
from stream_app.transport.untrimmed import Untrimmed

A = TP("d", 0)


class Listener:
    """Opens when ``ready`` is set, or gives up; remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.ready = asyncio.Event()
        self.gives_up = False

    async def open(self, _partitions: set[TP]) -> Mapping[TP, int]:
        self.told.append("open")
        await self.ready.wait()
        if self.gives_up:
            raise SeekGivenUp("given away")
        return {A: 7}

    def forget(self) -> None:
        self.told.append("forget")

    def resume(self, committed: Mapping[TP, int | None], epoch: int) -> None:
        self.told.append((dict(committed), epoch))


class Thread:
    """The consumer's thread: each seek is an epoch."""

    epoch = 0
    _consumer = "started"

    async def call_thread(self, work: Callable[..., Any], *args: Any) -> Any:
        return await work(*args)

    async def seek_all(self, kept: Mapping[TP, int]) -> tuple[Mapping[TP, int], int]:
        self.epoch += 1
        return kept, self.epoch


class Consumer(BatchConsumer):
    """One that owns partition A, without Faust's machinery behind it."""

    def __init__(self, listener: Any) -> None:
        self._thread: Any = Thread()
        self._listener, self._options = listener, BatchOptions(frozenset({"d"}), 0.5)
        self._seeking, self._times_given_away = asyncio.Lock(), 0
        self._given = frozenset({A})
        self.app: Any = SimpleNamespace(should_stop=False)
        self._read_offset: dict[TP, int | None] = {}

    def assignment(self) -> set[TP]:
        return {A}

    def given_away(self) -> None:
        """What :meth:`on_partitions_revoked` ends with, and a new assignment of the same."""
        self._times_given_away += 1


async def under_way(listener: Listener) -> None:
    """Until the seek has come as far as the listener."""
    while not listener.told:
        await asyncio.sleep(0)


def test_a_seek_resumes_from_where_the_listener_says_to_read_on() -> None:
    async def story() -> None:
        listener = Listener()
        listener.ready.set()
        await Consumer(listener).perform_seek()
        assert listener.told == ["open", ({A: 7}, 1)]

    asyncio.run(story())


def test_partitions_given_away_during_a_seek_are_not_resumed_and_those_of_the_next_are() -> None:
    async def story() -> None:
        listener = Listener()
        consumer = Consumer(listener)
        seeking = asyncio.ensure_future(consumer.perform_seek())
        await under_way(listener)
        consumer.given_away()
        listener.ready.set()
        with pytest.raises(SeekGivenUp):
            await seeking
        assert listener.told == ["open"]
        await consumer.perform_seek()
        assert listener.told == ["open", "open", ({A: 7}, 2)]

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
        assert listener.told == ["open", ({A: 7}, 1), "open", ({A: 7}, 2)]

    asyncio.run(story())


def test_a_seek_whose_partitions_are_given_away_before_its_turn_fences_nobody() -> None:
    async def story() -> None:
        listener = Listener()
        consumer = Consumer(listener)
        first = asyncio.ensure_future(consumer.perform_seek())
        await under_way(listener)
        second = asyncio.ensure_future(consumer.perform_seek())
        await asyncio.sleep(0)
        consumer.given_away()
        listener.ready.set()
        for seek in (first, second):
            with pytest.raises(SeekGivenUp):
                await seek
        assert listener.told == ["open"]

    asyncio.run(story())


def test_nothing_is_sought_or_fenced_while_the_group_rebalances(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    async def by_faust(self: Any, *_: Any) -> None:
        given.append(self._given)

    monkeypatch.setattr(Faust, "on_partitions_revoked", by_faust)
    monkeypatch.setattr(Faust, "on_partitions_assigned", by_faust)

    async def story() -> None:
        listener = Listener()
        listener.ready.set()
        consumer = Consumer(listener)
        await consumer.on_partitions_revoked({A})
        with pytest.raises(SeekGivenUp):
            await consumer.perform_seek()
        assert listener.told == ["forget"]
        await consumer.on_partitions_assigned({A}, 2)
        assert given == [None, {A}], "before Faust, which has them sought"
        await consumer.perform_seek()
        assert listener.told == ["forget", "open", ({A: 7}, 1)]

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
    for consumer.flow_active, consumer._active_partitions in ((True, {A}), (False, {A}), (True, set())):
        flowing.append(consumer.reads())
    assert flowing == [True, False, False]


def test_a_seek_that_takes_longer_than_a_request_leaves_faust_waiting_for_it() -> None:
    """Its own recovery service takes such a timeout for its stop, and nothing is sought or read ever after."""

    async def story() -> None:
        recovery = batch_app("slow", StreamSettings()).tables.recovery
        await recovery._wait(asyncio.sleep(0.05), timeout=0.01)
        assert not recovery.should_stop

    asyncio.run(story())


def test_a_seek_that_is_given_up_resumes_nothing_and_raises_what_faust_takes_for_another_rebalance() -> None:
    async def story() -> None:
        listener = Listener()
        listener.gives_up = True
        listener.ready.set()
        with pytest.raises(IllegalStateError):
            await Consumer(listener).perform_seek()
        assert listener.told == ["open"]

    asyncio.run(story())


def test_faust_hands_on_what_was_sought_although_its_queue_took_a_later_poll_after_the_seek() -> None:
    """Faust notes the offset of a poll when its queue took it, and drops what lies below: what is fetched again."""
    handed_on: list[int] = []
    notes = Untrimmed(frozenset({"d"}))

    async def fetched(**_: Any) -> AsyncIterator[tuple[TP, Any]]:
        for offset in (900, 300):
            yield A, SimpleNamespace(offset=offset, topic="d", key=None, value=None)

    async def take(message: Any) -> None:
        handed_on.append(message.offset)
        notes.update({A: None})  # a seek, while the queue was full

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
            _read_offset=notes,
            _stopped=SimpleNamespace(is_set=lambda: next(rounds)),
        )
        await BatchConsumer._drain_messages(faust, SimpleNamespace(_stopped=asyncio.Event()))  # type: ignore[arg-type]

    asyncio.run(story())
    assert handed_on == [900, 300]


@pytest.mark.parametrize(
    ("seen", "done", "lag"),
    [
        (Seen(end=100, stamp=1, position=40, handed_on=40), 30, 70),
        (Seen(end=100, stamp=1, position=100, handed_on=100), 100, 0),
        (Seen(end=100, stamp=1, position=100, handed_on=99), 99, 0),  # a marker of a transaction is the last of it
        (Seen(end=100, stamp=1, position=100, handed_on=99), 90, 10),
        (Seen(end=None, stamp=None, position=40, handed_on=40), 40, 0),
        (Seen(end=90, stamp=1, position=100, handed_on=100), 100, 0),  # an end told before the last commit
    ],
)
def test_the_lag_of_a_partition_is_what_may_still_be_records(seen: Seen, done: int, lag: int) -> None:
    assert seen.lag(done) == lag


def test_faust_is_asked_to_seek_in_the_present_generation_unless_a_seek_is_under_way() -> None:
    async def story() -> None:
        consumer = Consumer(Listener())
        recovery = SimpleNamespace(_generation_id=3, signal_recovery_start=asyncio.Event())
        consumer.app = SimpleNamespace(tables=SimpleNamespace(recovery=recovery), consumer_generation_id=5)
        async with consumer._seeking:
            consumer.ask_for_seek()
            assert not recovery.signal_recovery_start.is_set()
        consumer.ask_for_seek()
        assert recovery.signal_recovery_start.is_set()
        assert recovery._generation_id == 5

    asyncio.run(story())
