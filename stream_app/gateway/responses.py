"""Replies of the stream as HTTP: a decision is its own JSON, byte for byte as it is on the topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream_app.gateway.problem_details import ProblemError, rejection
from stream_app.gateway.request_reply import Reply

JSON = "application/json"


@dataclass(frozen=True)
class Pending:
    """The request is with the scorers; ``link`` is where its decision will be."""

    request_id: str
    status: Literal["pending"]
    link: str


def decision_response(request_id: str, reply: Reply | None) -> Response:
    """200 with the decision, 202 with where to ask again while there is no reply. Raises ProblemError if rejected."""
    if reply is None:
        link = f"/decisions/{quote(request_id, safe='')}"
        body = msgspec.json.encode(Pending(request_id, "pending", link))
        return Response(body, 202, {"Location": link, "Retry-After": "1"}, media_type=JSON)
    if reply.decision is None:
        raise ProblemError(rejection(reply.reason, reply.message))
    return Response(reply.decision, 200, media_type=JSON)


class HeadMiddleware:
    """Answers HEAD as GET without the body, wherever GET is allowed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})  # the server then tells an event stream to stop

        async def send_with_allow(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                message["headers"] = [
                    (name, value + b", HEAD" if name == b"allow" and value == b"GET" else value)
                    for name, value in message["headers"]
                ]
            await send(message)

        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self._app({**scope, "method": "GET"}, receive, send_head)
        else:
            await self._app(scope, receive, send_with_allow)
