"""Requests as the gateway makes them, and as it refuses them."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from stream_app.events import Decision, Rejection, RejectionReason
from stream_app.gateway.loan_requests import PreparedRequest, RequestReader
from stream_app.gateway.problem_details import ProblemError, RequestError
from stream_app.gateway.store_lookups import KnownClient
from tests.builders.records import NOW, TOY, Profiles, Record, output_of, record, request, toy_pipeline

REQUESTS = RequestReader(TOY, max_bytes=1_000)
KNOWN = KnownClient(b'{"home":"own","employees":3}', b'{"amount":50000}')
BODY = {"client_id": "c1", "requested_at": "2026-01-01T00:00:00Z"}


def refusal(body: bytes, key: str | None = None) -> tuple[int, str]:
    with pytest.raises(ProblemError) as caught:
        REQUESTS.read(body, key)
    return caught.value.problem.status, caught.value.problem.reason


def of_client(profile: bytes | None = KNOWN.profile, application: bytes | None = KNOWN.application) -> PreparedRequest:
    return REQUESTS.of_client("c1", KnownClient(profile, application), NOW)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", RejectionReason.NOT_JSON),
        (b"{", RejectionReason.NOT_JSON),
        (b"\xff", RejectionReason.NOT_JSON),
        (b"[" * 100_000, RejectionReason.TOO_LARGE),
        (b"[" * 900, RejectionReason.WRONG_TYPE),
        (b"[]", RejectionReason.WRONG_TYPE),
        (b"null", RejectionReason.WRONG_TYPE),
        (request(features={"amount": float("nan")}), RejectionReason.NAN_LITERAL),
        (request(features={"amount": -1}), RejectionReason.OUT_OF_RANGE),
        (request(features={"amount": "1"}), RejectionReason.WRONG_TYPE),
        (request(features={"salary": 1}), RejectionReason.UNKNOWN_FIELD),
        (json.dumps(BODY).encode(), RejectionReason.MISSING_FIELD),
        (request(client_id="c" * 65), RejectionReason.OUT_OF_RANGE),
        (request(client_id=""), RejectionReason.OUT_OF_RANGE),
        (request(client_id=7), RejectionReason.WRONG_TYPE),  # type: ignore[arg-type]
        (b'{"request_id":"r","client_id":"\\ud800","requested_at":"2026-01-01T00:00:00Z"}', RejectionReason.NOT_JSON),
        (request(requested_at="2026-01-01T00:00:00"), RejectionReason.WRONG_TYPE),
        (request(requested_at="0001-01-01T00:00:00+23:59"), RejectionReason.OUT_OF_RANGE),
        (request(requested_at="1899-12-31T23:59:59Z"), RejectionReason.OUT_OF_RANGE),
        (request(schema_version=9), RejectionReason.UNKNOWN_SCHEMA_VERSION),
        (request() + b" " * 1_000, RejectionReason.TOO_LARGE),
    ],
)
def test_http_refuses_what_the_stream_rejects_for_the_same_reason(body: bytes, reason: RejectionReason) -> None:
    status = 413 if reason is RejectionReason.TOO_LARGE else 422
    assert refusal(body) == (status, reason.value)
    [verdict] = toy_pipeline(max_request_bytes=1_000).judge([Record(body)], NOW).verdicts
    if reason is not RejectionReason.OUT_OF_RANGE or b'"c1"' in body:  # the stream's key is c1 here
        assert verdict.reason is reason  # type: ignore[union-attr]


def test_http_lists_the_faults_that_the_stream_lists() -> None:
    body = request(request_id=7, features={"amount": -1, "salary": 1})
    with pytest.raises(ProblemError) as caught:
        REQUESTS.read(body, None)
    [verdict] = toy_pipeline().judge([Record(body)], NOW).verdicts
    assert isinstance(verdict, Rejection)
    errors = caught.value.problem.errors
    assert errors == tuple(RequestError(fault.reason.value, fault.field, fault.rule) for fault in verdict.faults)
    assert [error.field for error in errors] == ["request_id", "features.amount", "features.salary"]


@pytest.mark.parametrize("doubled", [b'{"client_id": "c2", ', b'{"requested_at": "2020-01-01T00:00:00Z", '])
def test_of_a_doubled_key_the_last_value_counts_at_both_doors(doubled: bytes) -> None:
    body = doubled + request()[1:]
    prepared = REQUESTS.read(body, None)
    [verdict] = toy_pipeline().judge([Record(body, key=prepared.key)], NOW).verdicts
    assert isinstance(verdict, Decision)
    assert (prepared.request.client_id, prepared.request.requested_at) == ("c1", verdict.requested_at)
    assert verdict.requested_at.year == 2026


def test_a_sound_body_goes_out_as_it_came_under_its_client() -> None:
    prepared = REQUESTS.read(request(), None)
    assert (prepared.key, prepared.value, prepared.request.request_id) == (b"c1", request(), "r1")


def test_the_same_content_written_otherwise_is_the_same_request() -> None:
    spaced = json.dumps(dict(reversed(json.loads(request()).items())), indent=2).encode()
    assert REQUESTS.read(spaced, None).fingerprint == REQUESTS.read(request(), None).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"requested_at": "2026-01-01T00:00:01Z"},
        {"features": {"amount": 50_001.0, "employees": 3, "home": "own"}},
        {"features": {"amount": 50_000.0, "employees": 3}},
        {"features": {"amount": 50_000.0, "employees": 3, "home": None}},
    ],
)
def test_other_content_is_another_request(change: dict[str, Any]) -> None:
    assert REQUESTS.read(request(**change), None).fingerprint != REQUESTS.read(request(), None).fingerprint


def test_an_idempotency_key_names_a_request_that_has_no_id() -> None:
    prepared = REQUESTS.read(json.dumps(BODY).encode(), "key-1")
    assert prepared.request.request_id == json.loads(prepared.value)["request_id"] == "key-1"


def test_a_request_that_has_an_id_keeps_it() -> None:
    assert REQUESTS.read(request(), "key-1").request.request_id == "r1"


def test_a_clients_request_is_the_application_completed_with_the_profile() -> None:
    prepared = of_client()
    [decision] = toy_pipeline(profiles=Profiles()).judge([record(prepared.value)], NOW).verdicts
    assert (decision.features.f0, decision.features.f1, decision.features.f2) == (50_000, 3, "own")  # type: ignore[union-attr]


def test_what_the_application_says_counts_more_than_the_profile_and_null_stays_missing() -> None:
    prepared = of_client(application=b'{"amount":1,"home":null}')
    assert json.loads(prepared.value)["features"] == {"amount": 1.0, "employees": 3, "home": None}


def test_the_same_client_and_application_are_one_request_at_any_time() -> None:
    later = REQUESTS.of_client("c1", KNOWN, NOW + dt.timedelta(days=9))
    assert later.request.request_id == of_client().request.request_id
    assert later.fingerprint == of_client().fingerprint


def test_another_application_another_profile_or_another_client_is_another_request() -> None:
    others = [of_client(application=b'{"amount":50001}'), of_client(profile=b'{"home":"rent","employees":3}')]
    others.append(REQUESTS.of_client("c2", KNOWN, NOW))
    assert len({prepared.request.request_id for prepared in (of_client(), *others)}) == 4


def test_the_id_of_a_clients_request_holds_no_client_id_and_fits() -> None:
    request_id = of_client().request.request_id
    assert "c1" not in request_id.removeprefix("predict-") or len(request_id) <= 128


@pytest.mark.parametrize("stored", [b"{", b"[]", b'{"amount":-1}', b'{"salary":1}', b'{"amount":"much"}', b"\xff"])
def test_what_is_stored_against_the_contract_is_named_as_that(stored: bytes) -> None:
    for known in (KnownClient(stored, None), KnownClient(None, stored)):
        with pytest.raises(ProblemError) as caught:
            REQUESTS.of_client("c1", known, NOW)
        assert (caught.value.problem.status, caught.value.problem.reason) == (422, "invalid_profile")


def decided(value: bytes, profiles: Profiles | None = None) -> bytes:
    output = output_of(record(value), toy_pipeline(profiles=profiles))
    assert not output.rejected
    return output.value or b""


def test_a_stored_decision_answers_the_request_it_was_made_on() -> None:
    assert REQUESTS.is_answered_by(REQUESTS.read(request(), None), decided(request()))


def test_it_answers_one_that_left_features_to_the_profile() -> None:
    partial = request(features={"amount": 5.0})
    decision = decided(partial, Profiles({"c1": {"home": "own"}}))
    assert REQUESTS.is_answered_by(REQUESTS.read(partial, None), decision)


@pytest.mark.parametrize(
    "change",
    [
        {"requested_at": "2026-01-01T00:00:01Z"},
        {"client_id": "c2"},
        {"features": {"amount": 50_001.0, "employees": 3, "home": "own"}},
        {"features": {"amount": 50_000.0, "employees": 3, "home": None}},
    ],
)
def test_it_answers_no_other_content(change: dict[str, Any]) -> None:
    assert not REQUESTS.is_answered_by(REQUESTS.read(request(**change), None), decided(request()))


def test_a_decision_of_a_model_with_other_features_answers_nothing() -> None:
    assert not REQUESTS.is_answered_by(REQUESTS.read(request(), None), b'{"request_id":"r1"}')


def test_a_clients_request_is_answered_by_the_decision_on_it_whenever_it_was_asked() -> None:
    later = REQUESTS.of_client("c1", KNOWN, NOW + dt.timedelta(days=9))
    assert REQUESTS.is_answered_by(later, decided(of_client().value))


def test_a_value_the_model_never_saw_is_part_of_the_answer_too() -> None:
    prepared = of_client(profile=b'{"home":"a boat","employees":3}')
    assert REQUESTS.is_answered_by(prepared, decided(prepared.value))


def test_a_decision_on_other_content_that_somebody_gave_its_id_answers_it_not() -> None:
    forged = request(request_id=of_client().request.request_id, features={"amount": 1.0, "employees": 3, "home": "own"})
    assert not REQUESTS.is_answered_by(of_client(), decided(forged))
