"""The pipeline over small batches: enrichment, outcomes, reasons, outputs, and what a bug costs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from stream_app.errors import ClientStoreError
from stream_app.events import Decision, Rejection, RejectionReason, size_of
from tests.builders.records import NOW, FormulaScorer, Profiles, Record, record, request, toy_pipeline

DIGEST = b"3b80cb713585dfa88d7c28bd7021962a"
"""Of the toy request. Pinned: a scorer of the next version must know what this one decided."""


def judge(*records: Record, **wiring: Any) -> Any:
    return toy_pipeline(**wiring).judge(records, NOW)


def with_amount(amount: float | None) -> Record:
    return record(request(features={"amount": amount, "employees": 3, "home": "own"}))


@pytest.mark.parametrize(
    ("amount", "outcome"),
    [(0, "approved"), (68_181, "approved"), (68_182, "review"), (113_636, "review"), (113_637, "refused")],
)
def test_a_probability_below_the_band_approves_inside_it_goes_to_review_above_it_refuses(
    amount: float, outcome: str
) -> None:
    [decision] = judge(with_amount(amount)).verdicts
    assert decision.outcome == outcome


def test_only_answers_other_than_approved_carry_reasons_strongest_first() -> None:
    approved, refused = judge(with_amount(1), with_amount(500_000)).verdicts
    assert approved.reasons == ()
    assert [(r.code, r.feature) for r in refused.reasons][:2] == [("AMT", "amount"), ("EMP", "employees")]


def test_an_adverse_answer_has_a_reason_even_if_nothing_raises_the_risk() -> None:
    class AllSpeakFor(FormulaScorer):
        def contributions(self, matrix: Any) -> Any:
            return -np.ones_like(matrix)

    [refused] = judge(with_amount(500_000), scorer=AllSpeakFor()).verdicts
    assert len(refused.reasons) == 1


def test_a_feature_left_out_comes_from_the_profile_and_null_stays_missing() -> None:
    profiles = Profiles({"c1": {"amount": 9.0, "employees": 7, "home": "rent"}})
    [decision] = judge(record(request(features={"amount": 5.0, "home": None})), profiles=profiles).verdicts
    assert json.loads(_encoded(decision.features)) == {"amount": 5.0, "employees": 7, "home": None}


def test_a_request_without_features_is_answered_from_the_profile_alone() -> None:
    profiles = Profiles({"c1": {"amount": 9.0}})
    body = {"request_id": "r", "client_id": "c1", "requested_at": "2026-01-01T00:00:00Z"}
    [decision] = judge(record(json.dumps(body).encode()), profiles=profiles).verdicts
    assert decision.features.f0 == 9.0


def test_a_request_that_names_every_feature_needs_no_profile() -> None:
    profiles = Profiles()
    [decision] = judge(record(), profiles=profiles).verdicts
    assert isinstance(decision, Decision)
    assert profiles.asked == []


@pytest.mark.parametrize("scorer", [FormulaScorer, lambda: BreaksOn666()], ids=["sound", "with a bug"])
def test_profiles_are_looked_up_once_a_batch(scorer: Any) -> None:
    profiles = Profiles({"a": {"amount": 1.0}, "b": {"amount": 666.0}})
    judge(*[record(request(c, features={}), key=c.encode()) for c in "abab"], profiles=profiles, scorer=scorer())
    assert profiles.asked == [{"a", "b"}]


@pytest.mark.parametrize(
    ("features", "profile", "reason"),
    [
        ({}, None, RejectionReason.UNKNOWN_CLIENT),
        ({}, {"home": "own"}, RejectionReason.MISSING_REQUIRED_FEATURE),
        ({"amount": None, "employees": 1, "home": "own"}, None, RejectionReason.MISSING_REQUIRED_FEATURE),
        ({}, {"amount": -5}, RejectionReason.INVALID_PROFILE),
        ({}, {"unheard_of": 1}, RejectionReason.INVALID_PROFILE),
    ],
)
def test_a_request_that_cannot_be_completed_is_rejected_for_its_reason(
    features: dict[str, Any], profile: dict[str, Any] | None, reason: RejectionReason
) -> None:
    profiles = Profiles({"c1": profile} if profile is not None else {})
    [verdict] = judge(record(request(features=features)), profiles=profiles).verdicts
    assert isinstance(verdict, Rejection)
    assert verdict.reason is reason


def test_an_unseen_category_is_scored_as_missing_and_counted() -> None:
    judged = judge(record(request(features={"amount": 1.0, "employees": 1, "home": "boat"})))
    assert isinstance(judged.verdicts[0], Decision)
    assert judged.unseen_categories == {"home": 1}


def test_a_decision_is_published_under_its_key_with_its_source_and_the_requests_own_headers() -> None:
    [output] = judge(record(partition=2, offset=17, timestamp=1_700, headers=[("h", b"1")])).outputs
    assert (output.rejected, output.key) == (False, b"c1")
    assert output.headers == [
        ("h", b"1"),
        ("source-topic", b"loan.requests"),
        ("source-partition", b"2"),
        ("source-offset", b"17"),
        ("source-timestamp", b"1700"),
        ("request-digest", DIGEST),
    ]
    body = json.loads(output.value)
    assert body["decided_at"] == "2026-01-02T03:04:05Z"
    assert body["features"] == {"amount": 50_000.0, "employees": 3, "home": "own"}
    assert body["model"]["name"] == "toy"
    assert body["policy"]["id"]


def test_without_a_memory_each_decision_carries_the_fingerprint_of_its_own_request() -> None:
    outputs = judge(with_amount(1.0), with_amount(2.0)).outputs
    assert outputs[0].headers[-1][0] == "request-digest"
    assert outputs[0].headers[-1] != outputs[1].headers[-1]


def test_a_rejection_keeps_key_value_and_headers_untouched() -> None:
    [output] = judge(Record(value=b"\x00\xff", key=b"\xfe", offset=3, headers=[("h", b"1")])).outputs
    assert (output.rejected, output.key, output.value) == (True, b"\xfe", b"\x00\xff")
    headers = dict(output.headers)
    assert (headers["h"], headers["rejection-reason"], headers["attempt"]) == (b"1", b"not_json", b"1")


@pytest.mark.parametrize("request_", [Record(b"x"), record()], ids=["rejected", "decided"])
def test_a_request_cannot_forge_our_headers(request_: Record) -> None:
    request_.headers = [
        ("rejection-reason", b"forged"),
        ("source-offset", b"99"),
        ("request-digest", b"f0"),
        ("mine", b"kept"),
    ]
    [output] = judge(request_).outputs
    names = [name for name, _ in output.headers]
    assert len(names) == len(set(names))
    assert dict(output.headers)["source-offset"] == b"0"
    assert dict(output.headers)["mine"] == b"kept"
    assert not {b"forged", b"f0"} & set(dict(output.headers).values())


@pytest.mark.parametrize(
    "huge",
    [
        Record(b"{}", headers=[("h", b"x" * 1_000_000)]),
        Record(b"{}", key=b"x" * 1_000_000),
        Record(None, headers=[("h" * 1_000_000, b"")]),
    ],
    ids=["header value", "key", "header name"],
)
def test_no_output_is_ever_larger_than_a_topic_takes(huge: Record) -> None:
    [output] = judge(huge).outputs
    assert size_of(Record(output.value, key=output.key, headers=output.headers)) < 1_000_000
    assert dict(output.headers)["value-omitted-bytes"]


def test_a_record_rejected_before_counts_its_attempts() -> None:
    [output] = judge(Record(value=b"x", headers=[("attempt", b"2")])).outputs
    assert [value for name, value in output.headers if name == "attempt"] == [b"3"]


def test_a_value_too_large_to_publish_is_left_out_and_measured() -> None:
    [output] = judge(Record(value=b"x" * 1_000_000)).outputs
    assert output.value is None
    assert dict(output.headers)["value-omitted-bytes"] == b"1000002"


class BreaksOn666(FormulaScorer):
    """A scorer with a bug on one input."""

    def probability_of_default(self, matrix: Any) -> Any:
        if (matrix[:, 0] == 666).any():
            raise ZeroDivisionError("amount was 666")
        return super().probability_of_default(matrix)


@pytest.mark.parametrize("at", [0, 3, 6])
def test_a_bug_rejects_the_record_it_was_met_on_and_never_its_neighbours(at: int) -> None:
    records = [with_amount(666 if i == at else i) for i in range(7)]
    judged = judge(*records, scorer=BreaksOn666())
    reasons = [v.reason if isinstance(v, Rejection) else None for v in judged.verdicts]
    assert reasons == [RejectionReason.INTERNAL_ERROR if i == at else None for i in range(7)]


def test_the_trace_of_a_bug_names_the_place_and_no_value() -> None:
    [trace] = judge(with_amount(666), scorer=BreaksOn666()).bugs
    assert "ZeroDivisionError at" in trace
    assert "probability_of_default" in trace
    assert "666" not in trace.replace("BreaksOn666", "")


@pytest.mark.parametrize("wrong", [np.array([np.nan]), np.array([1.5]), np.array([0.1, 0.2])])
def test_a_scorer_that_breaks_its_promise_is_a_bug_not_a_decision(wrong: Any) -> None:
    class Broken(FormulaScorer):
        def probability_of_default(self, matrix: Any) -> Any:  # noqa: ARG002 - the protocol's signature
            return wrong

    [verdict] = judge(with_amount(1), scorer=Broken()).verdicts
    assert verdict.reason is RejectionReason.INTERNAL_ERROR


def test_a_client_store_that_is_away_is_no_verdict_on_a_record() -> None:
    class Away(Profiles):
        def get_many(self, client_ids: Any) -> Any:  # noqa: ARG002 - the protocol's signature
            raise ClientStoreError("away")

    with pytest.raises(ClientStoreError):
        judge(record(request(features={})), profiles=Away())


def test_an_empty_batch_gives_nothing() -> None:
    assert judge().outputs == []


def test_the_stages_end_in_the_order_of_the_flow() -> None:
    stages: list[str] = []
    toy_pipeline().judge([record()], NOW, stages.append)
    assert stages == ["decode", "enrich", "score", "decide", "encode"]


def _encoded(features: Any) -> bytes:
    import msgspec  # noqa: PLC0415 - only this check reads the encoded form

    return msgspec.json.encode(features)
