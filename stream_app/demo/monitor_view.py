"""The demo's monitor as the demo sees it: by its drift events. It never holds the replay up nor spoils its accounts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import msgspec
from aiokafka.errors import KafkaError

from stream_app.demo.drift_summary import DriftWindows, newest_text
from stream_app.drift_events import DriftEvent
from stream_app.errors import DemoFailed

PATIENCE_SECONDS = 60.0
"""How long it may seem to do nothing: before its first window its child imports for seconds, on busy cores for many."""

TOLD_EVERY_SECONDS = 5.0
_POLL_SECONDS = 0.25

_decode = msgspec.json.Decoder(DriftEvent).decode


class Monitor(Protocol):
    """What is needed of the child worker."""

    def wait_until_ready(self) -> str: ...

    def check(self) -> None: ...


class Consumer(Protocol):
    """What is needed of aiokafka's consumer."""

    async def getmany(self, *, timeout_ms: int) -> dict[Any, Any]: ...


Say = Callable[[str], None]
Clock = Callable[[], float]
Events = Callable[[], AbstractAsyncContextManager[Consumer]]
"""Opens a reader of the drift events from their beginning."""


class ProgressTimeout:
    """``seconds``: how long the progress, a text, may stay the same; ``say`` hears of it every few seconds."""

    def __init__(self, seconds: float, say: Say, clock: Clock = time.monotonic) -> None:
        self._seconds, self._say, self._clock = seconds, say, clock
        self._moved_at = self._told_at = clock()
        self._progress = ""

    def look(self, progress: str) -> None:
        """This far it has come now. Raises DemoFailed when it has not moved for too long."""
        now = self._clock()
        if progress != self._progress:
            self._moved_at, self._progress = now, progress
        if now - self._moved_at > self._seconds:
            raise DemoFailed(f"It did nothing new for {self._seconds:g} s: {progress}.")
        if now - self._told_at > TOLD_EVERY_SECONDS:
            self._told_at = now
            self._say(f"Monitor: {progress}.")


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the windows must account for when the monitor has seen everything."""

    decisions: int
    outcomes: int


class MonitorView:
    """What goes wrong with the monitor is told at once and kept as ``fault``; nothing here raises for it."""

    def __init__(self, monitor: Monitor, events: Events, say: Say, clock: Clock = time.monotonic) -> None:
        self.fault: DemoFailed | None = None
        self.drift_windows = DriftWindows()
        self._monitor, self._events, self._say, self._clock = monitor, events, say, clock

    def wait_until_ready(self) -> None:
        """Wait until it reads, and say where its pages are."""
        try:
            self._say(f"Monitor: ready; its metrics are at http://{self._monitor.wait_until_ready()}/metrics")
        except DemoFailed as fault:
            self._failed(fault)

    @property
    def newest(self) -> str:
        """The newest window in a few words, empty before the first."""
        windows = self.drift_windows.windows
        return newest_text(windows[-1]) if windows else ""

    async def listen(self) -> None:
        """Hear the monitor's events until cancelled."""
        async with self._events() as consumer:
            while True:
                self._hear(await consumer.getmany(timeout_ms=1_000))

    async def wait_for(self, expected: Expected, patience_seconds: float) -> None:
        """Hear its events until the windows account for everything, or nothing new comes for this long."""
        if self.fault:
            return
        patience = ProgressTimeout(patience_seconds, self._say, self._clock)
        try:
            async with self._events() as consumer:
                while not self._has(expected):
                    self._monitor.check()
                    patience.look(self._progress(expected))
                    self._hear(await consumer.getmany(timeout_ms=int(_POLL_SECONDS * 1000)))
        except DemoFailed as fault:
            self._failed(fault)
        except KafkaError as fault:
            self._failed(DemoFailed(f"The broker stopped answering ({type(fault).__name__})."))

    async def wait_for_reports(self, files: Sequence[Path], patience_seconds: float) -> None:
        """Wait until these files are there, or no further one comes for this long."""
        patience = ProgressTimeout(patience_seconds, self._say, self._clock)
        try:
            while not self.fault and (missing := [file for file in files if not file.exists()]):
                self._monitor.check()
                patience.look(f"reports written: {len(files) - len(missing)} of {len(files)}")
                await asyncio.sleep(_POLL_SECONDS)
        except DemoFailed as fault:
            self._failed(fault)

    def _hear(self, fetched: dict[Any, Any]) -> None:
        for records in fetched.values():
            for record in records:
                self.drift_windows.heard(_decode(record.value))

    def _has(self, expected: Expected) -> bool:
        return self.drift_windows.decisions >= expected.decisions and self.drift_windows.labelled >= expected.outcomes

    def _progress(self, expected: Expected) -> str:
        seen = self.drift_windows
        return (
            f"windows closed: {len(seen.windows)}, decisions in them: {seen.decisions:,} of {expected.decisions:,}, "
            f"truth known: {seen.labelled:,} of {expected.outcomes:,}"
        )

    def _failed(self, fault: DemoFailed) -> None:
        if self.fault is None:
            self.fault = fault
            self._say(f"The monitor failed; the requests are accounted for without it. {fault.happened}")


def require_watched(monitor_view: MonitorView | None) -> None:
    """Raises DemoFailed when the monitor of the demo failed."""
    if monitor_view and monitor_view.fault:
        raise DemoFailed(
            "The monitor failed, see above; every request is accounted for.",
            kept="The summary is complete but for what the monitor would have added.",
            do_next="Correct what it names and run it again, or leave it out with --no-monitor.",
        )
