"""``POST /requests``: a full loan request, as it could be sent to the topic."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from stream_app.events import MAX_REQUEST_ID
from stream_app.gateway.api_keys import Role
from stream_app.gateway.dependencies import dependencies_of
from stream_app.gateway.openapi_parts import REQUEST, answers, described, pending_answer, ref
from stream_app.gateway.problem_details import problem_error
from stream_app.gateway.responses import decision_response

router = APIRouter(tags=["decisions"])

_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same content is the same request. It is the request id of a body without.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_REQUEST_ID, "pattern": "^[!-~]+$"},
}
_BODY = {
    "required": True,
    "description": "Features that are left out are taken from the client's profile; null is missing and stays so.",
    "content": {"application/json": {"schema": ref("LoanRequest"), "example": REQUEST}},
}


@router.post(
    "/requests",
    summary="Decide a loan request",
    responses={
        **answers(ref("Decision"), "The decision.", 400, 404, 409, 413, 415, 422, 502, 503),
        202: pending_answer(),
    },
    openapi_extra=described(Role.REQUEST, _KEY_PARAMETER, requestBody=_BODY),
)
async def decide(request: Request) -> Response:
    """Passes a request to the scorers and waits for its decision.

    A request id is decided once: repeated with the same content it gets the same answer, with other content 409.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise problem_error(
            415, "not_json", "The body's Content-Type is not application/json.", "Send JSON, and say so in the header."
        )
    parts = dependencies_of(request)
    key = request.headers.get("idempotency-key")
    prepared = parts.requests.read(await request.body(), key)
    return decision_response(prepared.request.request_id, await parts.sender.answer(prepared, key))
