"""The OpenAPI document: FastAPI's of the routes, completed with the schemas of what crosses the boundary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from models.contract import Contract
from stream_app.events import Decision, LoanRequest, feature_struct
from stream_app.gateway.dashboard_schema import (
    DashboardDecision,
    DashboardNews,
    DashboardState,
    DriftMap,
    Histogram,
    OutcomeShares,
    WindowPerformance,
)
from stream_app.gateway.health import Status
from stream_app.gateway.problem_details import Problem
from stream_app.gateway.responses import Pending
from stream_app.gateway.routes.status import Healthy, Live, Ready
from stream_app.schemas import annotate_features

Json = dict[str, Any]

_SHAPES = (
    Pending, Problem, Status, Healthy, Ready, Live,
    DashboardState, Histogram, DashboardDecision, OutcomeShares, DriftMap, WindowPerformance, DashboardNews,
)  # fmt: skip
_KEY = {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "Where the gateway asks for keys."}


def document_of(app: FastAPI, contract: Contract) -> Callable[[], Json]:
    """What to set ``app.openapi`` to; the document is made once, when it is first asked for."""
    made: list[Json] = []

    def document() -> Json:
        if not made:
            made.append(_made(app, contract))
        return made[0]

    return document


def _made(app: FastAPI, contract: Contract) -> Json:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=_TAGS
    )
    components = document.setdefault("components", {})
    components["schemas"] = components.get("schemas", {}) | schemas(contract)
    components["securitySchemes"] = {"ApiKey": _KEY}
    return document


def schemas(contract: Contract) -> Json:
    """The components by name."""
    features: Any = feature_struct(contract)
    kinds: list[Any] = [LoanRequest[features], Decision[features], *_SHAPES]
    tops, made = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    for schema in made.values():
        schema["description"] = " ".join(schema.get("description", "").split())
    annotate_features(made["Features"], contract)
    for name, top in zip(("LoanRequest", "Decision"), tops, strict=False):
        made[name] = made.pop(top["$ref"].rsplit("/", 1)[1])  # generic ones are named after their parameters, too
        made[name]["title"] = name
    _as_over_http(made["LoanRequest"], contract)
    return dict(made)


def _as_over_http(request: Json, contract: Contract) -> None:
    """What the type cannot say."""
    request["properties"]["schema_version"]["const"] = contract.schema_version
    request["properties"]["request_id"]["description"] += "; may be left out where an Idempotency-Key is sent"
    request["required"].remove("request_id")


_TAGS = [
    {"name": "decisions", "description": "Ask for decisions, read them."},
    {"name": "service", "description": "Whether it works."},
    {"name": "dashboard", "description": "What the page at / shows."},
]
