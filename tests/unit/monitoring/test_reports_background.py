"""Reports one after the other: the oldest is left out when too many wait, and one that fails stops nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from monitoring.log_lines import LogLines
from monitoring.reports.background import ReportQueue
from monitoring.store import WindowKey
from stream_app.errors import ChildClosed, ChildCrashed, ReportFailed, StoreError, StoreUnavailable


class Reports:
    """A queue whose reports are written unless an error is set for the window; records what was called."""

    def __init__(self, most: int = 10) -> None:
        self.errors: dict[str, Exception] = {}
        self.written: list[str] = []
        self.verbs: list[str] = []
        self.queue = ReportQueue(self._write, most, self, LogLines("v", lambda: 0.0))  # type: ignore[arg-type]

    def _write(self, key: WindowKey) -> Path:
        if key.id in self.errors:
            raise self.errors[key.id]
        self.written.append(key.id)
        return Path(f"/reports/{key.id}")

    def report_written(self, _seconds: float) -> None:
        self.verbs.append("written")

    def report_failed(self) -> None:
        self.verbs.append("failed")

    def child_failed(self, child: str) -> None:
        self.verbs.append(f"{child} failed")

    def add(self, names: Sequence[str]) -> None:
        for name in names:
            self.queue.add(WindowKey(name, "time", 0, 1, None, None, 0))

    def run(self, count: int) -> None:
        """Until so many were made or failed."""
        asyncio.run(asyncio.wait_for(self._until(count), 10))

    async def _until(self, count: int) -> None:
        running = asyncio.ensure_future(self.queue.run())
        while len([verb for verb in self.verbs if verb in ("written", "failed")]) < count:
            assert not running.done()
            await asyncio.sleep(0)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def test_reports_are_made_in_the_order_they_were_asked_for() -> None:
    reports = Reports()
    reports.add(["a", "b"])
    reports.run(2)
    assert reports.written == ["a", "b"]
    assert reports.verbs == ["written", "written"]


def test_of_more_than_are_kept_the_oldest_are_left_out() -> None:
    reports = Reports(most=2)
    reports.add(["a", "b", "c", "d"])
    reports.run(2)
    assert reports.written == ["c", "d"]


def test_where_none_are_kept_none_is_made() -> None:
    reports = Reports(most=0)
    reports.add(["a", "b"])
    reports.run(0)
    assert reports.verbs == []


@pytest.mark.parametrize(
    ("fault", "verbs"),
    [
        (ReportFailed("The folder takes no file."), ["failed"]),
        (StoreUnavailable("The store is away."), ["failed"]),
        (StoreError("Its decisions were removed."), ["failed"]),
        (ChildCrashed("The reporter died."), ["reporter failed", "failed"]),
    ],
)
def test_a_report_that_fails_is_counted_and_logged_and_the_next_is_made(
    fault: Exception, verbs: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    reports = Reports()
    reports.errors["a"] = fault
    reports.add(["a", "b"])
    reports.run(2)
    assert reports.verbs == [*verbs, "written"]
    assert reports.written == ["b"]
    assert caplog.messages == [f"The report of window a was not made. {fault}"]


def test_a_report_that_is_cut_short_because_the_monitor_stops_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    reports = Reports()
    reports.errors["a"] = ChildClosed("The reporter was ended.")
    reports.add(["a", "b"])
    reports.run(1)
    assert (reports.verbs, caplog.messages) == (["written"], [])


def test_reports_asked_for_later_are_made_too() -> None:
    async def story(reports: Reports) -> None:
        running: Any = asyncio.ensure_future(reports.queue.run())
        for count, name in enumerate(["a", "b"], 1):
            reports.add([name])
            while len(reports.verbs) < count:
                await asyncio.sleep(0)
        running.cancel()

    reports = Reports()
    asyncio.run(asyncio.wait_for(story(reports), 10))
    assert reports.verbs == ["written", "written"]
