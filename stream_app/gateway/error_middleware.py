"""What nobody thought of ends here: a problem body for the caller, a class and a place for the log, no values."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream_app.errors import trace_of
from stream_app.gateway.problem_details import of_fault

log = logging.getLogger(__name__)


class LastResort:
    """The outermost layer. The server behind it would log the fault's text, which may hold a customer's data."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as fault:
            if scope["type"] != "http":
                raise
            log.error("a call ended with a fault of the gateway: %s", trace_of(fault))
            if not begun:
                await of_fault()(scope, receive, send)
