"""Ends the process when it makes no progress or does not stop in time. A thread: the event loop may be what is stuck.

The event loop gives it a heartbeat every second. What it cannot see is native code that hangs without releasing the
interpreter; ``/live`` does not answer then either, and whoever supervises the process ends it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from stream_app.errors import StopTimedOut, StreamAppError, WorkerStalled

TICK_SECONDS = 1.0

STOP_SECONDS = 20.0
"""From the signal to the end of the process, at most."""

KEPT = "What the broker has not committed of it will be decided again."


class AwakeClock:
    """Seconds in which the process was able to run, as far as it was ticked.

    A process that was stopped, or whose machine slept, gets the whole of its time after it wakes: however much later a
    tick comes than the one before, it counts for no more than ``most_seconds``.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, most_seconds: float = 2 * TICK_SECONDS) -> None:
        self._monotonic, self._most = monotonic, most_seconds
        self._ticked_at = monotonic()
        self._awake = 0.0

    def __call__(self) -> float:
        return self._awake

    def tick(self) -> None:
        now = self._monotonic()
        self._awake += min(now - self._ticked_at, self._most)
        self._ticked_at = now


class Work(Protocol):
    """What is watched, besides the loop itself."""

    def stalled_since(self) -> float | None:
        """Since when, by the watchdog's clock, work is due and none was done; None when none is due."""

    def due_work(self) -> str:
        """Which."""


class Watchdog:
    """Checks every second whether to end the process. Heartbeats come from the event loop, checks from a thread."""

    def __init__(self, limit_seconds: float, clock: AwakeClock | None = None) -> None:
        """``limit_seconds``: how long a stall may last; 0 for ever. Stopping has its limit in any case."""
        self._limit = limit_seconds
        self.clock = clock or AwakeClock()
        self._beat_at = 0.0
        self._due: tuple[float, str] | None = None
        self._stopping_since: float | None = None

    def start(self, end: Callable[[StreamAppError], object]) -> None:
        """Watch from now on, for as long as the process lives. ``end`` is called from the watchdog's thread."""
        self.clock.tick()
        self._beat_at = self.clock()
        threading.Thread(target=self._watch, args=(end,), name="watchdog", daemon=True).start()

    def _watch(self, end: Callable[[StreamAppError], object]) -> None:
        pause = threading.Event()
        fault = None
        while fault is None:
            pause.wait(TICK_SECONDS)
            self.clock.tick()
            fault = self.check()
        end(fault)

    def beat(self, work: Work | None = None) -> None:
        """The event loop runs, and this is how its work stands."""
        since = work.stalled_since() if work is not None else None
        self._due = None if work is None or since is None else (since, work.due_work())
        self._beat_at = self.clock()

    def limit_stop(self, *_signal: object) -> None:
        """The process begins to stop, and has :data:`STOP_SECONDS`. A further signal does not lengthen them."""
        if self._stopping_since is None:
            self._stopping_since = self.clock()

    def check(self) -> StreamAppError | None:
        """Why the process is to end now, None when it is not."""
        return self._check_stop() or self._check_stall()

    def _check_stop(self) -> StopTimedOut | None:
        if self._stopping_since is None or self.clock() - self._stopping_since < STOP_SECONDS:
            return None
        return StopTimedOut(
            f"The worker was signalled to stop and could not finish within {STOP_SECONDS:g} s.",
            kept=f"The batch in hand was abandoned. {KEPT}",
            do_next="See above for what did not answer: the broker or the store as a rule.",
        )

    def _check_stall(self) -> WorkerStalled | None:
        if not self._limit or self._stopping_since is not None:
            return None
        silent = self.clock() - self._beat_at
        if silent > self._limit:
            return _stall(f"The event loop stood still for {silent:.0f} s.")
        if self._due is not None and (idle := self.clock() - self._due[0]) > self._limit:
            return _stall(f"For {idle:.0f} s there was {self._due[1]}.")
        return None


def _stall(happened: str) -> WorkerStalled:
    return WorkerStalled(
        happened,
        kept=f"The process ends without committing what was in hand. {KEPT}",
        do_next="Start the worker again. If it stalls again, report where its threads and tasks stood, see above.",
    )
