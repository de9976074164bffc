"""A value computed when it is asked for, and kept for a given time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class TtlCache(Generic[Value]):
    """``make`` is called when the last value is older than ``seconds``; callers that come meanwhile wait for it."""

    def __init__(
        self,
        make: Callable[[], Awaitable[Value]],
        seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make, self._seconds, self._clock = make, seconds, clock
        self._lock = asyncio.Lock()
        self._made: tuple[float, Value] | None = None

    async def get(self) -> Value:
        """The value, no older than it may be. Raises what making it raises."""
        async with self._lock:
            if self._made is None or self._clock() - self._made[0] >= self._seconds:
                self._made = self._clock(), await self._make()
            return self._made[1]
