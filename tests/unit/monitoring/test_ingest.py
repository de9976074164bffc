"""Polls into the store: what it did not take is neither skipped nor passed over, whoever owns the partitions next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from monitoring import ingest as module
from monitoring.decode import Clocking, Parse
from monitoring.event_time import WindowSize
from monitoring.ingest import RecordIngest
from monitoring.log_lines import LogLines
from monitoring.store import PartitionOffset, Put, Stored
from stream_app.errors import PollLost, RegistryUnavailable, StoreError, StoreUnavailable
from stream_app.events import TopicPartition
from stream_app.formats.json_format import Json
from stream_app.transport import AssignmentRevoked, Poll
from tests.builders.assignments import assigned

A, B = TopicPartition("d", 0), TopicPartition("d", 1)
DAY_US = 86_400_000_000
SIZE = WindowSize.parse("1d")


class Store:
    """Takes puts, or refuses each of the next ``refuses``; a put hangs while ``open`` is not set."""

    def __init__(self, refuses: int = 0, known: dict[Any, PartitionOffset] | None = None) -> None:
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
        self.known |= put.offsets
        return Stored(decisions_new=len(put.decisions))

    def offsets(self) -> dict[Any, PartitionOffset]:
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
    """An ingest of partition A, in an epoch of its own."""

    def __init__(self, store: Store, parse: Parse | None = None) -> None:
        self.store, self.told = store, Told()
        clocking = Clocking(SIZE, 0, 100 * DAY_US)
        self.ingest = RecordIngest(
            store,  # type: ignore[arg-type]  # the two methods that are called
            "d",
            lambda: clocking,
            self.told,  # type: ignore[arg-type]  # whatever verb is called
            self.told,
            LogLines("v", lambda: 0.0),
            unguarded,
            parse,
        )

        self.assignment = assigned(A, epoch=None)

    async def assigned(self, epoch: int = 1) -> None:
        kept = await self.ingest.before_seek(self.assignment)
        self.assignment.begin_epoch(epoch)
        self.ingest.after_seek({A: kept.get(A, 0)})

    def revoke(self) -> None:
        self.ingest.after_revocation()
        self.assignment = self.assignment.end()
        self.assignment.partitions = frozenset({A})

    async def handle(self, number: int, *names: str, day: int = 1, epoch: int = 1, offset: int | None = None) -> None:
        first = number * 10 if offset is None else offset
        records: list[Any] = [
            SimpleNamespace(topic="d", partition=0, offset=first + n, value=decision(name, day))
            for n, name in enumerate(names)
        ]
        await self.ingest.handle(Poll({A: records}, self.assignment, epoch, number))


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


class AwayAtFirst(Json):
    """A format whose registry answers at the third question."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def to_json(self, value: bytes) -> bytes:
        self.asked += 1
        if self.asked < 3:
            raise RegistryUnavailable("The schema registry does not answer.")
        return value


@pytest.mark.usefixtures("soon")
def test_a_registry_that_is_away_is_waited_for_and_nothing_is_passed_over() -> None:
    async def story() -> None:
        decisions = AwayAtFirst()
        monitor = Monitor(Store(), Parse(decisions))
        await monitor.assigned()
        await monitor.handle(0, "a", "b")
        assert monitor.store.stored == ["a", "b"]
        assert decisions.asked == 4

    run(story())


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that refused is not asked again within any test."""
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 600.0)


def test_a_poll_is_stored_with_where_to_read_on() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        await monitor.handle(0, "a", "b")
        [put] = monitor.store.puts
        assert put.offsets == {A: PartitionOffset(2, DAY_US)}
        assert monitor.ingest.next_offsets == {A: 2}
        assert monitor.told.verbs[:2] == ["committed", "committed"]

    run(story())


@pytest.mark.usefixtures("soon")
def test_a_store_that_recovers_gets_every_poll_in_order_and_each_failure_is_counted() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        await monitor.handle(0, "a")
        monitor.store.refuses = 3
        await monitor.handle(1, "b")
        await monitor.handle(2, "c")
        assert monitor.store.stored == ["a", "b", "c"]
        assert monitor.told.verbs.count("store_failed") == 3
        assert monitor.ingest.next_offsets == {A: 21}

    run(story())


def test_reading_goes_on_from_the_stores_offsets_and_by_its_clocks() -> None:
    async def story() -> None:
        monitor = Monitor(Store(known={A: PartitionOffset(7, 5 * DAY_US), B: PartitionOffset(3, None)}))
        assert await monitor.ingest.before_seek(monitor.assignment) == {A: 7, B: 3}
        monitor.assignment.begin_epoch(1)
        monitor.ingest.after_seek({A: 7})
        assert monitor.ingest.next_offsets == {A: 7}
        await monitor.handle(0, "late", day=2, offset=7)
        assert [row.late for put in monitor.store.puts for row in put.decisions] == [True]

    run(story())


@pytest.mark.usefixtures("never")
def test_a_poll_that_waits_for_the_store_ends_with_the_revocation_and_nothing_behind_it_is_stored() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        monitor.store.refuses = 1
        handling = asyncio.ensure_future(monitor.handle(0, "a"))
        await until(lambda: "store_failed" in monitor.told.verbs)
        await monitor.assignment.settle()
        assert handling.done()
        await monitor.handle(1, "b")
        monitor.revoke()
        await monitor.handle(2, "c")
        assert monitor.store.stored == []
        await monitor.assigned(epoch=2)
        await monitor.handle(0, "a", epoch=2, offset=0)
        assert monitor.store.stored == ["a"]

    run(story())


@pytest.mark.usefixtures("never")
def test_a_seek_that_waits_for_the_store_ends_with_the_revocation_and_asks_nothing_again() -> None:
    async def story() -> None:
        monitor = Monitor(Store(refuses=1, known={A: PartitionOffset(7, None)}))
        opening = asyncio.ensure_future(monitor.ingest.before_seek(monitor.assignment))
        await until(lambda: "store_failed" in monitor.told.verbs)
        await monitor.assignment.settle()
        with pytest.raises(AssignmentRevoked):
            await opening
        assert monitor.ingest.next_offsets == {}

    run(story())


@pytest.mark.usefixtures("soon")
def test_a_store_that_is_away_after_a_rebalance_is_waited_for() -> None:
    async def story() -> None:
        monitor = Monitor(Store(known={A: PartitionOffset(7, None)}))
        await monitor.assigned()
        await monitor.assignment.settle()
        monitor.revoke()
        monitor.store.refuses = 3
        await monitor.assigned(epoch=2)
        assert monitor.ingest.next_offsets == {A: 7}

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
            await monitor.handle(0, "a")

    run(story())


def test_partitions_that_are_revoked_are_no_longer_claimed_by_a_poll_still_in_hand() -> None:
    """As when a stopped process wakes up in the middle of a put: the rows are there, and nobody loses by it."""

    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        handling = asyncio.ensure_future(monitor.handle(0, "a"))
        await asyncio.sleep(0)
        monitor.revoke()
        await handling
        assert monitor.store.stored == ["a"]
        assert monitor.ingest.next_offsets == {}

    run(story())


def test_no_poll_is_begun_once_the_partitions_are_being_revoked() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        await monitor.assignment.settle()
        await monitor.handle(0, "a")
        assert monitor.store.stored == []

    run(story())


def test_polls_of_another_epoch_are_dropped_and_a_missing_one_is_a_fault() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned(epoch=2)
        await monitor.handle(0, "old", epoch=1)
        assert monitor.store.stored == []
        with pytest.raises(PollLost):
            await monitor.handle(1, "a", epoch=2)

    run(story())


def test_settling_waits_for_the_poll_in_hand() -> None:
    async def story() -> None:
        monitor = Monitor(Store())
        await monitor.assigned()
        handling = asyncio.ensure_future(monitor.handle(0, "a"))
        await asyncio.sleep(0)
        await monitor.assignment.settle()
        assert (monitor.store.stored, monitor.ingest.next_offsets) == (["a"], {A: 1})
        await handling

    run(story())
