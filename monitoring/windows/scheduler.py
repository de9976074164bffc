"""Closes windows that are due, has them computed in the analyst's process, and says what came out of it.

One monitor of a group does it: the owner of partition 0 of the decisions. A crash at any point repeats the step it was
in and no other: what is closed, computed and announced is written in the window's row in the store.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from typing import Protocol

from monitoring.log_lines import News, told
from monitoring.metrics.monitor import MonitorMetrics
from monitoring.store import DecisionStore, Position, WindowKey
from monitoring.windows.due import Windowing, progression
from stream_app.drift_events import DriftEvent
from stream_app.errors import ChildClosed, ChildFailed, DeliveryFailed, StoreError, StoreUnavailable

log = logging.getLogger(__name__)

MOST_TRIES = 3
"""Of computing one revision of a window; after that it waits for the next start of the monitor."""

MOST_A_LOOK = 20
"""Windows computed before their events are sent and the rest of what is due is looked at."""

Announce = Callable[[str, bytes], Awaitable[None]]
"""Publish a drift event under its window's id. Raises DeliveryFailed."""

AskIdle = Callable[[Mapping[int, int]], Awaitable[Set[int]]]
"""Decision partitions that are at rest, given where each is read on."""


class Analyst(Protocol):
    """Computes windows in a process of its own; called from worker threads."""

    def first(self, key: WindowKey) -> DriftEvent:
        """The first revision. Raises ChildFailed."""

    def next(self, key: WindowKey, last: DriftEvent) -> DriftEvent:
        """The revision after ``last``, with the performance that the labels now show. Raises ChildFailed."""


class Closer:
    """One look at a time: :meth:`look` does whatever is due and returns."""

    def __init__(
        self,
        *,
        store: DecisionStore,
        decisions_topic: str,
        windowing: Windowing,
        idle: AskIdle,
        analyst: Analyst,
        announce: Announce,
        report: Callable[[WindowKey], None],
        metrics: MonitorMetrics,
        news: News,
    ) -> None:
        """``report`` is told of each window computed for the first time and must not wait."""
        self._store, self._topic, self._windowing, self._idle = store, decisions_topic, windowing, idle
        self._analyst, self._announce, self._report = analyst, announce, report
        self._metrics, self._news = metrics, news
        self._tries: Counter[tuple[str, int]] = Counter()
        self._refreshes: Counter[str] = Counter()
        self._tidied_before_us: int | None = None
        self._leading = False
        self.partitions = 0
        """Of the decision topic; known once the broker was asked. No window closes before each has been read."""

    async def look(self, leading: bool) -> None:
        """Close, compute, announce, tidy. ``leading``: whether this monitor is the one.

        What does not work now (store, broker, analyst) is told and tried again at the next look.
        """
        try:
            await self._follow(leading)
            if leading:
                await self._lead()
        except StoreUnavailable as fault:
            self._metrics.store_failed()
            self._news.say("store", logging.WARNING, str(fault))
        except DeliveryFailed as fault:
            self._news.say("announce", logging.WARNING, str(fault))

    async def _lead(self) -> None:
        await self._close_due()
        nothing_left = await self._judge()
        await self._refresh()
        await self._announce_all()
        await self._tidy()
        if nothing_left:
            self._metrics.drift_run_done(time.time())

    async def _follow(self, leading: bool) -> None:
        """Show the gauges of past windows on taking the lead, and none on losing it."""
        if leading and not self._leading:
            self._metrics.windows_restored(await asyncio.to_thread(self._store.windows, self._metrics.keep_windows))
        elif self._leading and not leading:
            self._metrics.forget_windows()
        self._leading = leading

    async def _close_due(self) -> None:
        read = await self._decisions_read()
        idle = await self._idle({number: position.next_offset for number, position in read.items()})
        now_us = time.time_ns() // 1000
        come = progression(self._windowing, self.partitions, read, idle, now_us)
        self._metrics.watermark_is(come.watermark_us)
        if come.close_before_us is not None:
            await asyncio.to_thread(self._store.close_due, come.close_before_us, self._windowing.size, now_us)
        if self._windowing.count:
            await asyncio.to_thread(self._store.close_due_counts, self._windowing.count, now_us)

    async def _decisions_read(self) -> dict[int, Position]:
        """How far each decision partition was read, by whichever monitor."""
        positions = await asyncio.to_thread(self._store.positions)
        return {number: position for (topic, number), position in positions.items() if topic == self._topic}

    async def _judge(self) -> bool:
        """Compute windows for the first time, oldest first, some at each look. True when none is left."""
        waiting = await asyncio.to_thread(self._store.uncomputed)
        judged = 0
        for key in self._worth_a_try(waiting)[:MOST_A_LOOK]:
            if await self._compute_one(key, last=None):
                judged += 1
                self._report(key)
        return judged == len(waiting)

    async def _refresh(self) -> None:
        """Compute windows anew that got outcomes, those first whose turn was least often, some at each look."""
        stale = self._worth_a_try(await asyncio.to_thread(self._store.stale))
        for key in sorted(stale, key=lambda key: self._refreshes[key.id])[:MOST_A_LOOK]:
            self._refreshes[key.id] += 1
            await self._compute_one(key, last=await asyncio.to_thread(self._store.window_event, key.id))

    def _worth_a_try(self, keys: Sequence[WindowKey]) -> list[WindowKey]:
        return [key for key in keys if self._tries[key.id, key.labels_seen] < MOST_TRIES]

    async def _compute_one(self, key: WindowKey, last: DriftEvent | None) -> bool:
        """Compute one revision and store it. False: the analyst failed; another try at another look, a few times."""
        started = time.perf_counter()
        try:
            event = await asyncio.to_thread(self._ask, key, last)
        except StoreUnavailable:
            raise
        except ChildClosed:
            return False  # the monitor stops
        except (ChildFailed, StoreError) as fault:
            self._not_computed(key, fault)
            return False
        await asyncio.to_thread(self._store.computed, key, event)
        self._metrics.window_computed(event)
        if last is None:
            self._metrics.closing_took(time.perf_counter() - started)
            log.info("%s", told(event))
        return True

    def _not_computed(self, key: WindowKey, fault: Exception) -> None:
        self._metrics.child_failed("analyst")
        self._tries[key.id, key.labels_seen] += 1
        tries = self._tries[key.id, key.labels_seen]
        left = " It is left until outcomes come or the monitor starts again." if tries == MOST_TRIES else ""
        log.error("Window %s was not computed (try %d of %d). %s%s", key.id, tries, MOST_TRIES, fault, left)

    def _ask(self, key: WindowKey, last: DriftEvent | None) -> DriftEvent:
        return self._analyst.first(key) if last is None else self._analyst.next(key, last)

    async def _announce_all(self) -> None:
        for event in await asyncio.to_thread(self._store.unpublished):
            await self._announce(event.id, event.record)
            await asyncio.to_thread(self._store.published, event.id, event.revision)

    async def _tidy(self) -> None:
        """Remove what is older than the retention, some of it at each look, whenever that has moved by a window."""
        read = await self._decisions_read()
        latest_us = [position.latest_us for position in read.values() if position.latest_us is not None]
        if not latest_us:
            return
        before_us = self._windowing.size.start_of(max(latest_us) - self._windowing.retention_us)
        if before_us != self._tidied_before_us and not await asyncio.to_thread(self._store.remove_before, before_us):
            self._tidied_before_us = before_us
