"""The demo's monitor, seen through its drift events. It never delays the replay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import msgspec
from aiokafka.errors import KafkaError

from stream_app.demo.child_view import Child, ChildView, Say
from stream_app.demo.drift_summary import DriftWindows, newest_text
from stream_app.drift_events import DriftEvent
from stream_app.errors import DemoFailed

TIMEOUT_SECONDS = 60.0
"""How long it may make no progress: before its first window its child imports for seconds, on busy cores for many."""

PROGRESS_EVERY_SECONDS = 5.0
_POLL_SECONDS = 0.25

_decode = msgspec.json.Decoder(DriftEvent).decode


class Consumer(Protocol):
    """What is needed of aiokafka's consumer."""

    async def getmany(self, *, timeout_ms: int) -> dict[Any, Any]: ...


Clock = Callable[[], float]
Events = Callable[[], AbstractAsyncContextManager[Consumer]]
"""Opens a reader of the drift events from their beginning."""


class ProgressTimeout:
    """Fails when a progress text stays the same for ``seconds``; ``say`` gets the text every few seconds."""

    def __init__(self, seconds: float, say: Say, clock: Clock) -> None:
        self._seconds, self._say, self._clock = seconds, say, clock
        self._changed_at = self._reported_at = clock()
        self._progress = ""

    def update(self, progress: str) -> None:
        """Raises DemoFailed when the progress has been the same for too long."""
        now = self._clock()
        if progress != self._progress:
            self._changed_at, self._progress = now, progress
        if now - self._changed_at > self._seconds:
            raise DemoFailed(f"It made no progress for {self._seconds:g} s: {progress}.")
        if now - self._reported_at > PROGRESS_EVERY_SECONDS:
            self._reported_at = now
            self._say(f"Monitor: {progress}.")


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the windows must account for when the monitor has seen everything."""

    decisions: int
    labels: int


class MonitorView(ChildView):
    """The monitor and the windows it has closed."""

    def __init__(self, monitor: Child, events: Events, say: Say, clock: Clock = time.monotonic) -> None:
        super().__init__(monitor, "Monitor: ready; its metrics are at http://{}/metrics", say)
        self.windows = DriftWindows()
        self._events, self._clock = events, clock

    @property
    def newest(self) -> str:
        """The newest window in a few words, empty before the first."""
        windows = self.windows.in_order()
        return newest_text(windows[-1]) if windows else ""

    async def listen(self) -> None:
        """Read the monitor's events until cancelled."""
        async with self._events() as consumer:
            while True:
                await self._read(consumer, timeout_seconds=1.0)

    async def wait_for(self, expected: Expected, timeout_seconds: float) -> None:
        """Read its events until the windows account for everything, or there is no progress for this long."""
        if self.fault:
            return
        progress = ProgressTimeout(timeout_seconds, self._say, self._clock)
        try:
            async with self._events() as consumer:
                while self.windows.decisions < expected.decisions or self.windows.labelled < expected.labels:
                    self.child.check()
                    progress.update(self._progress(expected))
                    await self._read(consumer, _POLL_SECONDS)
        except DemoFailed as fault:
            self.failed(fault)
        except KafkaError as fault:
            self.failed(DemoFailed(f"The broker stopped answering ({type(fault).__name__})."))

    async def wait_for_reports(self, files: Sequence[Path], timeout_seconds: float) -> None:
        """Wait until these files exist, or no further one appears for this long."""
        progress = ProgressTimeout(timeout_seconds, self._say, self._clock)
        try:
            while not self.fault and (missing := [file for file in files if not file.exists()]):
                self.child.check()
                progress.update(f"reports written: {len(files) - len(missing)} of {len(files)}")
                await asyncio.sleep(_POLL_SECONDS)
        except DemoFailed as fault:
            self.failed(fault)

    async def _read(self, consumer: Consumer, timeout_seconds: float) -> None:
        fetched = await consumer.getmany(timeout_ms=int(timeout_seconds * 1000))
        for records in fetched.values():
            for record in records:
                self.windows.add(_decode(record.value))

    def _progress(self, expected: Expected) -> str:
        windows = self.windows
        return (
            f"windows closed: {len(windows.in_order())}, decisions in them: {windows.decisions:,} of "
            f"{expected.decisions:,}, loans whose label is known: {windows.labelled:,} of {expected.labels:,}"
        )
