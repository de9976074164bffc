"""Whether the service works: ``/status`` for people and pages, ``/health``, ``/live`` and ``/ready`` for machines."""

from __future__ import annotations

from typing import Literal

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from stream_app.gateway.api_keys import Role
from stream_app.gateway.dependencies import dependencies_of
from stream_app.gateway.openapi_parts import answers, described, ref
from stream_app.gateway.responses import JSON, json_response

router = APIRouter(tags=["service"])


class Healthy(msgspec.Struct, frozen=True):
    """``ok``: requests are decided now."""

    status: Literal["ok", "unavailable"]
    why_not: str | None


class Ready(msgspec.Struct, frozen=True):
    """Whether requests can be passed on."""

    ready: bool
    why_not: str | None


class Live(msgspec.Struct, frozen=True):
    """The process answers."""

    live: bool


@router.get(
    "/status",
    summary="The state of the service",
    responses=answers(ref("Status"), "The state."),
    openapi_extra=described(Role.READ),
)
async def status(request: Request) -> Response:
    """Whether requests are decided, on which model, how many clients are known, and how far the scorers are behind."""
    return json_response(await dependencies_of(request).health.status())


def _or_503(name: str) -> dict[int | str, dict[str, object]]:
    content = {"application/json": {"schema": ref(name)}}
    return {200: {"description": "Yes.", "content": content}, 503: {"description": "No.", "content": content}}


@router.get("/health", summary="Whether requests are decided", responses=_or_503("Healthy"))
async def health(request: Request) -> Response:
    """For a check from outside: the broker, a scorer and the client store are there."""
    now = await dependencies_of(request).health.status()
    body = Healthy("ok" if now.operational else "unavailable", now.why_not)
    return Response(msgspec.json.encode(body), 200 if now.operational else 503, media_type=JSON)


@router.get("/ready", summary="Whether requests can be passed on", responses=_or_503("Ready"))
async def ready(request: Request) -> Response:
    """For a load balancer: the broker is there."""
    why_not = dependencies_of(request).health.not_ready()
    body = Ready(why_not is None, why_not)
    return Response(msgspec.json.encode(body), 503 if why_not else 200, media_type=JSON)


@router.get(
    "/live",
    summary="Whether the process lives",
    responses={200: {"description": "Yes.", "content": {"application/json": {"schema": ref("Live")}}}},
)
async def live() -> Response:
    """For whoever would start it again."""
    return Response(b'{"live":true}', media_type=JSON)
