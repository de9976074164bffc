"""Answers of the stream as HTTP: a decision is its own JSON, byte for byte as it is on the topic."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from stream_app.gateway.problem_details import rejection_problem
from stream_app.gateway.request_reply import Reply

JSON = "application/json"

_encode = msgspec.json.Encoder().encode
_DECIDED = {"Cache-Control": "no-store"}


class Pending(msgspec.Struct, frozen=True):
    """The request is with the scorers; ``link`` is where its decision will be."""

    request_id: str
    status: Literal["pending"]
    link: str


def json_response(content: object) -> Response:
    """Any struct of ours."""
    return Response(_encode(content), 200, _DECIDED, media_type=JSON)


def decision_response(request_id: str, answer: Reply | None) -> Response:
    """200 with the decision, 202 with where to ask again when there is no answer yet. Raises ProblemError."""
    if answer is None:
        link = f"/decisions/{quote(request_id, safe='')}"
        headers = {"Location": link, "Retry-After": "1", **_DECIDED}
        return Response(_encode(Pending(request_id, "pending", link)), 202, headers, media_type=JSON)
    if answer.decision is None:
        raise rejection_problem(answer.reason, answer.message)
    return Response(answer.decision, 200, _DECIDED, media_type=JSON)
