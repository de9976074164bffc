"""However many labels come late, a window's drift event is published at most once an interval, and its last state is
always published in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import msgspec
import pytest

from monitoring.event_time import WindowSize
from monitoring.log_lines import LogLines
from monitoring.store import DecisionStore, PartitionOffset, WindowKey
from monitoring.windows.due import Windowing
from monitoring.windows.scheduler import WindowScheduler
from stream_app.drift_events import DriftEvent
from tests.builders.drift_events import short_event
from tests.builders.store_rows import DAY, day_of, label, put
from tests.builders.window_scheduler import Metrics

FIRST, SECOND = "1970-01-01", "1970-01-02"
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US


class Monitor:
    """A scheduler on a real store, with a clock and a broker of the test's; what it computes is a short event."""

    def __init__(self, store: DecisionStore, now_us: int = 100 * DAY) -> None:
        self.store, self.now_us = store, now_us
        self.published: list[tuple[str, int]] = []
        self.scheduler = WindowScheduler(
            store=store,
            decisions_topic="d",
            windowing=Windowing(WindowSize.parse("1d"), lateness_us=0, count=0, retention_us=1_000 * DAY),
            find_idle=self._find_idle,
            compute=self._compute,
            publish=self._publish,
            report=lambda _key: None,
            metrics=Metrics(),  # type: ignore[arg-type]
            log_lines=LogLines("v", lambda: 0.0),
            revision_interval_us=MINUTE_US,
            now_us=lambda: self.now_us,
        )
        self.scheduler.partitions = 1

    async def _find_idle(self, _next_offsets: Mapping[int, int]) -> Set[int]:
        return frozenset()

    def _compute(self, key: WindowKey) -> None:
        self.store.computed(key, short_event(key.id, key.revision + 1))

    async def _publish(self, window_id: str, record: bytes) -> None:
        self.published.append((window_id, msgspec.json.decode(record, type=DriftEvent).revision))

    def tick(self, after_us: int = 0) -> None:
        self.now_us += after_us
        asyncio.run(self.scheduler.tick(True))

    def label_then_tick(self, number: int, after_us: int) -> None:
        put(self.store, labels=[label(f"r{number}")])
        self.tick(after_us)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DecisionStore]:
    """Two days of decisions, of which the first is over."""
    with DecisionStore.open(str(tmp_path / "d.db")) as opened:
        day_of(opened, rows=20)
        day_of(opened, rows=1, day=1, name="other")
        put(opened, offsets={("d", 0): PartitionOffset(21, DAY)})
        yield opened


def test_the_first_event_of_a_window_waits_for_nothing(store: DecisionStore) -> None:
    monitor = Monitor(store)
    monitor.tick()
    assert monitor.published == [(FIRST, 1)]


def test_of_many_revisions_within_an_interval_the_last_is_published_at_its_end(store: DecisionStore) -> None:
    monitor = Monitor(store)
    monitor.tick()
    for number in range(10):
        monitor.label_then_tick(number, after_us=5 * SECOND_US)
    assert monitor.published == [(FIRST, 1)]
    monitor.tick(after_us=10 * SECOND_US - 1)
    assert monitor.published == [(FIRST, 1)]
    monitor.tick(after_us=1)
    monitor.tick(after_us=10 * MINUTE_US)
    assert monitor.published == [(FIRST, 1), (FIRST, 11)]


def test_a_label_that_comes_after_a_quiet_interval_is_published_at_once(store: DecisionStore) -> None:
    monitor = Monitor(store)
    monitor.tick()
    monitor.label_then_tick(1, after_us=MINUTE_US)
    assert monitor.published == [(FIRST, 1), (FIRST, 2)]


def test_one_window_does_not_hold_another_back(store: DecisionStore) -> None:
    monitor = Monitor(store)
    monitor.tick()
    put(store, offsets={("d", 0): PartitionOffset(22, 2 * DAY)}, labels=[label("r1")])
    monitor.tick(after_us=SECOND_US)
    assert monitor.published == [(FIRST, 1), (SECOND, 1)]


def test_the_last_state_is_published_after_a_restart_and_not_before_the_interval_is_over(store: DecisionStore) -> None:
    before = Monitor(store)
    before.tick()
    before.label_then_tick(1, after_us=SECOND_US)
    assert before.published == [(FIRST, 1)]
    after = Monitor(store, before.now_us)
    after.tick(after_us=58 * SECOND_US)
    assert after.published == []
    after.tick(after_us=SECOND_US)
    assert after.published == [(FIRST, 2)]


def test_a_clock_that_was_set_back_holds_nothing_back(store: DecisionStore) -> None:
    monitor = Monitor(store)
    monitor.tick()
    monitor.label_then_tick(1, after_us=-DAY)
    assert monitor.published == [(FIRST, 1), (FIRST, 2)]
