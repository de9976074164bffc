"""``GET /predict/{client_id}``: the decision on a client's latest application."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from stream_app.events import MAX_CLIENT_ID, RejectionReason
from stream_app.gateway.api_keys import Role
from stream_app.gateway.dependencies import dependencies_of
from stream_app.gateway.openapi_parts import answers, described, in_path, pending_answer, ref
from stream_app.gateway.problem_details import rejection_problem
from stream_app.gateway.responses import decision_response

router = APIRouter(tags=["decisions"])


@router.get(
    "/predict/{client_id:path}",
    summary="Decide a known client's latest application",
    responses={
        **answers(ref("Decision"), "The decision.", 404, 409, 413, 422, 502, 503),
        202: pending_answer(),
    },
    openapi_extra=described(
        Role.REQUEST, in_path("client_id", "A client of the client store.", MAX_CLIENT_ID, "218908")
    ),
)
async def predict(request: Request) -> Response:
    """Asks for a decision on the client's stored profile and latest application.

    The request id follows from both, so the same client and application are one request and have one decision.
    """
    parts = dependencies_of(request)
    client_id = request.path_params["client_id"]
    known = await parts.clients.get(client_id)
    if known is None:
        raise rejection_problem(RejectionReason.UNKNOWN_CLIENT.value, "The client store has no such client.")
    prepared = parts.requests.of_client(client_id, known, dt.datetime.now(dt.UTC))
    return decision_response(prepared.request.request_id, await parts.sender.answer(prepared))
