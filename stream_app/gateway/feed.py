"""The dashboard's event stream (server-sent events): what is new, at most once a second to each listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

MAX_LISTENERS = 100
_BEAT_SECONDS = 15.0
"""A comment after this long without news, so that nothing in between takes the connection for dead."""


class Feed:
    """``news``: the JSON of the next message, cheap to ask for each second."""

    def __init__(self, news: Callable[[], Awaitable[bytes]], seconds: float = 1.0) -> None:
        self._news, self._seconds = news, seconds
        self._over = asyncio.Event()
        self.listeners = 0

    @property
    def full(self) -> bool:
        """Whether no further listener is taken."""
        return self.listeners >= MAX_LISTENERS

    def end(self) -> None:
        """Let all listeners go."""
        self._over.set()

    async def listen(self) -> AsyncIterator[bytes]:
        """Messages for one listener, the first at once."""
        self.listeners += 1
        try:
            told, quiet = b"", 0.0
            while not self._over.is_set():
                news = await self._news()
                if news != told:
                    told, quiet = news, 0.0
                    yield b"event: news\ndata: " + news + b"\n\n"
                elif quiet >= _BEAT_SECONDS:
                    quiet = 0.0
                    yield b": still here\n\n"
                await self._pause()
                quiet += self._seconds
        finally:
            self.listeners -= 1

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._over.wait()
        except TimeoutError:
            pass
