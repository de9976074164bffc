"""A queue of reports, made one after the other by a child process whose crash or hang does not stop the monitor."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from monitoring.log_lines import LogLines
from monitoring.metrics.monitor import MonitorMetrics
from monitoring.store import WindowKey
from stream_app.errors import ChildClosed, ChildFailed, ReportFailed, StoreError

log = logging.getLogger(__name__)

Write = Callable[[WindowKey], Path]
"""Make the report of a window, in another process. Raises ChildFailed, ReportFailed or StoreError."""


class ReportQueue:
    """A queue of windows to be reported on; of more than ``most`` waiting the oldest are left out.

    A report that was left out or failed can be made at any time with ``stream-app report``.
    """

    def __init__(self, write: Write, most: int, metrics: MonitorMetrics, log_lines: LogLines) -> None:
        """``write`` is called from a worker thread."""
        self._write, self._metrics, self._log_lines = write, metrics, log_lines
        self._waiting: deque[WindowKey] = deque(maxlen=most)
        self._more = asyncio.Event()

    def add(self, key: WindowKey) -> None:
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
            await asyncio.to_thread(self._write, key)
        except ChildClosed:
            return  # the monitor stops
        except (ChildFailed, ReportFailed, StoreError) as fault:
            if isinstance(fault, ChildFailed):
                self._metrics.child_failed("reporter")
            self._metrics.report_failed()
            self._log_lines.log("report", logging.ERROR, f"The report of window {key.id} was not made. {fault}")
        else:
            self._metrics.report_written(time.perf_counter() - started)
