"""The watchdog: ends a process that makes no progress or does not stop, and none that was merely not let run."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

import pytest

from stream_app.errors import StopTimedOut, StreamAppError, WorkerStalled
from stream_app.runtime import process
from stream_app.runtime.watchdog import STOP_SECONDS, AwakeClock, Watchdog


@dataclass
class Work:
    """Due since ``since`` by the watchdog's clock."""

    since: float | None = None

    def stalled_since(self) -> float | None:
        return self.since

    def due_work(self) -> str:
        return "a lag of 5 records and no commit"


class Time:
    """A monotonic clock that is moved by hand, and a watchdog that ticks each second of it."""

    def __init__(self, limit_seconds: float = 60) -> None:
        self.now = 1_000.0
        self.watchdog = Watchdog(limit_seconds, AwakeClock(lambda: self.now))

    def passes(self, seconds: int, work: Work | None = None, *, loop_runs: bool = True) -> StreamAppError | None:
        """That many looks; the first fault."""
        for _ in range(seconds):
            self.now += 1
            self.watchdog.clock.tick()
            if loop_runs:
                self.watchdog.beat(work)
            if fault := self.watchdog.check():
                return fault
        return None

    def jumps(self, seconds: float) -> None:
        """The process was stopped: no tick meanwhile."""
        self.now += seconds


def test_work_that_is_due_for_longer_than_the_limit_ends_the_process() -> None:
    time = Time()
    assert time.passes(60, Work(since=0)) is None
    fault = time.passes(1, Work(since=0))
    assert isinstance(fault, WorkerStalled)
    assert fault.happened == "For 61 s there was a lag of 5 records and no commit."
    assert fault.exit_status == 11


def test_nothing_due_never_ends_it() -> None:
    assert Time().passes(1_000, Work(since=None)) is None


def test_an_event_loop_that_stands_still_ends_it_whatever_was_due() -> None:
    time = Time()
    time.passes(5, Work(since=None))
    fault = time.passes(61, loop_runs=False)
    assert isinstance(fault, WorkerStalled)
    assert fault.happened == "The event loop stood still for 61 s."


def test_a_process_that_was_stopped_for_long_gets_its_time_after_it_wakes() -> None:
    time = Time()
    time.passes(10, Work(since=0))
    time.jumps(600)
    assert time.passes(48, Work(since=0)) is None
    assert isinstance(time.passes(5, Work(since=0)), WorkerStalled)


def test_a_process_that_stops_has_its_time_and_no_more_however_often_it_is_signalled() -> None:
    time = Time()
    time.passes(5)
    time.watchdog.limit_stop()
    assert time.passes(int(STOP_SECONDS) - 1, loop_runs=False) is None
    time.watchdog.limit_stop()
    fault = time.passes(1, loop_runs=False)
    assert isinstance(fault, StopTimedOut)
    assert fault.exit_status == 12


def test_without_a_limit_only_stopping_is_limited() -> None:
    time = Time(limit_seconds=0)
    assert time.passes(1_000, Work(since=0), loop_runs=False) is None
    time.watchdog.limit_stop()
    assert isinstance(time.passes(int(STOP_SECONDS)), StopTimedOut)


def test_a_started_watchdog_looks_from_a_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_app.runtime.watchdog.TICK_SECONDS", 0.001)
    ended = threading.Event()
    watchdog = Watchdog(0.01)
    watchdog.start(lambda _fault: ended.set())
    assert ended.wait(10)


def test_while_a_worker_waits_for_its_broker_the_watchdog_gets_heartbeats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The timer that sends them later does not run yet, and the wait may be longer than a stall."""
    monkeypatch.setattr(process, "TICK_SECONDS", 0.001)
    beaten_thrice = asyncio.Event()

    class Counting(Watchdog):
        times = 0

        def beat(self, _work: object = None) -> None:
            self.times += 1
            if self.times == 3:
                beaten_thrice.set()

    async def story() -> None:
        async with asyncio.timeout(10):
            await process.with_heartbeat(beaten_thrice.wait(), Counting(60.0))

    asyncio.run(story())
