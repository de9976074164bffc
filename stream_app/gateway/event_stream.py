"""The dashboard's event stream (server-sent events): what is new, at most once a second to each listener."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

MAX_LISTENERS = 100
STALL_SECONDS = 30.0
"""A listener that takes nothing for so long is dropped."""

SHUTDOWN_SECONDS = 2.0
"""For listeners to be let go when the server stops; then they are cut off."""


class EventStream:
    """``news``: the JSON of the next event, cheap to ask for each second."""

    def __init__(self, news: Callable[[], Awaitable[bytes]], seconds: float = 1.0) -> None:
        self._news, self._seconds = news, seconds
        self._closed = anyio.Event()
        self.listeners = 0

    @property
    def full(self) -> bool:
        """Whether no further listener is taken."""
        return self.listeners >= MAX_LISTENERS

    def close(self) -> None:
        """Let all listeners go."""
        self._closed.set()

    def response(self) -> EventSourceResponse:
        """A listener's response, with heartbeats, until the listener goes or the server stops."""
        return _Response(
            self.listen(),
            sep="\n",
            send_timeout=STALL_SECONDS,
            shutdown_event=self._closed,
            shutdown_grace_period=SHUTDOWN_SECONDS,
        )

    async def listen(self) -> AsyncGenerator[ServerSentEvent, None]:
        """Events for one listener: the first at once, then only what is new."""
        self.listeners += 1
        try:
            sent = b""
            while not self._closed.is_set():
                news = await self._news()
                if news != sent:
                    sent = news
                    yield ServerSentEvent(news.decode(), event="news", sep="\n")
                with anyio.move_on_after(self._seconds):
                    await self._closed.wait()
        finally:
            self.listeners -= 1


class _Response(EventSourceResponse):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(SendTimeoutError):  # uvicorn closes the connection of a response that did not end
            await super().__call__(scope, receive, send)
