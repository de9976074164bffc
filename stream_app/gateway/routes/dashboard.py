"""The dashboard's JSON, its event stream, and the reports it links to."""

from __future__ import annotations

import re

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from stream_app.events import RejectionReason
from stream_app.gateway.api_keys import Role
from stream_app.gateway.dashboard_data import MAX_NEWEST
from stream_app.gateway.dependencies import dependencies_of
from stream_app.gateway.event_stream import EventStreamResponse
from stream_app.gateway.openapi_parts import answers, described, in_path, problem_answer, ref
from stream_app.gateway.problem_details import problem_error, rejection_problem
from stream_app.gateway.responses import json_response

router = APIRouter(tags=["dashboard"])

_REPORT = re.compile(r"window-[\w.-]{1,100}\.html", re.ASCII)
# Evidently's pages bring their scripts inline. Sandboxed, they have an origin of their own and reach nothing of ours.
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'self'"
)
_LAST = {
    "name": "last",
    "in": "query",
    "required": False,
    "description": "How many.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_NEWEST, "default": 10},
}

_NEWS = {
    "type": "object",
    "properties": {
        "event": {"const": "news"},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": ref("DashboardNews")},
    },
    "required": ["event", "data"],
}


@router.get(
    "/board/state",
    summary="Key figures",
    responses=answers(ref("DashboardState"), "Now."),
    openapi_extra=described(Role.READ),
)
async def state(request: Request) -> Response:
    """Model, policy, counts, lag."""
    return json_response(await dependencies_of(request).board.state())


@router.get(
    "/board/histogram",
    summary="Scores against the reference",
    responses=answers(ref("Histogram"), "Of the last 5,000 decisions."),
    openapi_extra=described(Role.READ),
)
async def histogram(request: Request) -> Response:
    """Shares of the probability of default."""
    return json_response(await dependencies_of(request).board.histogram())


@router.get(
    "/board/decisions",
    summary="The newest decisions",
    responses=answers({"type": "array", "items": ref("DashboardDecision")}, "Newest first.", 422),
    openapi_extra=described(Role.READ, _LAST),
)
async def decisions(request: Request) -> Response:
    """Each with its reasons in words."""
    return json_response(await dependencies_of(request).board.decisions(_last(request)))


@router.get(
    "/board/outcomes",
    summary="Outcome shares by window",
    responses=answers({"type": "array", "items": ref("OutcomeShares")}, "Oldest first."),
    openapi_extra=described(Role.READ),
)
async def outcomes(request: Request) -> Response:
    """Of the newest 48 closed windows."""
    return json_response(await dependencies_of(request).board.outcomes())


@router.get(
    "/board/drift",
    summary="Drift by feature and window",
    responses=answers(ref("DriftMap"), "Of the newest 48 closed windows."),
    openapi_extra=described(Role.READ),
)
async def drift(request: Request) -> Response:
    """PSI over its limit, and where the reports are."""
    return json_response(await dependencies_of(request).board.drift())


@router.get(
    "/board/performance",
    summary="Expected and realised default rates",
    responses=answers({"type": "array", "items": ref("WindowPerformance")}, "Oldest first."),
    openapi_extra=described(Role.READ),
)
async def performance(request: Request) -> Response:
    """Of the newest 48 closed windows."""
    return json_response(await dependencies_of(request).board.performance())


@router.get(
    "/board/events",
    summary="What is new, as server-sent events",
    responses={
        200: {
            "description": "Events `news`, each a DashboardNews, at most once a second.",
            "content": {"text/event-stream": {"schema": _NEWS}},
        },
        **{status: problem_answer(status) for status in (401, 403, 429, 503)},
    },
    openapi_extra=described(Role.READ),
)
async def events(request: Request) -> Response:
    """The first event comes at once."""
    feed = dependencies_of(request).feed
    if feed.full:
        raise problem_error(503, "too_many_listeners", "Enough pages listen already.", "Ask /board/state instead.")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStreamResponse(feed.listen(), headers=headers)


@router.get(
    "/reports/{file}",
    summary="A window's report",
    responses={
        200: {"description": "Evidently's page.", "content": {"text/html": {"schema": {"type": "string"}}}},
        **{status: problem_answer(status) for status in (401, 403, 404, 429)},
    },
    openapi_extra=described(Role.READ, in_path("file", "As /board/drift names it.", 120, "window-2006-03.html")),
)
async def report(request: Request) -> Response:
    """As the monitor wrote it."""
    name = request.path_params["file"]
    path = dependencies_of(request).settings.reports / name
    if not _REPORT.fullmatch(name) or not path.is_file():
        raise problem_error(404, "unknown_report", "There is no such report.", "See /board/drift for those there are.")
    headers = {"Content-Security-Policy": REPORT_POLICY, "Cache-Control": "no-cache"}
    return FileResponse(path, media_type="text/html", headers=headers)


def _last(request: Request) -> int:
    text = request.query_params.get("last", "10")
    if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_NEWEST:
        return int(text)
    raise rejection_problem(
        RejectionReason.OUT_OF_RANGE.value, f"`last` must be a whole number from 1 to {MAX_NEWEST}."
    )
