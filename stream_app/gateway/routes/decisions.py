"""Ask for a decision: ``GET /predict/{client_id}``, ``POST /requests``; read one: ``GET /decisions/{request_id}``."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from stream_app.events import MAX_CLIENT_ID, MAX_REQUEST_ID
from stream_app.gateway import problem_details as problems
from stream_app.gateway.dependencies import Gateway
from stream_app.gateway.problem_details import ProblemError, problem_responses, rejection
from stream_app.gateway.request_reply import Reply, not_sent, unconfirmed
from stream_app.gateway.responses import JSON, Pending, decision_response

router = APIRouter(tags=["decisions"])


class _AnyText(PathConvertor):
    """Without the exception of Starlette's own: its pattern ends before a last newline, so ``r1%0A`` would read r1."""

    regex = r"[\s\S]*"


register_url_convertor("text", _AnyText())

# ---- for the OpenAPI document ----------------------------------------------------------------------------------------

EXAMPLE = {
    "request_id": "my-first-request",
    "client_id": "218908",
    "requested_at": "2026-01-02T03:04:05Z",
    "features": {"amount_requested": 70000, "guaranteed_share": 0.5},
}
_PENDING = {"request_id": "my-first-request", "status": "pending", "link": "/decisions/my-first-request"}
_DECIDED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The decision.", "content": {JSON: {"schema": {"$ref": "#/components/schemas/Decision"}}}},
    202: {
        "description": "Not decided within the wait; ask at `link`.",
        "model": Pending,
        "content": {JSON: {"example": _PENDING}},
        "headers": {
            "Location": {"description": "Where the decision will be.", "schema": {"type": "string"}},
            "Retry-After": {"description": "Seconds.", "schema": {"type": "string"}},
        },
    },
}
_READING = (
    *problems.EVERYWHERE,
    problems.UNKNOWN_CLIENT,
    problems.too_large(65_536),
    rejection("out_of_range", "`amount_requested` must be at least 0."),
    rejection("internal_error", "The scorer met an internal error on this request."),
    problems.store_away("decision", "store"),
    problems.STORE_OUTDATED,
)
_ASKING = (*_READING, problems.CONFLICTING_ID, problems.broker_away(not_sent()), problems.broker_away(unconfirmed()))
_BODY = {
    "required": True,
    "description": "Features that are left out are taken from the client's profile; null is missing and stays so.",
    "content": {JSON: {"schema": {"$ref": "#/components/schemas/LoanRequest"}, "example": EXAMPLE}},
}


def _id_schema(max_length: int) -> dict[str, Any]:
    """Of an id in the path: declared, not checked, since a longer one is an unknown one and answered as that."""
    return {"minLength": 1, "maxLength": max_length}


ClientId = Annotated[
    str,
    Path(
        description="A client of the client store.",
        openapi_examples={"client": {"value": EXAMPLE["client_id"]}},
        json_schema_extra=_id_schema(MAX_CLIENT_ID) | {"pattern": r"^[^\x00-\x1f\x7f]+$"},
    ),
]
RequestId = Annotated[
    str,
    Path(
        description="The id the request had.",
        openapi_examples={"request": {"value": EXAMPLE["request_id"]}},
        json_schema_extra=_id_schema(MAX_REQUEST_ID),
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        description="The same key with the same content is the same request. It is the request id of a body without.",
        min_length=1,
        max_length=MAX_REQUEST_ID,
        pattern="^[!-~]+$",
    ),
]

# ---- routes ---------------------------------------------------------------------------------------------------------


@router.get(
    "/predict/{client_id:path}",
    summary="Decide a known client's latest application",
    responses=_DECIDED | problem_responses(*_ASKING),
    response_model=None,
)
async def predict(gateway: Gateway, client_id: ClientId) -> Response:
    """Asks for a decision on the client's stored profile and latest application.

    The request id follows from both, so the same client and application are one request and have one decision.
    """
    known = await gateway.clients.get(client_id)
    if known is None:
        raise ProblemError(problems.UNKNOWN_CLIENT)
    prepared = gateway.requests.of_client(client_id, known, dt.datetime.now(dt.UTC))
    return decision_response(prepared.request.request_id, await gateway.sender.reply(prepared))


@router.post(
    "/requests",
    summary="Decide a loan request",
    responses=_DECIDED | problem_responses(*_ASKING, problems.NOT_JSON, problems.ENCODED),
    response_model=None,
    openapi_extra={"requestBody": _BODY},
)
async def decide(gateway: Gateway, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
    """Passes a request to the scorers and waits for its decision.

    A request id is decided once: repeated with the same content it gets the same answer, with other content 409.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise ProblemError(problems.NOT_JSON)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(problems.ENCODED, {"Accept-Encoding": "identity"})
    prepared = gateway.requests.read(await request.body(), idempotency_key)
    return decision_response(prepared.request.request_id, await gateway.sender.reply(prepared, idempotency_key))


@router.get(
    "/decisions/{request_id:text}",
    summary="Read a decision",
    responses=_DECIDED | problem_responses(*_READING, problems.UNKNOWN_REQUEST),
    response_model=None,
)
async def decision(gateway: Gateway, request_id: RequestId) -> Response:
    """From this gateway's cache, or from the decision store, where the monitor keeps every decision.

    202 while it is pending. A request that was rejected gets the problem it would have got where it was sent, for as
    long as this gateway remembers it.
    """
    known = gateway.cache.get(request_id)
    if known and known.reply and known.reply.decision is not None:
        return decision_response(request_id, known.reply)
    stored = await gateway.decisions.get(request_id)
    if stored is not None:
        return decision_response(request_id, Reply(stored))
    if known and not known.failed:
        return decision_response(request_id, known.reply)
    raise ProblemError(problems.UNKNOWN_REQUEST)
