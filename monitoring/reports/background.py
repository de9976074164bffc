"""Reports, one after the other in the background, by a process that may crash or hang without a trace here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from monitoring.log_lines import News
from monitoring.metrics.monitor import MonitorMetrics
from monitoring.store import WindowKey
from stream_app.errors import ChildClosed, ChildFailed, ReportFailed, StoreError, StoreUnavailable

log = logging.getLogger(__name__)

Write = Callable[[WindowKey], Path]
"""Make the report of a window, in another process. Raises ChildFailed, ReportFailed or StoreUnavailable."""


class Reporting:
    """A queue of windows to be reported on; of more than ``most`` waiting the oldest are left out.

    A report that was left out or failed can be made at any time with ``stream-app report``.
    """

    def __init__(
        self,
        write: Write,
        noted: Callable[[str, str], None],
        most: int,
        metrics: MonitorMetrics,
        news: News,
    ) -> None:
        """``noted``: told the window's id and the report's path, from a worker thread."""
        self._write, self._noted, self._metrics, self._news = write, noted, metrics, news
        self._waiting: deque[WindowKey] = deque(maxlen=most)
        self._more = asyncio.Event()

    def ask(self, key: WindowKey) -> None:
        """Report on this window when its turn comes."""
        self._waiting.append(key)
        self._more.set()

    async def run(self) -> None:
        """Make reports until cancelled."""
        while True:
            await self._more.wait()
            if not self._waiting:
                self._more.clear()
                continue
            await self._make(self._waiting.popleft())

    async def _make(self, key: WindowKey) -> None:
        started = time.perf_counter()
        try:
            path = await asyncio.to_thread(self._write, key)
            with contextlib.suppress(StoreUnavailable):  # the report is there all the same
                await asyncio.to_thread(self._noted, key.id, str(path))
        except ChildClosed:
            return  # the monitor stops
        except (ChildFailed, ReportFailed, StoreError) as fault:
            if isinstance(fault, ChildFailed):
                self._metrics.child_failed("reporter")
            self._metrics.report_failed()
            self._news.say("report", logging.ERROR, f"The report of window {key.id} was not made. {fault}")
        else:
            self._metrics.report_written(time.perf_counter() - started)
