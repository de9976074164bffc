"""Problem bodies (RFC 9457): what happened, why in one stable word, and what the caller can do next."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi.exceptions import RequestValidationError
from msgspec import UNSET, UnsetType
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream_app.errors import BrokerAway, ClientStoreError, StoreError, StoreOutdated, StreamAppError, trace_of
from stream_app.events import Fault, RejectionReason
from stream_app.steps.faults import rejection_of

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_encode = msgspec.json.Encoder().encode


class RequestError(msgspec.Struct, frozen=True):
    """One fault of a request. ``field``: a path such as ``features.amount``, empty for the whole."""

    reason: str
    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer. ``reason``: a word to branch on. ``detail`` names fields and limits, never a value.

    ``errors``: of a request that is at fault (422), every fault, ten at most; the first gives the reason.
    """

    status: int
    title: str
    detail: str
    reason: str
    do_next: str
    errors: tuple[RequestError, ...] | UnsetType = UNSET
    type: str = "about:blank"


class ProblemError(Exception):
    """Ends a call with a problem body."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.reason)
        self.problem = problem
        self.headers = headers


def problem(status: int, reason: str, detail: str, do_next: str) -> Problem:
    """A problem titled by its status."""
    return Problem(status=status, title=HTTPStatus(status).phrase, detail=detail, reason=reason, do_next=do_next)


def problem_response(body: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return Response(_encode(body), body.status, headers, media_type=MEDIA_TYPE)


# ---- what can be wrong with a call ----------------------------------------------------------------------------------

_ASK_AGAIN = "Ask again in a moment; if it lasts, tell whoever runs this service."
_CORRECT = "Correct the request as the contract in /docs says, and send it again."
_NEW_ID = "Give a new request a new id; repeat an old one unchanged."

BAD_PATH = problem(400, "bad_request", "The path contains a control character.", "Correct the address.")
BAD_HOST = problem(400, "bad_request", "The call needs one Host header with a valid name.", "Send one valid Host.")
KEY_NEEDED = problem(401, "key_needed", "An API key is needed.", "Send it in the header X-API-Key.")
CROSS_SITE = problem(403, "cross_site", "Other sites' pages may not call.", "Call from a page of this one.")
UNKNOWN_REPORT = problem(404, "unknown_report", "There is no such report.", "See /board/drift for those there are.")
UNKNOWN_REQUEST = problem(
    404,
    "unknown_request",
    "There is no decision on such a request.",
    "Check the id; a request sent to the topic a moment ago may not be stored yet.",
)
TOO_SLOW = problem(408, "too_slow", "The body did not arrive in time.", "Send a smaller one, whole.")
CONFLICTING_ID = problem(
    409, "conflicting_id", "The request id, or the Idempotency-Key, was used before with other content.", _NEW_ID
)
NOT_JSON = problem(
    415, "not_json", "The body's Content-Type is not application/json.", "Send JSON, and say so in the header."
)
ENCODED = problem(415, "encoded_body", "The body has a Content-Encoding.", "Send it uncompressed, without the header.")
UNKNOWN_HOST = problem(421, "unknown_host", "This gateway answers to localhost alone.", "Call it by that name.")
TOO_MANY_REQUESTS = problem(429, "too_many_requests", "Too many calls in this minute.", "Call less often.")
INTERNAL_ERROR = problem(500, "internal_error", "The gateway met a fault of its own.", _ASK_AGAIN)
STORE_OUTDATED = problem(
    503,
    "store_outdated",
    "The decision store was made by an older version and is not upgraded yet.",
    "Tell whoever runs this service to start the monitor, which upgrades it in place.",
)
TOO_MANY_LISTENERS = problem(503, "too_many_listeners", "Enough pages listen already.", "Ask /board/state instead.")


def role_needed(role: str) -> Problem:
    return problem(403, "role_needed", f"The key has not the role {role}.", "Ask for one that has.")


def too_large(max_bytes: int) -> Problem:
    return problem(413, "too_large", f"A body may have {max_bytes:,} bytes at most.", "Send a smaller one, whole.")


def store_away(store: str, reason: str) -> Problem:
    return problem(503, reason, f"The {store} store does not answer.", _ASK_AGAIN)


def broker_away(fault: BrokerAway) -> Problem:
    return problem(503, fault.reason, f"{fault.happened} {fault.kept}", fault.do_next)


def rejection(reason: str, message: str, faults: Iterable[Fault] = ()) -> Problem:
    """A rejection in the stream's own words: 404 for an unknown client, 422 in most other cases.

    ``faults``: those in the message; without them the message is the one error of a 422.
    """
    body = problem(_STATUS_OF_REASON.get(reason, 422), reason, message, _NEXT_OF_REASON.get(reason, _CORRECT))
    if body.status != HTTPStatus.UNPROCESSABLE_ENTITY:
        return body
    errors = tuple(RequestError(fault.reason.value, fault.field, fault.rule) for fault in faults)
    return msgspec.structs.replace(body, errors=errors or (RequestError(reason, "", message),))


_STATUS_OF_REASON: dict[str, int] = {
    RejectionReason.UNKNOWN_CLIENT: 404,
    RejectionReason.CONFLICTING_REQUEST: 409,
    RejectionReason.TOO_LARGE: 413,
    RejectionReason.INTERNAL_ERROR: 502,
}
_NEXT_OF_REASON: dict[str, str] = {
    RejectionReason.UNKNOWN_CLIENT: "Check the client id, or send every feature with POST /requests.",
    RejectionReason.CONFLICTING_REQUEST: _NEW_ID,
    RejectionReason.INVALID_PROFILE: "Ask whoever runs this service to load the client's profile again.",
    RejectionReason.MISSING_REQUIRED_FEATURE: "Send it with POST /requests, or have it added to the client's profile.",
    RejectionReason.INTERNAL_ERROR: "This is a bug of the scorer; tell whoever runs this service.",
}
UNKNOWN_CLIENT = rejection(RejectionReason.UNKNOWN_CLIENT.value, "The client store has no such client.")


# ---- exceptions to problems -----------------------------------------------------------------------------------------

_LATER = {"Retry-After": "1"}


def of_stream_error(fault: StreamAppError) -> Response:
    """For errors of the broker and the stores: 503, they may pass. Any other is a fault of the gateway.

    Their own texts name files and hosts, which is nothing for callers; those of BrokerAway are made for them.
    """
    if isinstance(fault, BrokerAway):
        return problem_response(broker_away(fault), _LATER)
    if isinstance(fault, StoreOutdated):
        return problem_response(STORE_OUTDATED)
    if isinstance(fault, ClientStoreError | StoreError):
        store = "client" if isinstance(fault, ClientStoreError) else "decision"
        return problem_response(store_away(store, fault.reason), _LATER)
    return problem_response(INTERNAL_ERROR)


def of_http_error(fault: HTTPException) -> Response:
    """For what the framework refuses by itself: no such page, no such method."""
    phrase = HTTPStatus(fault.status_code).phrase
    reason = phrase.lower().replace(" ", "_")
    return problem_response(
        problem(fault.status_code, reason, f"{phrase}.", "See /docs for what there is."), fault.headers
    )


def of_validation_error(fault: RequestValidationError) -> Response:
    """For parameters that break their declaration: the parameter and the rule, not the value."""
    faults = [Fault(RejectionReason.OUT_OF_RANGE, error["msg"], str(error["loc"][-1])) for error in fault.errors()]
    found = rejection_of(faults)
    return problem_response(rejection(found.reason.value, found.message, found.faults))


class ErrorMiddleware:
    """Catch-all, outermost: an unhandled exception becomes a 500 problem body and a log line without data.

    uvicorn would log the exception's text, which may hold a customer's data.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_watched)
        except ClientDisconnect:
            return  # in the middle of its body; there is nobody to answer
        except Exception as fault:
            if scope["type"] != "http":
                raise
            log.error("a call ended with a fault of the gateway: %s", trace_of(fault))
            if not started:
                await problem_response(INTERNAL_ERROR)(scope, receive, send)


# ---- problems in the OpenAPI document -------------------------------------------------------------------------------


def problem_responses(*problems: Problem) -> dict[int | str, dict[str, Any]]:
    """``responses`` of a route or router: each problem is an example under its status."""
    responses: dict[int | str, dict[str, Any]] = {}
    for body in problems:
        content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
        response = responses.setdefault(body.status, {"description": body.detail, "content": {MEDIA_TYPE: content}})
        response["content"][MEDIA_TYPE]["examples"][body.reason] = {
            "summary": body.detail, "value": msgspec.to_builtins(body)
        }  # fmt: skip
    return responses


EVERYWHERE = (BAD_PATH, KEY_NEEDED, role_needed("request"), CROSS_SITE, TOO_MANY_REQUESTS)
"""What any call that needs a role may end with."""
