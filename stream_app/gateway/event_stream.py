"""The dashboard's event stream (server-sent events): what is new, at most once a second to each listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

MAX_LISTENERS = 100
_BEAT_SECONDS = 15.0
"""A comment after this long without news, so that nothing in between takes the connection for dead."""

STALL_SECONDS = 30.0
"""A listener that takes nothing for so long has its place taken from it."""


class EventStream:
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

    async def listen(self) -> AsyncGenerator[bytes, None]:
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


class EventStreamResponse(StreamingResponse):
    """A listener's answer, which ends when the listener no longer reads."""

    media_type = "text/event-stream"

    def __init__(self, listening: AsyncGenerator[bytes, None], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(listening, headers=headers)
        self._listening = listening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def in_time(message: Message) -> None:
            async with asyncio.timeout(STALL_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, in_time)
        except* TimeoutError:
            pass  # uvicorn closes the connection of an answer that did not end
        finally:
            await self._listening.aclose()  # left where it waits to be read on, it would keep its place
