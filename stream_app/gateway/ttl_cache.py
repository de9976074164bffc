"""A value that is made when asked for, at most once in a while, whoever asks."""

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
        self._one = asyncio.Lock()
        self._made: tuple[float, Value] | None = None

    async def get(self) -> Value:
        """The value, no older than it may be. Raises what making it raises."""
        if (value := self._young()) is not None:
            return value[1]
        async with self._one:
            if (value := self._young()) is not None:
                return value[1]
            self._made = self._clock(), await self._make()
            return self._made[1]

    def _young(self) -> tuple[float, Value] | None:
        made = self._made
        return made if made is not None and self._clock() - made[0] < self._seconds else None
