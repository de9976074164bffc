"""The gateway answers as its own OpenAPI document declares: schemathesis calls every operation, rightly and wrongly.

In-process, on a stream in a list with the real scorer; the examples are the same in every run.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.engine import Status, events, from_schema

from monitoring.store import DecisionStore
from stream_app.clients import SQLiteClients
from stream_app.gateway.api_keys import Keys, Role
from stream_app.gateway.app import create_app
from stream_app.gateway.routes.decisions import EXAMPLE as REQUEST
from tests.builders.gateway import APPLICATION, PROFILE, LocalStream, bundle, settings_in, shipped_pipeline
from tests.builders.records import NOW, Profiles, Record
from tests.builders.store_rows import decision, put

pytestmark = pytest.mark.slow

CLIENT = str(REQUEST["client_id"])
"""The one of the document's examples, which are called as they stand."""

REQUIRED = [feature.name for feature in bundle().contract.features if feature.required]

CONFORMING = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
"""What holds in every state: the document announces each status, and what comes with it."""

IN_ORDER = (
    *CONFORMING,
    "not_a_server_error",
    "positive_data_acceptance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
)
"""What holds where broker, scorer and stores work, beside that."""

EXAMPLES = 40
"""Made up for each operation, beside those that follow from the document itself: the whole file takes 20 s."""


class Tried:
    """What schemathesis found at one gateway, and how often it met each status."""

    def __init__(self, schema: Any) -> None:
        self.faults: list[str] = []
        self.statuses: Counter[tuple[str, int]] = Counter()
        for event in from_schema(schema).execute():
            if isinstance(event, events.NonFatalError | events.FatalError):
                self.faults.append(str(event))
            if isinstance(event, events.ScenarioFinished):
                self._take(event.recorder)

    def _take(self, recorded: Any) -> None:
        for call in recorded.interactions.values():
            if call.response is not None:
                self.statuses[recorded.label, call.response.status_code] += 1
        for case, checks in recorded.checks.items():
            for check in checks:
                if check.status is Status.FAILURE:
                    call = recorded.interactions[case]
                    self.faults.append(f"{recorded.label}: {check.name}: {check.failure_info}: {call.request.body}")

    def met(self, label: str) -> set[int]:
        return {status for operation, status in self.statuses if operation == label}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Stores as a gateway in use has them."""
    settings_in(tmp_path)
    with SQLiteClients(tmp_path / "clients.db", create=True) as clients:
        clients.put_many([(CLIENT, json.dumps(PROFILE).encode())], [(CLIENT, json.dumps(APPLICATION).encode())])
    body = json.dumps(REQUEST | {"request_id": "stored"}).encode()
    [output] = pipeline().judge([Record(body, CLIENT.encode())], NOW).outputs
    with DecisionStore.open(str(tmp_path / "decisions.db")) as store:
        put(store, [decision("stored", record=output.value.decode())])
    return tmp_path


def pipeline() -> Any:
    return shipped_pipeline(Profiles({CLIENT: PROFILE | APPLICATION}))


def tried(folder: Path, headers: dict[str, str], checks: tuple[str, ...], **changes: Any) -> Tried:
    """Every operation of a gateway whose settings, or whose stream, is changed like this."""
    stream = {name: changes.pop(name) for name in ("reachable", "running") if name in changes}
    app = create_app(
        settings_in(folder, **{"rate_per_minute": 0, **changes}),
        lambda _, deliver, __: LocalStream(pipeline(), deliver),
    )
    for name, value in stream.items():
        setattr(app.state.dependencies.broker, name, value)
    headers = {"Host": "localhost", **headers}
    chosen = schemathesis.Config.from_dict(
        {
            "seed": 20,
            "suppress-health-check": ["too_slow"],  # a busy machine is no fault of the gateway
            "generation": {"max-examples": EXAMPLES, "deterministic": True},
            "phases": {"stateful": {"enabled": False}},
            "checks": {"enabled": False, **{check: {"enabled": True} for check in checks}},
            "base-url": "http://localhost",
            "headers": headers,
            "cache": {"enabled": False},
            "continue-on-failure": True,
            "max-stream-events": 1,
        }
    )
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers=headers, config=chosen)
    schema.hook("filter_case")(is_complete)
    return Tried(schema)


def is_complete(_context: Any, case: Any) -> bool:
    """Holds what the document has in words only: an id or an Idempotency-Key, no required feature null."""
    if not isinstance(case.body, dict):
        return True
    named = "request_id" in case.body or "idempotency-key" in {name.lower() for name in case.headers or ()}
    features = case.body.get("features")
    return named and not (isinstance(features, dict) and any(features.get(name, 0) is None for name in REQUIRED))


def without_keys(statuses: Counter[tuple[str, int]]) -> set[str]:
    """The operations that answered other than 401: or 400 to a control character, 405 to a method they have not."""
    return {label for label, status in statuses if status not in (400, 401, 405)}


def test_in_order_every_call_is_taken_or_refused_as_the_document_declares_and_none_ends_in_a_5xx(folder: Path) -> None:
    got = tried(folder, {}, IN_ORDER)
    assert not got.faults
    assert got.met("POST /requests") >= {200, 409, 415, 422}
    assert got.met("GET /predict/{client_id}") >= {200, 404}


@pytest.mark.parametrize(("role", "met"), [(Role.READ, {403}), (Role.REQUEST, {200, 404})])
def test_a_key_opens_what_its_role_allows(folder: Path, role: Role, met: set[int]) -> None:
    keys, key = Keys({}).with_new("caller", role)
    keys.write(folder / "keys")
    got = tried(folder, {"X-API-Key": key}, (*CONFORMING, "not_a_server_error"), keys=folder / "keys")
    assert not got.faults
    assert got.met("GET /predict/{client_id}") - {400, 405} == met
    assert 200 in got.met("GET /board/state")


def test_without_a_key_nothing_but_health_answers(folder: Path) -> None:
    keys, _ = Keys({}).with_new("caller", Role.REQUEST)
    keys.write(folder / "keys")
    got = tried(folder, {}, (*CONFORMING, "not_a_server_error"), keys=folder / "keys")
    assert not got.faults
    assert without_keys(got.statuses) == {"GET /health", "GET /live", "GET /ready"}


@pytest.mark.parametrize(
    ("trouble", "status"),
    [({"reachable": False}, 503), ({"running": False, "reply_seconds": 0.01}, 202)],
    ids=["no broker", "no scorer"],
)
def test_in_trouble_the_document_holds_as_well(folder: Path, trouble: dict[str, Any], status: int) -> None:
    got = tried(folder, {}, CONFORMING, **trouble)
    assert not got.faults
    assert status in got.met("POST /requests")
    assert status in got.met("GET /predict/{client_id}")


def test_with_broken_stores_the_document_holds_as_well(folder: Path) -> None:
    for name in ("clients.db", "decisions.db"):
        (folder / f"broken-{name}").write_bytes(b"this is no database" * 100)
    broken = {"clients": str(folder / "broken-clients.db"), "store": str(folder / "broken-decisions.db")}
    got = tried(folder, {}, CONFORMING, **broken)
    assert not got.faults
    assert got.met("GET /predict/{client_id}") - {400, 405} == {503}
    assert got.met("GET /decisions/{request_id}") >= {503}
    assert got.met("POST /requests") >= {200}  # decided all the same
