"""Laws of requests over HTTP: HTTP and stream judge any body alike, and the same content is the same request."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream_app.events import Rejection
from stream_app.gateway.loan_requests import RequestReader
from stream_app.gateway.problem_details import ProblemError
from stream_app.gateway.store_lookups import KnownClient
from stream_app.steps.decode import Decoder
from tests.builders.records import NOW, TOY, Record, request

LIMIT = 2_000
REQUESTS, DECODER = RequestReader(TOY, LIMIT), Decoder(TOY, LIMIT)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["request_id", "client_id", "requested_at", "features", "schema_version", "colour"])


@st.composite
def spoilt_requests(draw: st.DrawFn) -> bytes:
    """A good request with some fields replaced by anything, and some left out."""
    document: dict[str, Any] = json.loads(request()) | draw(st.dictionaries(names, values, max_size=3))
    for name in draw(st.sets(names, max_size=2)):
        document.pop(name, None)
    return json.dumps(document).encode()


bodies = st.binary(max_size=50) | values.map(lambda value: json.dumps(value).encode()) | spoilt_requests()


def read(body: bytes, key: str | None = None) -> str:
    """The reason it is refused for, empty if it is sound; anything else raised is a fault."""
    try:
        REQUESTS.read(body, key)
    except ProblemError as refusal:
        return refusal.problem.reason
    return ""


def client_in(body: bytes) -> bytes:
    try:
        return str(json.loads(body)["client_id"]).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        return b""


@given(bodies)
def test_http_refuses_a_body_exactly_when_the_stream_rejects_it_and_for_the_same_reason(body: bytes) -> None:
    [judged] = DECODER.decode([Record(body, key=client_in(body))])
    expected = judged.reason.value if isinstance(judged, Rejection) else ""
    assert read(body) == expected


@given(bodies, st.text(max_size=200))
def test_no_body_and_no_idempotency_key_is_ever_a_fault_of_the_gateway(body: bytes, key: str) -> None:
    read(body, key)


@given(st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()), st.binary(max_size=60))
def test_whatever_is_stored_of_a_client_makes_a_sound_request_or_a_refusal(profile: bytes, application: bytes) -> None:
    try:
        made = REQUESTS.of_client("c1", KnownClient(profile, application), NOW)
    except ProblemError as refusal:
        reason = refusal.problem.reason
    else:
        [judged] = DECODER.decode([Record(made.value, key=b"c1")])
        reason = judged.reason.value if isinstance(judged, Rejection) else ""
    assert reason in ("", "invalid_profile")


@given(st.permutations(["request_id", "client_id", "requested_at", "features"]), st.sampled_from([None, 1, 4]))
def test_the_order_of_fields_and_the_spaces_between_do_not_make_another_request(
    order: list[str], indent: int | None
) -> None:
    document = json.loads(request())
    rewritten = json.dumps({name: document[name] for name in order}, indent=indent).encode()
    assert REQUESTS.read(rewritten, None).fingerprint == REQUESTS.read(request(), None).fingerprint
