"""A page of the reference: every path of the gateway, from its own OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docs.generate.markdown import Row, page, table
from stream_app.commands.formats import DECISIONS_CSV_HEADER
from stream_app.gateway.app import create_app
from stream_app.settings import GatewaySettings

HTTP_API = """
What the gateway serves. A running gateway shows the complete OpenAPI document, with every field, at `/docs`, and as
JSON at `/openapi.json`; neither needs a network. How to call it is in
[Use the HTTP API](../how-to/use-the-http-api.md).
"""
ERRORS = """
## Errors

An error is a problem body (RFC 9457, `application/problem+json`) with a stable `reason`, a `detail` for people, and
what to do next. A rejection has the `reason` it has on the topic, see
[Records](records.md#reasons-for-a-rejection), and a 422 lists every fault in `errors`, each with `reason`, `field` and
`detail`.
"""
CSV = """
## Columns of the CSV

`stream-app decisions --csv` writes these columns, quoted as RFC 4180 asks:
"""
COLUMNS = {
    "timestamp": "when it was decided, UTC, ISO 8601",
    "client_id": "whose request it was",
    "score": "the probability of default, 0 to 1: higher is riskier",
    "decision": "`approved`, `review` or `refused`",
    "response_time_ms": "from the request record's time stamp to the decision record's; empty where one is not known",
    "request_id": "of the request that was decided",
}


def http_api() -> str:
    paths = create_app(GatewaySettings()).openapi()["paths"]
    columns = ((f"`{name}`", COLUMNS[name]) for name in DECISIONS_CSV_HEADER.split(","))
    return page(
        "HTTP API",
        HTTP_API,
        f"## Paths\n\n{table('call|what it does|role of the key|statuses', _calls(paths))}",
        ERRORS,
        f"{CSV}\n{table('column|meaning', columns)}",
    )


def _calls(paths: dict[str, Any]) -> Iterator[Row]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            statuses = ", ".join(sorted(operation["responses"]))
            yield f"`{method.upper()} {path}`", operation["summary"], operation.get("x-role", "none"), statuses
