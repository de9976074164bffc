"""The dashboard's JSON, its event stream, and the reports it links to."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sse_starlette import EventSourceResponse
from starlette.responses import FileResponse, HTMLResponse, Response

from stream_app.gateway import dashboard_schema as schema
from stream_app.gateway import problem_details as problems
from stream_app.gateway.dashboard_data import MAX_NEWEST
from stream_app.gateway.dependencies import Gateway
from stream_app.gateway.problem_details import ProblemError, problem_responses

router = APIRouter(tags=["dashboard"], responses=problem_responses(*problems.EVERYWHERE))

_REPORT = r"^window-[A-Za-z0-9_.-]{1,100}\.html$"
# Evidently's pages bring their scripts inline. Sandboxed, they have an origin of their own and reach nothing of ours.
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'self'"
)
_NEWS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "event": {"const": "news"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/DashboardNews"},
        },
    },
    "required": ["event", "data"],
}
_BAD_LAST = problems.rejection("out_of_range", f"`last`: Input should be less than or equal to {MAX_NEWEST}.")


@router.get("/board/state", summary="Key figures")
async def state(gateway: Gateway) -> schema.DashboardState:
    """Model, policy, counts, lag."""
    return await gateway.dashboard.state()


@router.get("/board/histogram", summary="Scores against the reference")
async def histogram(gateway: Gateway) -> schema.Histogram:
    """Shares of the probability of default, of the last 5,000 decisions."""
    return await gateway.dashboard.histogram()


@router.get("/board/decisions", summary="The newest decisions", responses=problem_responses(_BAD_LAST))
async def decisions(
    gateway: Gateway, last: Annotated[int, Query(description="How many.", ge=1, le=MAX_NEWEST)] = 10
) -> list[schema.DashboardDecision]:
    """Newest first, each with its reasons in words."""
    return await gateway.dashboard.decisions(last)


@router.get("/board/outcomes", summary="Outcome shares by window")
async def outcomes(gateway: Gateway) -> list[schema.OutcomeShares]:
    """Of the newest 48 closed windows, oldest first."""
    return await gateway.dashboard.outcomes()


@router.get("/board/drift", summary="Drift by feature and window")
async def drift(gateway: Gateway) -> schema.DriftMap:
    """PSI over its limit in the newest 48 closed windows, and where the reports are."""
    return await gateway.dashboard.drift()


@router.get("/board/performance", summary="Expected and realised default rates")
async def performance(gateway: Gateway) -> list[schema.WindowPerformance]:
    """Of the newest 48 closed windows, oldest first."""
    return await gateway.dashboard.performance()


@router.get(
    "/board/events",
    summary="What is new, as server-sent events",
    response_class=EventSourceResponse,
    response_model=schema.DashboardNews,
    response_description="Events `news`, each a DashboardNews, at most once a second.",
    responses={
        200: {"content": {"text/event-stream": {"schema": _NEWS}}},
        **problem_responses(problems.TOO_MANY_LISTENERS),
    },
)
async def events(gateway: Gateway) -> Response:
    """The first event comes at once."""
    if gateway.events.full:
        raise ProblemError(problems.TOO_MANY_LISTENERS)
    return gateway.events.response()


@router.get(
    "/reports/{file}",
    summary="A window's report",
    response_class=HTMLResponse,
    response_description="Evidently's page.",
    responses=problem_responses(problems.UNKNOWN_REPORT),
)
async def report(
    gateway: Gateway,
    file: Annotated[
        str,
        Path(
            description="As /board/drift names it.",
            openapi_examples={"window": {"value": "window-2006-03.html"}},
            json_schema_extra={"pattern": _REPORT},
        ),
    ],
) -> Response:
    """As the monitor wrote it."""
    path = gateway.settings.reports / file
    if not re.fullmatch(_REPORT, file) or not path.is_file():
        raise ProblemError(problems.UNKNOWN_REPORT)
    headers = {"Content-Security-Policy": REPORT_POLICY, "Cache-Control": "no-cache"}
    return FileResponse(path, media_type="text/html", headers=headers)
