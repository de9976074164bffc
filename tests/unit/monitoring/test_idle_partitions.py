"""Which partitions are at rest: read to their end for the idle time, from one answer of the broker to another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from monitoring.windows.due import Bounds, IdlePartitions


class Broker:
    """Says its bounds, after ``takes`` seconds; and the clock the monitor looks at."""

    now = 100.0
    takes = 0.0

    def __init__(self, bounds: Bounds | None) -> None:
        self.bounds = bounds

    async def ask(self) -> Bounds | None:
        self.now += self.takes
        return self.bounds

    def clock(self) -> float:
        return self.now


class Watch:
    """An idleness of ten seconds, looked at when told."""

    def __init__(self, bounds: Bounds | None) -> None:
        self.broker = Broker(bounds)
        self._partitions = IdlePartitions(self.broker.ask, 10.0, self.broker.clock)

    def at(self, now: float, next_offsets: Mapping[int, int]) -> set[int]:
        self.broker.now = now
        return asyncio.run(self._partitions.find(next_offsets))


def test_a_partition_is_idle_once_it_stood_at_its_end_for_the_idle_time() -> None:
    watch = Watch({0: (0, 5), 1: (0, 9)})
    assert [watch.at(now, {0: 5, 1: 8}) for now in (100, 109, 110, 111)] == [set(), set(), {0}, {0}]


def test_a_record_that_is_read_begins_the_time_anew() -> None:
    watch = Watch({0: (0, 5)})
    watch.at(100, {0: 5})
    watch.broker.bounds = {0: (0, 6)}
    assert [watch.at(109, {0: 6}), watch.at(118, {0: 6}), watch.at(119, {0: 6})] == [set(), set(), {0}]


def test_a_partition_with_something_unread_is_not_idle_however_long_nothing_is_read() -> None:
    watch = Watch({0: (0, 5)})
    assert [watch.at(now, {0: 4}) for now in (100, 200, 300)] == [set()] * 3


def test_a_broker_that_does_not_answer_lets_no_partition_seem_idle() -> None:
    watch = Watch({0: (0, 5)})
    watch.at(100, {0: 5})
    watch.broker.bounds = None
    assert watch.at(150, {0: 5}) == set()
    watch.broker.bounds = {0: (0, 5)}
    assert [watch.at(151, {0: 5}), watch.at(161, {0: 5})] == [set(), {0}]


@pytest.mark.parametrize("records", [0, 7])
def test_a_partition_without_records_is_idle_though_none_was_ever_read(records: int) -> None:
    """``records``: that were there and are gone."""
    watch = Watch({0: (records, records)})
    watch.at(100, {})
    assert watch.at(110, {}) == {0}


def test_a_partition_whose_unread_records_the_broker_has_removed_is_at_its_end() -> None:
    watch = Watch({0: (9, 9)})
    watch.at(100, {0: 5})
    assert watch.at(110, {0: 5}) == {0}


def test_the_time_an_answer_takes_is_no_time_at_rest() -> None:
    watch = Watch({0: (0, 5)})
    watch.broker.takes = 60.0  # a process that was stopped in the middle of asking
    assert watch.at(100, {0: 5}) == set()
    assert watch.at(165, {0: 5}) == set()
    watch.broker.takes = 0.0
    assert watch.at(226, {0: 5}) == {0}
