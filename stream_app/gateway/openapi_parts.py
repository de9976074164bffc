"""What the routes say of themselves in the OpenAPI document: parameters, bodies, answers, examples, roles."""

from __future__ import annotations

from typing import Any

from stream_app.gateway.api_keys import Role
from stream_app.gateway.problem_details import MEDIA_TYPE

Json = dict[str, Any]

_WHEN: dict[int, str] = {
    400: "The call is not HTTP as it should be.",
    401: "An API key is needed.",
    403: "The key has not the role this needs.",
    404: "There is no such client, request, or file.",
    409: "The request id, or the Idempotency-Key, was used before with other content.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "The request breaks the contract; `reason` is the stream's own word for it.",
    429: "Too many calls in this minute.",
    502: "The scorer met a bug of its own on this request.",
    503: "The broker or a store is away; nothing is wrong with the request.",
}
_REASON: dict[int, str] = {
    401: "key_needed", 403: "role_needed", 404: "unknown_client", 409: "conflicting_id", 413: "too_large",
    415: "not_json", 422: "out_of_range", 429: "too_many_requests", 502: "internal_error", 503: "broker_away",
}  # fmt: skip
_ALWAYS = (401, 403, 429)


def ref(name: str) -> Json:
    """A schema among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def answers(schema: Json, description: str, *problems: int, example: object = None) -> dict[int | str, Json]:
    """``responses`` of a route: 200 with this schema, and the problems it may end with."""
    content = {"schema": schema} | ({"example": example} if example is not None else {})
    fine: Json = {"description": description, "content": {"application/json": content}}
    return {200: fine, **{status: problem_answer(status) for status in (*problems, *_ALWAYS)}}


def pending_answer() -> Json:
    """202."""
    headers = {
        "Location": {"description": "Where the decision will be.", "schema": {"type": "string"}},
        "Retry-After": {"description": "Seconds.", "schema": {"type": "string"}},
    }
    content = {"application/json": {"schema": ref("Pending"), "example": PENDING}}
    return {"description": "Not decided within the wait; ask at `link`.", "headers": headers, "content": content}


def problem_answer(status: int) -> Json:
    """A problem body."""
    example = {
        "type": "about:blank",
        "status": status,
        "title": "…",
        "detail": _WHEN[status],
        "reason": _REASON.get(status, "bad_request"),
        "do_next": "…",
    }
    return {"description": _WHEN[status], "content": {MEDIA_TYPE: {"schema": ref("Problem"), "example": example}}}


def described(role: Role | None, *parameters: Json, **more: Json) -> Json:
    """``openapi_extra`` of a route."""
    marks: Json = {"x-role": role.value, "security": [{"ApiKey": []}, {}]} if role else {}
    return marks | ({"parameters": list(parameters)} if parameters else {}) | more


def in_path(name: str, description: str, max_length: int, example: str) -> Json:
    """A parameter of the path."""
    schema = {"type": "string", "minLength": 1, "maxLength": max_length}
    return {
        "name": name, "in": "path", "required": True, "description": description, "schema": schema, "example": example
    }  # fmt: skip


REQUEST: Json = {
    "request_id": "my-first-request",
    "client_id": "218908",
    "requested_at": "2026-01-02T03:04:05Z",
    "features": {"amount_requested": 70000, "guaranteed_share": 0.5},
}
PENDING: Json = {"request_id": "my-first-request", "status": "pending", "link": "/decisions/my-first-request"}
