"""Closes windows that are due, has them computed in the analyst's process, and says what came out of it.

One monitor of a group does it: the owner of partition 0 of the decisions. A crash at any point repeats the step it was
in and no other: what is closed, computed and announced is written in the window's row in the store.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass
from typing import Protocol

from monitoring.incoming import Partition
from monitoring.monitor_metrics import MonitorMetrics
from monitoring.news import News
from monitoring.store import DecisionStore, Position, WindowKey
from monitoring.windows import WindowSize, close_before_us, quiet_close_before_us, watermark_us
from stream_app.drift_events import DriftEvent
from stream_app.errors import ChildFailed, DeliveryFailed, StoreError, StoreUnavailable

log = logging.getLogger(__name__)

MOST_TRIES = 3
"""Of computing one revision of a window; after that it waits for the next start of the monitor."""

Announce = Callable[[str, bytes], Awaitable[None]]
"""Publish a drift event under its window's id. Raises DeliveryFailed."""


class Analyst(Protocol):
    """Computes windows in a process of its own; called from worker threads."""

    def first(self, key: WindowKey) -> DriftEvent:
        """The first revision. Raises ChildFailed."""

    def next(self, key: WindowKey, last: DriftEvent) -> DriftEvent:
        """The revision after ``last``, with the performance that the labels now show. Raises ChildFailed."""


@dataclass(frozen=True)
class Windowing:
    """Which windows there are; times in microseconds. ``count``: decisions in a count window, 0 for none of these.

    ``retention_us``: how long decisions stay.
    """

    size: WindowSize
    lateness_us: int
    count: int
    retention_us: int


class Closer:
    """One look at a time: :meth:`look` does whatever is due and returns."""

    def __init__(
        self,
        *,
        store: DecisionStore,
        decisions_topic: str,
        windowing: Windowing,
        analyst: Analyst,
        announce: Announce,
        report: Callable[[WindowKey], None],
        metrics: MonitorMetrics,
        news: News,
    ) -> None:
        """``report`` is told of each window computed for the first time and must not wait."""
        self._store, self._topic, self._windowing = store, decisions_topic, windowing
        self._analyst, self._announce, self._report = analyst, announce, report
        self._metrics, self._news = metrics, news
        self._tries: Counter[tuple[str, int]] = Counter()
        self._leading = False
        self.partitions = 0
        """Of the decision topic; known once the broker was asked. No window closes before each has been read."""

    async def look(self, leading: bool, idle: Set[int]) -> None:
        """Close, compute, announce, tidy. ``leading``: whether this monitor is the one; ``idle``: partitions at rest.

        What does not work now (store, broker, analyst) is told and tried again at the next look.
        """
        try:
            await self._follow(leading)
            if leading:
                await self._close_due(idle)
                await self._compute()
                await self._announce_all()
                await self._tidy()
                self._metrics.drift_run_done(time.time())
        except StoreUnavailable as fault:
            self._metrics.store_failed()
            self._news.say("store", logging.WARNING, str(fault))
        except DeliveryFailed as fault:
            self._news.say("announce", logging.WARNING, str(fault))

    async def _follow(self, leading: bool) -> None:
        """Show the gauges of past windows on taking the lead, and none on losing it."""
        if leading and not self._leading:
            self._metrics.windows_restored(await asyncio.to_thread(self._store.windows, self._metrics.keep_windows))
        elif self._leading and not leading:
            self._metrics.forget_windows()
        self._leading = leading

    async def _close_due(self, idle: Set[int]) -> None:
        positions = await asyncio.to_thread(self._store.positions)
        now_us = time.time_ns() // 1000
        before_us = self._due(positions, idle, now_us)
        if before_us is not None:
            await asyncio.to_thread(self._store.close_due, before_us, self._windowing.size, now_us)
        if self._windowing.count:
            await asyncio.to_thread(self._store.close_due_counts, self._windowing.count, now_us)

    def _due(self, positions: dict[Partition, Position], idle: Set[int], now_us: int) -> int | None:
        """Every window that ends by then may close; None: none may."""
        windowing = self._windowing
        known = {number: position.latest_us for (topic, number), position in positions.items() if topic == self._topic}
        latest_us = {number: known.get(number) for number in range(self.partitions)}
        watermark = watermark_us(latest_us, idle)
        self._metrics.watermark_is(watermark)
        if watermark is None:
            return None
        before_us = close_before_us(windowing.size, watermark, windowing.lateness_us)
        if idle >= latest_us.keys():
            return quiet_close_before_us(windowing.size, watermark, now_us, windowing.lateness_us) or before_us
        return before_us

    async def _compute(self) -> None:
        for key in await asyncio.to_thread(self._store.uncomputed):
            if await self._compute_one(key, last=None):
                self._report(key)
        for key in await asyncio.to_thread(self._store.stale):
            await self._compute_one(key, last=await asyncio.to_thread(self._store.window_event, key.id))

    async def _compute_one(self, key: WindowKey, last: DriftEvent | None) -> bool:
        """Compute one revision and store it. False: the analyst failed; another try at another look, a few times."""
        attempt = (key.id, key.labels_seen)
        if self._tries[attempt] >= MOST_TRIES:
            return False
        started = time.perf_counter()
        try:
            event = await asyncio.to_thread(self._ask, key, last)
        except StoreUnavailable:
            raise
        except (ChildFailed, StoreError) as fault:
            self._tries[attempt] += 1
            self._metrics.child_failed("analyst")
            log.error("Window %s was not computed (try %d of %d). %s", key.id, self._tries[attempt], MOST_TRIES, fault)
            return False
        await asyncio.to_thread(self._store.computed, key, event)
        self._metrics.window_computed(event)
        if last is None:
            self._metrics.closing_took(time.perf_counter() - started)
            log.info("%s", told(event))
        return True

    def _ask(self, key: WindowKey, last: DriftEvent | None) -> DriftEvent:
        return self._analyst.first(key) if last is None else self._analyst.next(key, last)

    async def _announce_all(self) -> None:
        for event in await asyncio.to_thread(self._store.unpublished):
            await self._announce(event.id, event.record)
            await asyncio.to_thread(self._store.published, event.id, event.revision)

    async def _tidy(self) -> None:
        """Remove what is older than the retention, some of it at each look."""
        positions = await asyncio.to_thread(self._store.positions)
        latest = [p.latest_us for (topic, _), p in positions.items() if topic == self._topic and p.latest_us]
        if latest:
            await asyncio.to_thread(self._store.remove_before, max(latest) - self._windowing.retention_us)


def told(event: DriftEvent) -> str:
    """One line for the log: the window, its verdict and what drifted."""
    drifted = [each.feature for each in event.features if each.shift.drifted]
    if event.prediction.shift.drifted:
        drifted.append("the prediction")
    if event.outcomes.shift.drifted:
        drifted.append("the outcome mix")
    verdict = {"too_few": "too few rows to judge", "stable": "stable", "drifted": "drifted: " + ", ".join(drifted)}
    return f"window {event.window.id}: {event.rows} decisions, {verdict[event.verdict]}"
