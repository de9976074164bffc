"""Waiting for something that moves: told now and then, and given up when it stands still for too long."""

from __future__ import annotations

import time
from collections.abc import Callable

from stream_app.errors import DemoFailed

TOLD_EVERY_SECONDS = 5.0

Say = Callable[[str], None]
Clock = Callable[[], float]


class Patience:
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
