"""``GET /decisions/{request_id}``: what was decided."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from stream_app.events import MAX_REQUEST_ID
from stream_app.gateway.api_keys import Role
from stream_app.gateway.dependencies import dependencies_of
from stream_app.gateway.openapi_parts import answers, described, in_path, pending_answer, ref
from stream_app.gateway.problem_details import problem_error
from stream_app.gateway.request_reply import Reply
from stream_app.gateway.responses import decision_response

router = APIRouter(tags=["decisions"])


@router.get(
    "/decisions/{request_id:path}",
    summary="Read a decision",
    responses={**answers(ref("Decision"), "The decision.", 404, 413, 422, 502, 503), 202: pending_answer()},
    openapi_extra=described(
        Role.READ, in_path("request_id", "The id the request had.", MAX_REQUEST_ID, "my-first-request")
    ),
)
async def decision(request: Request) -> Response:
    """From this gateway's cache, or from the decision store, where the monitor keeps every decision.

    202 while it is pending. A request that was rejected ends as it would have where it was sent, for as long as this
    gateway remembers it.
    """
    parts = dependencies_of(request)
    request_id = request.path_params["request_id"]
    known = parts.cache.get(request_id)
    if known and known.answer and known.answer.decision is not None:
        return decision_response(request_id, known.answer)
    stored = await parts.decided.get(request_id)
    if stored is not None:
        return decision_response(request_id, Reply(stored))
    if known and not known.failed:
        return decision_response(request_id, known.answer)
    raise problem_error(
        404,
        "unknown_request",
        "There is no decision on such a request.",
        "Check the id; a request sent to the topic a moment ago may not be stored yet.",
    )
