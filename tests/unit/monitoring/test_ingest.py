"""Polls into the store: what it did not take is neither skipped nor passed over, whoever owns the partitions next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from monitoring import ingest as module
from monitoring.decode import Clocking
from monitoring.event_time import WindowSize
from monitoring.ingest import Watching
from monitoring.log_lines import News
from monitoring.store import Position, Put, Stored
from stream_app.errors import PollLost, StoreError, StoreUnavailable
from stream_app.transport.poll import Poll, SeekGivenUp

A, B = TP("d", 0), TP("d", 1)
DAY_US = 86_400_000_000
SIZE = WindowSize.parse("1d")


class Store:
    """Takes puts, or refuses each of the next ``refuses``; a put hangs while ``open`` is not set."""

    def __init__(self, refuses: int = 0, known: dict[Any, Position] | None = None) -> None:
        self.refuses, self.known, self.puts = refuses, known or {}, list[Put]()
        self.asked = 0
        self.fault: Exception = StoreUnavailable("The store is away.")

    def _answer(self) -> None:
        self.asked += 1
        if self.refuses:
            self.refuses -= 1
            raise self.fault

    def put(self, put: Put) -> Stored:
        self._answer()
        self.puts.append(put)
        self.known |= put.positions
        return Stored(decisions_new=len(put.decisions))

    def positions(self) -> dict[Any, Position]:
        self._answer()
        return dict(self.known)

    @property
    def stored(self) -> list[str]:
        return [row.request_id for put in self.puts for row in put.decisions]


class Told:
    """Metrics and progress in one: remembers what it was told."""

    def __init__(self) -> None:
        self.verbs: list[str] = []

    def __getattr__(self, verb: str) -> Any:
        return lambda *_: self.verbs.append(verb)


async def unguarded(work: Any) -> Any:
    return await work


class Monitor:
    """A watching on partition A, in an epoch of its own."""

    def __init__(self, store: Store) -> None:
        self.store, self.told = store, Told()
        clocking = Clocking(SIZE, 0, 100 * DAY_US)
        self.watching = Watching(
            store,
            "d",
            lambda: clocking,
            self.told,
            self.told,
            News("v", lambda: 0.0),
            unguarded,  # type: ignore[arg-type]
        )

    async def assigned(self, epoch: int = 1) -> None:
        kept = await self.watching.open({A})
        self.watching.resume({A: kept.get(A, 0)}, epoch)

    async def taken_away(self) -> None:
        await self.watching.settle()
        self.watching.forget()


def poll(number: int, *names: str, day: int = 1, epoch: int = 1, offset: int | None = None) -> Poll:
    first = number * 10 if offset is None else offset
    records: list[Any] = [
        SimpleNamespace(topic="d", partition=0, offset=first + n, value=decision(name, day))
        for n, name in enumerate(names)
    ]
    return Poll({A: records}, epoch, number)


def decision(name: str, day: int) -> bytes:
    at = f"1970-01-{day + 1:02}T00:00:00Z"
    shape = {"client_id": "c", "requested_at": at, "decided_at": at, "outcome": "review", "model": {"version": "v"}}
    return json.dumps(shape | {"request_id": name, "probability_of_default": 0.5}).encode()


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 10))


async def until(condition: Any) -> None:
    """A condition that becomes true in another task."""
    while not condition():
        await asyncio.sleep(0)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is asked again at once."""
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.0001)


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that refused is not asked again within any test."""
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 600.0)


def test_a_poll_is_stored_with_where_to_read_on() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        await monitor.watching.handle(poll(0, "a", "b"))
        [put] = monitor.store.puts
        assert put.positions == {A: Position(2, DAY_US)}
        assert monitor.watching.next_offsets == {A: 2}
        assert monitor.told.verbs[:2] == ["committed", "committed"]

    run(story())


@pytest.mark.usefixtures("soon")
def test_a_store_that_recovers_gets_every_poll_in_order_and_each_failure_is_counted() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        await monitor.watching.handle(poll(0, "a"))
        monitor.store.refuses = 3
        await monitor.watching.handle(poll(1, "b"))
        await monitor.watching.handle(poll(2, "c"))
        assert monitor.store.stored == ["a", "b", "c"]
        assert monitor.told.verbs.count("store_failed") == 3
        assert monitor.watching.next_offsets == {A: 21}

    run(story())


def test_reading_goes_on_from_the_stores_positions_and_by_its_clocks() -> None:
    async def story() -> None:
        monitor = Monitor(Store(known={A: Position(7, 5 * DAY_US), B: Position(3, None)}))
        assert await monitor.watching.open({A}) == {A: 7, B: 3}
        monitor.watching.resume({A: 7}, 1)
        assert monitor.watching.next_offsets == {A: 7}
        await monitor.watching.handle(poll(0, "late", day=2, offset=7))
        assert [row.late for put in monitor.store.puts for row in put.decisions] == [True]

    run(story())


@pytest.mark.usefixtures("never")
def test_a_poll_that_waits_for_the_store_is_given_up_with_its_partitions_and_nothing_behind_it_is_stored() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        monitor.store.refuses = 1
        handling = asyncio.ensure_future(monitor.watching.handle(poll(0, "a")))
        await until(lambda: "store_failed" in monitor.told.verbs)
        await monitor.watching.settle()
        assert handling.done()
        await monitor.watching.handle(poll(1, "b"))
        monitor.watching.forget()
        await monitor.watching.handle(poll(2, "c"))
        assert monitor.store.stored == []
        await monitor.assigned(epoch=2)
        await monitor.watching.handle(poll(0, "a", epoch=2, offset=0))
        assert monitor.store.stored == ["a"]

    run(story())


@pytest.mark.usefixtures("never")
def test_opening_is_given_up_with_the_partitions_and_reads_nothing_again() -> None:
    async def story() -> None:
        monitor = Monitor(Store(refuses=1, known={A: Position(7, None)}))
        opening = asyncio.ensure_future(monitor.watching.open({A}))
        await until(lambda: "store_failed" in monitor.told.verbs)
        await monitor.watching.settle()
        with pytest.raises(SeekGivenUp):
            await opening
        assert monitor.watching.next_offsets == {}

    run(story())


@pytest.mark.usefixtures("soon")
def test_a_store_that_is_away_after_a_rebalance_is_waited_for() -> None:
    async def story() -> None:
        monitor = Monitor(Store(known={A: Position(7, None)}))
        await monitor.assigned()
        await monitor.taken_away()
        monitor.store.refuses = 3
        await monitor.assigned(epoch=2)
        assert monitor.watching.next_offsets == {A: 7}

    run(story())


def test_a_fault_that_waiting_cannot_mend_is_raised() -> None:
    async def story() -> None:
        monitor = Monitor(Store(refuses=1))
        monitor.store.fault = StoreError("The store is another one.")
        with pytest.raises(StoreError):
            await monitor.assigned()
        await monitor.assigned()
        monitor.store.refuses = 1
        with pytest.raises(StoreError):
            await monitor.watching.handle(poll(0, "a"))

    run(story())


def test_partitions_that_are_given_away_are_no_longer_claimed_by_a_poll_still_in_hand() -> None:
    """As when a stopped process wakes up in the middle of a put: the rows are there, and nobody loses by it."""

    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        handling = asyncio.ensure_future(monitor.watching.handle(poll(0, "a")))
        await asyncio.sleep(0)
        monitor.watching.forget()
        await handling
        assert monitor.store.stored == ["a"]
        assert monitor.watching.next_offsets == {}

    run(story())


def test_no_poll_is_begun_once_the_partitions_are_to_be_given_away() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        await monitor.watching.settle()
        await monitor.watching.handle(poll(0, "a"))
        assert monitor.store.stored == []

    run(story())


def test_polls_of_another_epoch_are_dropped_and_a_missing_one_is_a_fault() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned(epoch=2)
        await monitor.watching.handle(poll(0, "old", epoch=1))
        assert monitor.store.stored == []
        with pytest.raises(PollLost):
            await monitor.watching.handle(poll(1, "a", epoch=2))

    run(story())


def test_settling_waits_for_the_poll_in_hand() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        handling = asyncio.ensure_future(monitor.watching.handle(poll(0, "a")))
        await asyncio.sleep(0)
        await monitor.watching.settle()
        assert (monitor.store.stored, monitor.watching.next_offsets) == (["a"], {A: 1})
        await handling

    run(story())
