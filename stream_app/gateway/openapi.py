"""The OpenAPI document: FastAPI's of the routes, with the schemas that follow from the bundle's contract, and roles."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from models.contract import Contract
from stream_app.events import Decision, LoanRequest
from stream_app.feature_struct import feature_struct
from stream_app.gateway.api_keys import role_for
from stream_app.gateway.problem_details import Problem
from stream_app.schemas import annotate_features

Json = dict[str, Any]

_KEY = {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "Where the gateway asks for keys."}
_TAGS = [
    {"name": "decisions", "description": "Ask for decisions, read them."},
    {"name": "service", "description": "Whether it works."},
    {"name": "dashboard", "description": "What the page at / shows."},
]


def openapi_of(app: FastAPI, contract: Contract) -> Callable[[], Json]:
    """What to set ``app.openapi`` to; the document is made when it is first asked for."""

    @cache
    def document() -> Json:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=_TAGS
        )
        components = made["components"]
        components["securitySchemes"] = {"ApiKey": _KEY}
        components["schemas"] |= schemas(contract)
        for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, where ours are problem bodies
            del components["schemas"][unused]
        for path, operations in made["paths"].items():
            for operation in operations.values():
                if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                    del operation["responses"]["422"]
                if role := role_for(path):
                    operation |= {"x-role": role.value, "security": [{"ApiKey": []}, {}]}
        return made

    return document


def schemas(contract: Contract) -> Json:
    """What msgspec reads and writes: the stream's records, whose features the contract names, and problem bodies."""
    features: Any = feature_struct(contract)
    kinds: list[Any] = [LoanRequest[features], Decision[features], Problem]
    references, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    for schema in components.values():
        schema["description"] = " ".join(schema.get("description", "").split())
    annotate_features(components["Features"], contract)
    for name, reference in zip(("LoanRequest", "Decision"), references, strict=False):
        # msgspec names generic ones after their parameters, too
        components[name] = components.pop(reference["$ref"].rsplit("/", 1)[1]) | {"title": name}
    _as_over_http(components["LoanRequest"], contract)
    return dict(components)


def _as_over_http(request: Json, contract: Contract) -> None:
    """What the type cannot express."""
    request["properties"]["schema_version"]["const"] = contract.schema_version
    request["properties"]["request_id"]["description"] += "; may be left out where an Idempotency-Key is sent"
    request["required"].remove("request_id")
