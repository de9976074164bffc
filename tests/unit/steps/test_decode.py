"""Decoding: every kind of bad input has its own reason, and no message repeats a value."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from stream_app.events import LoanRequest, Rejection, RejectionReason
from stream_app.steps.decode import Decoder
from tests.builders.records import TOY, Record, record, request

DECODER = Decoder(TOY, max_request_bytes=2_000)

BAD_VALUES = [
    (b"", RejectionReason.NOT_JSON),
    (b"hello", RejectionReason.NOT_JSON),
    (b"\xff\xfe", RejectionReason.NOT_JSON),
    (request()[:-1], RejectionReason.NOT_JSON),
    (request() + b"x", RejectionReason.NOT_JSON),
    (b"[" * 1_900, RejectionReason.WRONG_TYPE),
    (b"null", RejectionReason.WRONG_TYPE),
    (b"[]", RejectionReason.WRONG_TYPE),
    (b"{}", RejectionReason.MISSING_FIELD),
    (request(requested_at="2026-01-01T00:00:00"), RejectionReason.WRONG_TYPE),
    (request(requested_at="yesterday"), RejectionReason.WRONG_TYPE),
    (request(requested_at="0001-01-01T00:00:00+23:59"), RejectionReason.OUT_OF_RANGE),
    (request(requested_at="0001-01-01T00:00:00Z"), RejectionReason.OUT_OF_RANGE),
    (request(requested_at="1899-12-31T23:59:59Z"), RejectionReason.OUT_OF_RANGE),
    (request(request_id=""), RejectionReason.OUT_OF_RANGE),
    (request(request_id="x" * 129), RejectionReason.OUT_OF_RANGE),
    (request(request_id=7), RejectionReason.WRONG_TYPE),
    (request(amount=1), RejectionReason.UNKNOWN_FIELD),
    (request(features={"amuont": 1}), RejectionReason.UNKNOWN_FIELD),
    (request(features={"amount": "1"}), RejectionReason.WRONG_TYPE),
    (request(features={"amount": True}), RejectionReason.WRONG_TYPE),
    (request(features={"amount": -1}), RejectionReason.OUT_OF_RANGE),
    (request(features={"amount": 1_000_001}), RejectionReason.OUT_OF_RANGE),
    (request(features={"employees": 1.5}), RejectionReason.OUT_OF_RANGE),
    (request(features={"employees": 10**30}), RejectionReason.OUT_OF_RANGE),
    (request(features={"home": 1}), RejectionReason.WRONG_TYPE),
    (request(features=None), RejectionReason.WRONG_TYPE),
    (request(features={"amount": float("nan")}), RejectionReason.NAN_LITERAL),
    (request(features={"amount": float("-inf")}), RejectionReason.NAN_LITERAL),
    (request().replace(b"50000.0", b"1e999"), RejectionReason.OUT_OF_RANGE),
    (request(schema_version=2), RejectionReason.UNKNOWN_SCHEMA_VERSION),
    (request(schema_version="3"), RejectionReason.WRONG_TYPE),
]


def decode(record: Record) -> LoanRequest[Any] | Rejection:
    [answer] = DECODER.decode([record])
    return answer


def test_a_field_that_the_contract_does_not_name_is_named() -> None:
    answer = decode(record(request(features={"amuont": 1})))
    assert isinstance(answer, Rejection)
    assert answer.message == "`features.amuont`: the contract does not name this field."


@pytest.mark.parametrize("name", ["Jane Doe", "a`b", "\u00e9", "x" * 65, "", "7"])
def test_a_field_whose_name_could_be_a_value_is_not_repeated(name: str) -> None:
    answer = decode(record(request(features={name: 1})))
    assert isinstance(answer, Rejection)
    assert answer.message == "`features`: the contract does not name one of the object's fields."


@pytest.mark.parametrize(("value", "reason"), BAD_VALUES, ids=lambda v: repr(v)[:60])
def test_each_bad_value_has_its_reason(value: bytes, reason: RejectionReason) -> None:
    answer = decode(record(value))
    assert isinstance(answer, Rejection)
    assert answer.reason is reason


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Record(value=None), RejectionReason.TOMBSTONE),
        (Record(value=None, key=None), RejectionReason.TOMBSTONE),
        (record(key=None), RejectionReason.NULL_KEY),
        (record(key=b"c2"), RejectionReason.KEY_MISMATCH),
        (record(key=b"\xff"), RejectionReason.KEY_MISMATCH),
        (record(b" " * 2_001), RejectionReason.TOO_LARGE),
        (record(headers=[("h", b"x" * 2_000)]), RejectionReason.TOO_LARGE),
        (record(key=b"c" * 2_001), RejectionReason.TOO_LARGE),
    ],
)
def test_a_record_without_value_key_or_measure_is_rejected(bad: Record, reason: RejectionReason) -> None:
    answer = decode(bad)
    assert isinstance(answer, Rejection)
    assert answer.reason is reason


def test_a_good_request_is_read_in_full() -> None:
    good = decode(record(request(schema_version=3)))
    assert isinstance(good, LoanRequest)
    assert (good.request_id, good.client_id) == ("r1", "c1")
    assert good.requested_at == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def test_event_time_is_turned_to_utc() -> None:
    good = decode(record(request(requested_at="2026-01-01T01:00:00+01:00")))
    assert isinstance(good, LoanRequest)
    assert good.requested_at == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert good.requested_at.tzinfo is dt.UTC


@pytest.mark.parametrize("employees", [24, 24.0])
def test_a_whole_number_may_be_written_with_a_point(employees: float) -> None:
    assert isinstance(decode(record(request(features={"employees": employees}))), LoanRequest)


@pytest.mark.parametrize("secret", ["s3cr3t-name", "4111111111111111"])
def test_no_message_repeats_what_the_producer_sent(secret: str) -> None:
    values = [
        request(features={secret: 1}),
        request(features={"amount": secret}),
        request(requested_at=secret),
        request(request_id=secret * 20),
        secret.encode(),
        request(**{secret: secret}),
    ]
    answers = DECODER.decode([record(value) for value in values])
    assert all(isinstance(answer, Rejection) and secret not in answer.message for answer in answers)


def test_a_message_names_the_field_and_the_limit() -> None:
    answer = decode(record(request(features={"amount": -1})))
    assert isinstance(answer, Rejection)
    assert answer.message == "`features.amount`: expected `float` >= 0.0."


def test_a_name_that_is_not_utf8_beside_another_fault_is_no_error() -> None:
    value = request(request_id=128, features={"re?": 1}).replace(b"re?", b"re\xf6")
    [rejection] = Decoder(TOY, 65_536).decode([Record(value)])
    assert isinstance(rejection, Rejection)
    assert rejection.reason is RejectionReason.WRONG_TYPE
