"""How much one caller may ask for: calls a minute, and bytes a call."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream_app.gateway.problem_details import TOO_SLOW, problem_response, too_large

BURST_SECONDS = 1.0
"""What a caller may save up: a second's worth, and never less than ten calls."""

MAX_CALLERS = 10_000

BODY_SECONDS = 10.0
"""How long a body may take to come."""


class RateLimit:
    """A token bucket for each caller; beyond 10,000 callers the bucket unused longest is dropped, and begins full."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        """``per_minute``: calls, 0 for no limit. ``clock``: seconds, monotonic."""
        self._per_second, self._clock = per_minute / 60.0, clock
        self._capacity = max(10.0, self._per_second * BURST_SECONDS)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, caller: str) -> float:
        """0: this call is taken. Else how long until the next one would be."""
        if not self._per_second:
            return 0.0
        now = self._clock()
        tokens, since = self._buckets.pop(caller, (self._capacity, now))
        tokens = min(self._capacity, tokens + (now - since) * self._per_second)
        wait = 0.0 if tokens >= 1.0 else (1.0 - tokens) / self._per_second
        self._buckets[caller] = (tokens if wait else tokens - 1.0, now)
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        return wait


class BodyLimitMiddleware:
    """Refuses a body above the limit: unread when its length is declared, else as soon as it is exceeded.

    And one that arrives so slowly that it would hold its call for ever.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _declared_length(scope) > self._max_bytes:
            await self._too_large()(scope, receive, send)
        else:
            await self._call_limited(scope, receive, send)

    async def _call_limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        received, responding, complete = 0, False, False
        deadline = asyncio.get_running_loop().time() + BODY_SECONDS

        async def receive_limited() -> Message:
            nonlocal received, complete
            async with asyncio.timeout_at(None if complete else deadline):  # then it is waited for the caller to go
                message = await receive()
            received += len(message.get("body", b""))
            complete = complete or not message.get("more_body", False)
            if received > self._max_bytes:
                raise _TooLarge
            return message

        async def send_watched(message: Message) -> None:
            nonlocal responding
            responding = True
            await send(message)

        try:
            await self._app(scope, receive_limited, send_watched)
        except _TooLarge:
            if not responding:
                await self._too_large()(scope, receive, send)
        except TimeoutError:
            if complete:
                raise
            if not responding:
                await problem_response(TOO_SLOW, _CLOSE)(scope, receive, send)

    def _too_large(self) -> Response:
        return problem_response(too_large(self._max_bytes), _CLOSE)


def _declared_length(scope: Scope) -> int:
    """Of the body, as its header has it; 0 without one."""
    declared = Headers(scope=scope).get("content-length", "")
    return int(declared) if declared.isdigit() and len(declared) < 19 else 0


_CLOSE = {"Connection": "close"}


class _TooLarge(Exception):
    """More bytes came than are taken."""
