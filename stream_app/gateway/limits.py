"""How much one caller may ask for: calls a minute, and bytes a call."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream_app.gateway.problem_details import problem, response

BURST_SECONDS = 1.0
"""What a caller may save up: a second's worth, and never less than ten calls."""

MOST_CALLERS = 10_000

BODY_SECONDS = 10.0
"""How long a body may take to come."""


class RateLimit:
    """A token bucket for each caller; of more callers than can be remembered those silent longest begin anew."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        """``per_minute``: calls, 0 for no limit. ``clock``: seconds, monotonic."""
        self._per_second, self._clock = per_minute / 60.0, clock
        self._most = max(10.0, self._per_second * BURST_SECONDS)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, caller: str) -> float:
        """0: this call is taken. Else how long until the next one would be."""
        if not self._per_second:
            return 0.0
        now = self._clock()
        tokens, since = self._buckets.pop(caller, (self._most, now))
        tokens = min(self._most, tokens + (now - since) * self._per_second)
        wait = 0.0 if tokens >= 1.0 else (1.0 - tokens) / self._per_second
        self._buckets[caller] = (tokens if wait else tokens - 1.0, now)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        return wait


class BodyLimitMiddleware:
    """Refuses a body above the limit before it is read, or, when its length was not told, as soon as it is.

    And one that comes so slowly that it would hold its call for ever.
    """

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app, self._most = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _told_length(scope) > self._most:
            await self._refuse(scope, receive, send)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen, begun, whole = 0, False, False
        until = asyncio.get_running_loop().time() + BODY_SECONDS

        async def counting() -> Message:
            nonlocal seen, whole
            async with asyncio.timeout_at(None if whole else until):  # then it is waited for the caller to go
                message = await receive()
            seen += len(message.get("body", b""))
            whole = whole or not message.get("more_body", False)
            if seen > self._most:
                raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, counting, watched)
        except _TooLarge:
            if not begun:
                await self._refuse(scope, receive, send)
        except TimeoutError:
            if whole:
                raise
            if not begun:
                await self._end(scope, receive, send, 408, "too_slow", "The body did not come in time.")

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._end(scope, receive, send, 413, "too_large", f"A body may have {self._most:,} bytes at most.")

    @staticmethod
    async def _end(scope: Scope, receive: Receive, send: Send, status: int, reason: str, detail: str) -> None:
        told = problem(status, reason, detail, "Send a smaller one, whole.")
        await response(told, {"Connection": "close"})(scope, receive, send)


class _TooLarge(Exception):
    """More bytes came than are taken."""


def _told_length(scope: Scope) -> int:
    """Of the body, as its header has it; 0 without one."""
    told: bytes = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(told) if told.isdigit() and len(told) < 19 else 0
