"""Closes windows that are due, has a child process compute them, and publishes their drift events.

One monitor of a group does it: the owner of partition 0 of the decisions. A crash at any point repeats the step it was
in and no other: what is closed, computed and published is written in the window's row in the store.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set

from monitoring.log_lines import LogLines, window_line
from monitoring.metrics.monitor import MonitorMetrics
from monitoring.store import DecisionStore, PartitionOffset, WindowKey
from monitoring.windows.due import Windowing, progression
from stream_app.errors import ChildClosed, ChildFailed, DeliveryFailed, StoreError, StoreUnavailable

log = logging.getLogger(__name__)

MAX_TRIES = 3
"""Of computing one revision of a window; after that it waits for the next start of the monitor."""

MAX_WINDOWS_PER_TICK = 20
"""Windows computed before their events are published and everything else that is due is done."""

Compute = Callable[[WindowKey], object]
"""Compute and store a window's next revision, in another process; called from worker threads. Raises ChildFailed or
StoreError."""

Publish = Callable[[str, bytes], Awaitable[None]]
"""Publish a drift event under its window's id. Raises DeliveryFailed."""

FindIdle = Callable[[Mapping[int, int]], Awaitable[Set[int]]]
"""The decision partitions that are idle, given the offset each is read from next."""


class WindowScheduler:
    """:meth:`tick` does whatever is due and returns; one at a time."""

    def __init__(
        self,
        *,
        store: DecisionStore,
        decisions_topic: str,
        windowing: Windowing,
        find_idle: FindIdle,
        compute: Compute,
        publish: Publish,
        report: Callable[[WindowKey], None],
        metrics: MonitorMetrics,
        log_lines: LogLines,
        revision_interval_us: int,
        now_us: Callable[[], int],
    ) -> None:
        """``report`` is called for each window computed for the first time and must not wait.

        ``revision_interval_us``: between two events of one window on the topic; the newest follows at its end.
        """
        self._store, self._topic, self._windowing, self._find_idle = store, decisions_topic, windowing, find_idle
        self._compute, self._publish, self._report = compute, publish, report
        self._metrics, self._log_lines = metrics, log_lines
        self._revision_interval_us, self._now_us = revision_interval_us, now_us
        self._tries: Counter[tuple[str, int]] = Counter()
        self._refreshes: Counter[str] = Counter()
        self._retention_done_before_us: int | None = None
        self._leading = False
        self.partitions = 0
        """Of the decision topic; known once the broker was asked. No window closes before each has been read."""

    async def tick(self, leading: bool) -> None:
        """Close, compute, publish, remove. ``leading``: whether this monitor is the one that does it.

        What fails for now (store, broker, analyst) is logged and tried again at the next tick.
        """
        try:
            await self._show_windows_if(leading)
            if leading:
                await self._lead()
        except StoreUnavailable as error:
            self._metrics.store_failed()
            self._log_lines.log("store", logging.WARNING, str(error))
        except DeliveryFailed as error:
            self._log_lines.log("publish", logging.WARNING, str(error))

    async def _lead(self) -> None:
        await self._close_due()
        nothing_left = await self._judge()
        await self._refresh()
        await self._publish_all()
        await self._apply_retention()
        if nothing_left:
            self._metrics.drift_run_done(self._now_us() / 1e6)

    async def _show_windows_if(self, leading: bool) -> None:
        """Show the gauges of past windows on taking the lead, and none on losing it."""
        if leading and not self._leading:
            self._metrics.windows_restored(await asyncio.to_thread(self._store.windows, self._metrics.keep_windows))
        elif self._leading and not leading:
            self._metrics.forget_windows()
        self._leading = leading

    async def _close_due(self) -> None:
        read = await self._decisions_read()
        idle = await self._find_idle({number: offset.next_offset for number, offset in read.items()})
        now_us = self._now_us()
        due = progression(self._windowing, self.partitions, read, idle, now_us)
        self._metrics.watermark_is(due.watermark_us)
        if due.close_before_us is not None:
            await asyncio.to_thread(self._store.close_due, due.close_before_us, self._windowing.size, now_us)
        if self._windowing.count:
            await asyncio.to_thread(self._store.close_due_counts, self._windowing.count, now_us)

    async def _decisions_read(self) -> dict[int, PartitionOffset]:
        """How far each decision partition was read, by whichever monitor."""
        offsets = await asyncio.to_thread(self._store.offsets)
        return {number: offset for (topic, number), offset in offsets.items() if topic == self._topic}

    async def _judge(self) -> bool:
        """Compute windows for the first time, oldest first, some at each tick. True when none is left."""
        waiting = await asyncio.to_thread(self._store.uncomputed)
        judged = 0
        for key in self._with_tries_left(waiting)[:MAX_WINDOWS_PER_TICK]:
            if await self._compute_one(key):
                judged += 1
                self._report(key)
        return judged == len(waiting)

    async def _refresh(self) -> None:
        """Compute windows anew that got labels, the least often refreshed first, some at each tick."""
        stale = self._with_tries_left(await asyncio.to_thread(self._store.stale))
        for key in sorted(stale, key=lambda key: self._refreshes[key.id])[:MAX_WINDOWS_PER_TICK]:
            self._refreshes[key.id] += 1
            await self._compute_one(key)

    def _with_tries_left(self, keys: Sequence[WindowKey]) -> list[WindowKey]:
        return [key for key in keys if self._tries[key.id, key.labels_seen] < MAX_TRIES]

    async def _compute_one(self, key: WindowKey) -> bool:
        """Have the next revision computed and stored. False: it was not, and another tick tries again, a few times.

        What counts is the window's row: a process that dies may have stored it before.
        """
        started, failure = time.perf_counter(), None
        try:
            await asyncio.to_thread(self._compute, key)
        except StoreUnavailable:
            raise
        except ChildClosed:
            return False  # the monitor stops
        except (ChildFailed, StoreError) as error:
            failure = error
            self._metrics.child_failed("analyst")
        event = await asyncio.to_thread(self._store.window_event, key.id)
        if event is None or event.revision <= key.revision:
            self._not_computed(key, failure)
            return False
        self._metrics.window_computed(event)
        if key.revision == 0:
            self._metrics.closing_took(time.perf_counter() - started)
            log.info("%s", window_line(event))
        return True

    def _not_computed(self, key: WindowKey, failure: Exception | None) -> None:
        self._tries[key.id, key.labels_seen] += 1
        tries = self._tries[key.id, key.labels_seen]
        left = " It is left until labels come or the monitor starts again." if tries == MAX_TRIES else ""
        log.error("Window %s was not computed (try %d of %d). %s%s", key.id, tries, MAX_TRIES, failure, left)

    async def _publish_all(self) -> None:
        for event in await asyncio.to_thread(self._store.unpublished, self._now_us(), self._revision_interval_us):
            await self._publish(event.id, event.record)
            await asyncio.to_thread(self._store.published, event.id, event.revision, self._now_us())

    async def _apply_retention(self) -> None:
        """Remove what is older than the retention, some of it at each tick, whenever that has moved by a window."""
        read = await self._decisions_read()
        latest_us = [offset.latest_us for offset in read.values() if offset.latest_us is not None]
        if not latest_us:
            return
        before_us = self._windowing.size.start_of(max(latest_us) - self._windowing.retention_us)
        if before_us == self._retention_done_before_us:
            return
        if not await asyncio.to_thread(self._store.remove_before, before_us):
            self._retention_done_before_us = before_us
