"""Limits how often the same message is logged, such as one that every call causes while a store is away."""

from __future__ import annotations

import time
from collections.abc import Callable


class LogThrottle:
    """One message of a kind in ``seconds``. For kinds from a closed set, such as the reasons of errors."""

    def __init__(self, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._logged_at: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}

    def now(self, kind: str) -> int | None:
        """Number of suppressed messages if this one may be logged now, else None."""
        now = self._clock()
        if now - self._logged_at.get(kind, -self._seconds) < self._seconds:
            self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
            return None
        self._logged_at[kind] = now
        return self._suppressed.pop(kind, 0)
