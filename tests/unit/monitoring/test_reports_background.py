"""Reports one after the other: the oldest is left out when too many wait, and one that fails stops nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from monitoring.log_lines import News
from monitoring.reports.background import Reporting
from monitoring.store import WindowKey
from stream_app.errors import ChildClosed, ChildCrashed, ReportFailed, StoreError, StoreUnavailable


class Desk:
    """Writes reports unless a fault is put on a window, notes them, and remembers the metrics' verbs."""

    def __init__(self, most: int = 10) -> None:
        self.faults: dict[str, Exception] = {}
        self.note_fault: Exception | None = None
        self.noted: list[tuple[str, str]] = []
        self.verbs: list[str] = []
        self.reporting = Reporting(self._write, self._note, most, self, News("v", lambda: 0.0))  # type: ignore[arg-type]

    def _write(self, key: WindowKey) -> Path:
        if key.id in self.faults:
            raise self.faults[key.id]
        return Path(f"/reports/{key.id}")

    def _note(self, window_id: str, path: str) -> None:
        if self.note_fault:
            raise self.note_fault
        self.noted.append((window_id, path))

    def report_written(self, _seconds: float) -> None:
        self.verbs.append("written")

    def report_failed(self) -> None:
        self.verbs.append("failed")

    def child_failed(self, child: str) -> None:
        self.verbs.append(f"{child} failed")

    def ask(self, names: Sequence[str]) -> None:
        for name in names:
            self.reporting.ask(WindowKey(name, "time", 0, 1, None, None, 0))

    def run(self, reports: int) -> None:
        """Until so many were made or failed."""
        asyncio.run(asyncio.wait_for(self._until(reports), 10))

    async def _until(self, reports: int) -> None:
        running = asyncio.ensure_future(self.reporting.run())
        while len([verb for verb in self.verbs if verb in ("written", "failed")]) < reports:
            assert not running.done()
            await asyncio.sleep(0)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def test_reports_are_made_in_the_order_they_were_asked_for_and_noted() -> None:
    desk = Desk()
    desk.ask(["a", "b"])
    desk.run(2)
    assert desk.noted == [("a", "/reports/a"), ("b", "/reports/b")]
    assert desk.verbs == ["written", "written"]


def test_of_more_than_are_kept_the_oldest_are_left_out() -> None:
    desk = Desk(most=2)
    desk.ask(["a", "b", "c", "d"])
    desk.run(2)
    assert [name for name, _ in desk.noted] == ["c", "d"]


def test_where_none_are_kept_none_is_made() -> None:
    desk = Desk(most=0)
    desk.ask(["a", "b"])
    desk.run(0)
    assert desk.verbs == []


@pytest.mark.parametrize(
    ("fault", "verbs"),
    [
        (ReportFailed("The folder takes no file."), ["failed"]),
        (StoreUnavailable("The store is away."), ["failed"]),
        (StoreError("Its decisions were removed."), ["failed"]),
        (ChildCrashed("The reporter died."), ["reporter failed", "failed"]),
    ],
)
def test_a_report_that_fails_is_counted_and_told_and_the_next_is_made(
    fault: Exception, verbs: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    desk.faults["a"] = fault
    desk.ask(["a", "b"])
    desk.run(2)
    assert desk.verbs == [*verbs, "written"]
    assert [name for name, _ in desk.noted] == ["b"]
    assert caplog.messages == [f"The report of window a was not made. {fault}"]


def test_a_report_that_is_cut_short_because_the_monitor_stops_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.faults["a"] = ChildClosed("The reporter was ended.")
    desk.ask(["a", "b"])
    desk.run(1)
    assert (desk.verbs, caplog.messages) == (["written"], [])


def test_a_report_the_store_cannot_note_is_there_all_the_same() -> None:
    desk = Desk()
    desk.note_fault = StoreUnavailable("The store is away.")
    desk.ask(["a"])
    desk.run(1)
    assert desk.verbs == ["written"]


def test_reports_asked_for_later_are_made_too() -> None:
    async def story(desk: Desk) -> None:
        running: Any = asyncio.ensure_future(desk.reporting.run())
        for count, name in enumerate(["a", "b"], 1):
            desk.ask([name])
            while len(desk.verbs) < count:
                await asyncio.sleep(0)
        running.cancel()

    desk = Desk()
    asyncio.run(asyncio.wait_for(story(desk), 10))
    assert desk.verbs == ["written", "written"]
