"""The demo's monitor from outside: waited for until it has seen everything; its failure is reported, not raised."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stream_app.demo.monitor_view import Expected, MonitorView
from stream_app.drift_events import DriftEvent
from stream_app.errors import DemoFailed
from tests.builders.drift_events import event_with_drift as event
from tests.builders.records import Record

ALL = Expected(decisions=2_000, labels=2_000)
FIRST, SECOND = event("2005-01", labelled=0), event("2005-02", labelled=1_000)
FIRST_AGAIN = event("2005-01", revision=2, labelled=1_000)


class Monitor:
    """A monitor that ends by itself at its ``dies_at``-th check."""

    name = "monitor"

    def __init__(self, dies_at: int | None = None) -> None:
        self.checks, self.dies_at = 0, dies_at

    def wait_until_ready(self) -> str:
        self.check()
        return "127.0.0.1:1"

    def check(self) -> None:
        self.checks += 1
        if self.checks == self.dies_at:
            raise DemoFailed("The monitor ended by itself.", kept="Nothing.", do_next="Start again.")


class Events:
    """The drift topic: one fetch after another, then empty ones. Each takes a second of its clock and no real one."""

    def __init__(self, *fetches: Sequence[DriftEvent]) -> None:
        self.left, self.now = list(fetches), 0.0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Events]:
        yield self

    async def getmany(self, *, timeout_ms: int) -> dict[Any, Any]:  # noqa: ARG002 - aiokafka's signature
        self.now += 1.0
        await asyncio.sleep(0)
        events = self.left.pop(0) if self.left else []
        return {"partition": [Record(msgspec.json.encode(event)) for event in events]}

    def clock(self) -> float:
        return self.now


@pytest.fixture
def printed() -> list[str]:
    return []


def wait(
    events: Events, printed: list[str], monitor: Monitor | None = None, timeout_seconds: float = 10.0
) -> MonitorView:
    monitor_view = MonitorView(monitor or Monitor(), events.open, printed.append, events.clock)
    asyncio.run(monitor_view.wait_for(ALL, timeout_seconds))
    return monitor_view


def test_it_is_waited_for_until_every_decision_and_every_outcome_is_in_a_window(printed: list[str]) -> None:
    events = Events([FIRST], [SECOND], [FIRST_AGAIN], [event("2005-03")])
    monitor_view = wait(events, printed)
    assert [event.revision for event in monitor_view.windows.in_order()] == [2, 1]
    assert (len(events.left), monitor_view.fault) == (1, None)
    monitor_view.require_sound()


def test_what_was_read_during_the_replay_counts(printed: list[str]) -> None:
    events = Events([FIRST_AGAIN, SECOND])
    monitor_view = MonitorView(Monitor(), events.open, printed.append, events.clock)

    async def replay() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await monitor_view.listen()

    asyncio.run(replay())
    assert monitor_view.newest == "2005-02 stable"
    asyncio.run(monitor_view.wait_for(ALL, 10.0))
    assert monitor_view.fault is None


def test_without_progress_waiting_ends_and_the_last_progress_is_reported(printed: list[str]) -> None:
    monitor_view = wait(Events([FIRST], [SECOND]), printed, timeout_seconds=4.0)
    assert (
        "windows closed: 2, decisions in them: 2,000 of 2,000, loans whose label is known: 1,000 of 2,000"
        in printed[-1]
    )
    with pytest.raises(DemoFailed, match="every request is accounted for"):
        monitor_view.require_sound()


def test_the_timeout_begins_again_with_each_new_window(printed: list[str]) -> None:
    nothing: list[DriftEvent] = []
    events = Events(nothing, nothing, [FIRST], nothing, nothing, [SECOND], nothing, nothing, [FIRST_AGAIN])
    assert wait(events, printed, timeout_seconds=3.5).fault is None


def test_while_it_is_waited_for_its_progress_is_reported(printed: list[str]) -> None:
    nothing: list[DriftEvent] = []
    wait(Events([FIRST], *[nothing] * 7, [SECOND, FIRST_AGAIN]), printed)
    assert printed == [
        "Monitor: windows closed: 1, decisions in them: 1,000 of 2,000, loans whose label is known: 0 of 2,000."
    ]


def test_reports_are_waited_for_until_the_last_is_there(printed: list[str], tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.html", "b.html")]

    class Writing(Monitor):
        def check(self) -> None:
            super().check()
            files[self.checks - 1].touch()

    monitor_view = MonitorView(Writing(), Events().open, printed.append)
    asyncio.run(monitor_view.wait_for_reports(files, 10.0))
    assert monitor_view.fault is None
    assert all(file.exists() for file in files)


def test_waiting_for_reports_that_do_not_come_ends(printed: list[str], tmp_path: Path) -> None:
    times = iter(range(100))
    monitor_view = MonitorView(Monitor(), Events().open, printed.append, lambda: float(next(times)))
    asyncio.run(monitor_view.wait_for_reports([tmp_path / "a.html"], 0.5))
    assert "It made no progress for 0.5 s: reports written: 0 of 1." in printed[-1]


def test_a_monitor_that_ends_is_reported_once_and_fails_the_demo_at_its_end(printed: list[str]) -> None:
    monitor_view = wait(Events([FIRST]), printed, Monitor(dies_at=3))
    assert printed == ["The monitor failed; the requests are accounted for without it. The monitor ended by itself."]
    with pytest.raises(DemoFailed):
        monitor_view.require_sound()


def test_a_monitor_that_does_not_start_is_reported_and_not_raised(printed: list[str]) -> None:
    monitor_view = MonitorView(Monitor(dies_at=1), Events().open, printed.append)
    monitor_view.wait_until_ready()
    assert monitor_view.fault is not None
    assert "The monitor failed" in printed[0]


def test_a_monitor_that_did_not_start_is_not_waited_for(printed: list[str]) -> None:
    events = Events([FIRST])
    monitor_view = MonitorView(Monitor(dies_at=1), events.open, printed.append, events.clock)
    monitor_view.wait_until_ready()
    asyncio.run(monitor_view.wait_for(ALL, 10.0))
    assert events.now == 0.0
