"""The monitor's two children: one computes windows, one writes reports, each in a process of its own.

Both read the store themselves, so that no window passes through the monitor's own process.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import msgspec

from monitoring.jobs.child_process import Child
from monitoring.jobs.window_job import close_window, prepare, refresh_window
from monitoring.reports.build import prepare as prepare_reports
from monitoring.reports.build import write_report
from monitoring.statistics.window_analysis import Options
from monitoring.store import WindowKey
from stream_app.drift_events import DriftEvent

ANALYSIS_SECONDS = 120.0
"""Deadline of one window; a hundred times what 20,000 rows of 30 features take."""

REPORT_SECONDS = 120.0
"""Deadline of one report; twenty times what one of 30 features takes."""


class WindowAnalyst:
    """Has windows computed in a child that reads them from the store itself. Safe to call from any thread."""

    def __init__(self, store_url: str, bundle: Path, options: Options) -> None:
        self._store_url, self._bundle, self._options = store_url, bundle, options
        self._child = Child("analyst", partial(prepare, bundle), ANALYSIS_SECONDS)

    def first(self, key: WindowKey) -> DriftEvent:
        """The first revision. Raises ChildFailed, StoreUnavailable or StoreError."""
        record = self._child.call(close_window, self._store_url, self._bundle, key, self._options, 1, _now_us())
        return msgspec.json.decode(record, type=DriftEvent)

    def next(self, key: WindowKey, last: DriftEvent) -> DriftEvent:
        """The revision after ``last``, with the performance that the labels now show. Raises as :meth:`first` does."""
        before = msgspec.json.encode(last)
        record = self._child.call(refresh_window, self._store_url, self._bundle, key, self._options, before, _now_us())
        return msgspec.json.decode(record, type=DriftEvent)

    def close(self) -> None:
        """End the child at once."""
        self._child.close()


class ReportWriter:
    """Has reports written in a child that stands back for everything else. Safe to call from any thread."""

    def __init__(self, store_url: str, bundle: Path, folder: Path, kept: int) -> None:
        """``kept``: newest reports that stay in the folder."""
        self._arguments = store_url, bundle
        self._folder, self._kept = folder, kept
        self._child = Child("reporter", partial(prepare_reports, bundle), REPORT_SECONDS, niceness=10)

    def write(self, key: WindowKey) -> Path:
        """The report's path. Raises ChildFailed, ReportFailed, StoreUnavailable or StoreError."""
        return self._child.call(write_report, *self._arguments, key, self._folder, self._kept)

    def close(self) -> None:
        """End the child at once; a report half made leaves nothing."""
        self._child.close()


def _now_us() -> int:
    return time.time_ns() // 1000
