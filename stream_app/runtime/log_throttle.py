"""What is the same for every call while something is away is logged once in a while, not once a call."""

from __future__ import annotations

import time
from collections.abc import Callable


class LogThrottle:
    """``seconds``: between two times of the same word. For words from a closed set, such as the reasons of errors."""

    def __init__(self, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._said_at: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def now(self, word: str) -> int | None:
        """How often it was kept back since it was said last, and it is said now; None: it is not."""
        at = self._clock()
        if at - self._said_at.get(word, -self._seconds) < self._seconds:
            self._unsaid[word] = self._unsaid.get(word, 0) + 1
            return None
        self._said_at[word] = at
        return self._unsaid.pop(word, 0)
