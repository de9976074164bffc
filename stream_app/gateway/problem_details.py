"""Problem bodies (RFC 9457): what happened, why in one stable word, and what the caller can do next."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream_app.errors import BrokerAway, ClientStoreError, StoreError, StreamAppError, trace_of
from stream_app.events import RejectionReason

MEDIA_TYPE = "application/problem+json"

_encode = msgspec.json.Encoder().encode


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer. ``reason``: a word to branch on. ``detail`` names fields and limits, never a value."""

    status: int
    title: str
    detail: str
    reason: str
    do_next: str
    type: str = "about:blank"


class ProblemError(Exception):
    """A call that ends with a problem body."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.reason)
        self.problem = problem
        self.headers = headers


def problem(status: int, reason: str, detail: str, do_next: str) -> Problem:
    """A problem titled by its status."""
    return Problem(status=status, title=HTTPStatus(status).phrase, detail=detail, reason=reason, do_next=do_next)


def problem_error(status: int, reason: str, detail: str, do_next: str) -> ProblemError:
    """The same, to be raised."""
    return ProblemError(problem(status, reason, detail, do_next))


def rejection_problem(reason: str, message: str) -> ProblemError:
    """A rejection in the stream's own words: 404 for a client nobody knows, else 422 in most cases."""
    return problem_error(_STATUS_OF_REASON.get(reason, 422), reason, message, _NEXT_OF_REASON.get(reason, _CORRECT))


_CORRECT = "Correct the request as the contract in /docs says, and send it again."
_STATUS_OF_REASON: dict[str, int] = {
    RejectionReason.UNKNOWN_CLIENT: 404,
    RejectionReason.CONFLICTING_REQUEST: 409,
    RejectionReason.TOO_LARGE: 413,
    RejectionReason.INTERNAL_ERROR: 502,
}
_NEXT_OF_REASON: dict[str, str] = {
    RejectionReason.UNKNOWN_CLIENT: "Check the client id, or send every feature with POST /requests.",
    RejectionReason.CONFLICTING_REQUEST: "Give a new request a new id; repeat an old one unchanged.",
    RejectionReason.INVALID_PROFILE: "Ask whoever runs this service to load the client's profile again.",
    RejectionReason.MISSING_REQUIRED_FEATURE: "Send it with POST /requests, or have it added to the client's profile.",
    RejectionReason.INTERNAL_ERROR: "This is a bug of the scorer; tell whoever runs this service.",
}


def response(of: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The body as it is sent."""
    return Response(_encode(of), of.status, headers, media_type=MEDIA_TYPE)


# ---- exceptions to problems -----------------------------------------------------------------------------------------


def of_stream_fault(fault: StreamAppError) -> Response:
    """For errors of the broker and the stores: 503, they may pass. Any other of ours is a fault of the gateway.

    Their own texts name files and hosts, which is nothing for callers; those of BrokerAway are made for them.
    """
    if isinstance(fault, BrokerAway):
        detail = f"{fault.happened} {fault.kept}"
        return response(problem(503, fault.reason, detail, fault.do_next), _LATER)
    if isinstance(fault, ClientStoreError | StoreError):
        which = "client" if isinstance(fault, ClientStoreError) else "decision"
        return response(problem(503, fault.reason, f"The {which} store does not answer.", _ASK_AGAIN), _LATER)
    return of_fault()


def of_fault() -> Response:
    """For what nobody thought of."""
    return response(problem(500, "internal_error", "The gateway met a fault of its own.", _ASK_AGAIN))


def of_http_fault(fault: HTTPException) -> Response:
    """For what the framework refuses by itself: no such page, no such method."""
    phrase = HTTPStatus(fault.status_code).phrase
    reason = phrase.lower().replace(" ", "_")
    return response(problem(fault.status_code, reason, f"{phrase}.", "See /docs for what there is."), fault.headers)


_ASK_AGAIN = "Ask again in a moment; if it lasts, tell whoever runs this service."
_LATER = {"Retry-After": "1"}


log = logging.getLogger(__name__)


class ErrorMiddleware:
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
