"""Trace context of HTTP calls: from the caller's headers to the request's record and to the answer.

With spans on, each call is a span, and what is passed on is its context; without, what the caller sent is.
"""

from __future__ import annotations

from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream_app.gateway.api_keys import role_for
from stream_app.runtime.tracing import Span, Tracing
from stream_app.trace_context import TRACEPARENT, Header, TraceContext, read_context

_CALL: ContextVar[TraceContext | None] = ContextVar("trace context of the call", default=None)


def call_headers() -> list[Header]:
    """What a record that this call sends carries."""
    context = _CALL.get()
    return context.headers() if context else []


class TraceMiddleware:
    """Around what returns data or decides; health checks belong to no trace."""

    def __init__(self, app: ASGIApp, tracing: Tracing | None) -> None:
        self._app, self._tracing = app, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or role_for(scope["path"]) is None:
            await self._app(scope, receive, send)
            return
        received = read_context((name.decode("latin-1"), value) for name, value in scope["headers"])
        span = self._started(scope, received)
        context = span.context if span else received
        status = 500

        async def send_with_context(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if context:
                    message["headers"] = [*message["headers"], (TRACEPARENT.encode(), context.parent)]
            await send(message)

        token = _CALL.set(context)
        try:
            await self._app(scope, receive, send_with_context)
        finally:
            _CALL.reset(token)
            if span:
                _end(span, scope, status)

    def _started(self, scope: Scope, received: TraceContext | None) -> Span | None:
        if self._tracing is None:
            return None
        return self._tracing.start(scope["method"], "server", {"http.request.method": scope["method"]}, received)


def _end(span: Span, scope: Scope, status: int) -> None:
    """Named by the route's pattern: the path itself names a client."""
    attributes: dict[str, str | int] = {"http.response.status_code": status}
    if route := getattr(scope.get("route"), "path", ""):
        attributes["http.route"] = route
    name = f"{scope['method']} {route}" if route else ""
    span.end(name, attributes, str(status) if status >= 500 else "")
