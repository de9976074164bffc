"""Whether the service works: ``/status`` for people and pages, ``/health``, ``/live`` and ``/ready`` for machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter
from starlette.responses import Response

from stream_app.gateway.dependencies import Gateway
from stream_app.gateway.health import Status
from stream_app.gateway.problem_details import EVERYWHERE, problem_responses

router = APIRouter(tags=["service"])


@dataclass(frozen=True)
class Healthy:
    """``ok``: requests are decided now."""

    status: Literal["ok", "unavailable"]
    why_not: str | None


@dataclass(frozen=True)
class Ready:
    """Whether requests can be passed on and their replies be read."""

    ready: bool
    why_not: str | None


@dataclass(frozen=True)
class Live:
    """The process answers."""

    live: bool


def _or_503(model: type) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "Yes."}, 503: {"description": "No.", "model": model}}


@router.get("/status", summary="The state of the service", responses=problem_responses(*EVERYWHERE))
async def status(gateway: Gateway) -> Status:
    """Whether requests are decided, on which model, how many clients are known, and how far the scorers are behind."""
    return await gateway.health.status()


@router.get("/health", summary="Whether requests are decided", responses=_or_503(Healthy))
async def health(gateway: Gateway, response: Response) -> Healthy:
    """For a check from outside: the broker, a scorer and the client store are there."""
    now = await gateway.health.status()
    response.status_code = 200 if now.operational else 503
    return Healthy("ok" if now.operational else "unavailable", now.why_not)


@router.get("/ready", summary="Whether requests can be passed on", responses=_or_503(Ready))
async def ready(gateway: Gateway, response: Response) -> Ready:
    """For a load balancer: the broker is there, and what it has of decisions can be read."""
    why_not = gateway.health.not_ready()
    response.status_code = 503 if why_not else 200
    return Ready(why_not is None, why_not)


@router.get("/live", summary="Whether the process lives")
async def live() -> Live:
    """For whoever would start it again."""
    return Live(live=True)
