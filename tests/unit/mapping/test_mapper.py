"""A foreign record is decoded through the mapping, or rejected naming path and kind and never a value."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgspec
import pytest

from stream_app.events import CONTRACT_HEADER, LoanRequest, Rejection, RejectionReason, fingerprint
from stream_app.steps.decode import Decoder
from stream_app.steps.decode_foreign import ForeignDecoder
from tests.builders.mappings import FOREIGN, foreign, mapper
from tests.builders.records import TOY, Record, output_of, record, request, toy_pipeline


def decoder(text: bytes = FOREIGN) -> ForeignDecoder:
    return ForeignDecoder(Decoder(TOY, 4_000), mapper(text), 4_000)


DECODER = decoder()
SECRET = "Pat-Doe-4711"


def decode(value: bytes, **fields: Any) -> LoanRequest[Any] | Rejection:
    [answer] = DECODER.decode([record(value, **fields)])
    return answer


def as_json(answer: LoanRequest[Any] | Rejection) -> Any:
    assert isinstance(answer, LoanRequest), answer
    return json.loads(msgspec.json.encode(answer))


def test_a_foreign_record_becomes_the_request_that_it_means() -> None:
    assert as_json(decode(foreign())) == {
        "request_id": "4711",
        "client_id": "c1",
        "requested_at": "2026-11-27T08:30:00Z",
        "features": {"amount": 70_500.0, "employees": 7, "home": "rent"},
    }


def test_it_is_the_same_request_as_the_contracts_own_form_of_it() -> None:
    plain = {"request_id": "4711", "client_id": "c1", "requested_at": "2026-11-27T08:30:00Z"}
    plain |= {"features": {"amount": 70_500.0, "employees": 7, "home": "rent"}}  # type: ignore[dict-item]
    [own] = Decoder(TOY, 4_000).decode([record(json.dumps(plain).encode())])
    assert as_json(own) == as_json(decode(foreign()))
    assert fingerprint(own) == fingerprint(decode(foreign()))


def test_what_the_mapping_does_not_name_changes_nothing() -> None:
    assert fingerprint(decode(foreign())) == fingerprint(decode(foreign(noise=None, loan__purpose=SECRET)))


@pytest.mark.parametrize(
    ("changes", "features"),
    [
        ({"loan__amount": ...}, {"employees": 7, "home": "rent"}),
        ({"loan__amount": None}, {"amount": None, "employees": 7, "home": "rent"}),
        ({"loan": None}, {"amount": None, "employees": 7, "home": "rent"}),
        ({"applicant__home": "?"}, {"amount": 70_500.0, "employees": 7, "home": None}),
        ({"applicant__staff": []}, {"amount": 70_500.0, "home": "rent"}),
        ({"loan__amount": 70.5}, {"amount": 70_500.0, "employees": 7, "home": "rent"}),
    ],
)
def test_null_is_missing_and_what_is_absent_is_left_to_the_profile(changes: Any, features: Any) -> None:
    assert as_json(decode(foreign(**changes)))["features"] == features


@pytest.mark.parametrize(
    ("changes", "reason", "message"),
    [
        ({"loan__amount": SECRET}, "wrong_type", "`features.amount`: `loan.amount` is no number in text"),
        ({"loan__amount": True}, "wrong_type", "`features.amount`: `loan.amount` is no number"),
        (
            {"loan__amount": "1 years"},
            "wrong_type",
            "`features.amount`: `loan.amount` names a unit that cannot become",
        ),
        ({"loan": SECRET}, "wrong_type", "`features.amount`: `loan.amount` leads through something"),
        (
            {"applicant__staff": SECRET},
            "wrong_type",
            "`features.employees`: `applicant.staff[0].count` leads",
        ),
        ({"applicant__staff": [{"count": 1.5}]}, "out_of_range", ", from `applicant.staff[0].count`."),
        (
            {"applicant__home": SECRET},
            "wrong_type",
            "`features.home`: `applicant.home` has a value",
        ),
        ({"applicant__home": {}}, "wrong_type", "`features.home`: `applicant.home` has a value"),
        ({"loan__amount": 1e300}, "out_of_range", ", from `loan.amount`."),
        ({"loan__amount": "-1"}, "out_of_range", ", from `loan.amount`."),
        ({"application__number": ...}, "missing_field", "`request_id`: `application.number` is missing"),
        ({"application__number": None}, "missing_field", "`request_id`: `application.number` is missing"),
        ({"application__number": 1.5}, "wrong_type", "`request_id`: `application.number` is neither text nor a"),
        ({"application__number": True}, "wrong_type", "`request_id`: `application.number` is neither text nor a"),
        ({"application__number": ""}, "out_of_range", ", from `application.number`."),
        ({"application__number": 10**200}, "out_of_range", "`request_id`: `application.number` is too large a number"),
        (
            {"application__submitted": SECRET},
            "wrong_type",
            "`requested_at`: `application.submitted` is no time",
        ),
        (
            {"application__submitted": "01/01/1899 12:00"},
            "out_of_range",
            "1900, from `application.submitted`.",
        ),
        ({"applicant__id": "c2"}, "key_mismatch", "The key is not the client_id"),
    ],
)
def test_a_record_that_does_not_fit_is_rejected_naming_path_and_kind_and_no_value(
    changes: Any, reason: str, message: str
) -> None:
    answer = decode(foreign(**changes))
    assert isinstance(answer, Rejection)
    assert (answer.reason, message in answer.message) == (reason, True), answer
    assert SECRET not in answer.message


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff", "not_json"),
        (b'{"loan": NaN}', "nan_literal"),
        (b"[]", "wrong_type"),
        (b"7", "wrong_type"),
        (b"null", "missing_field"),
        (b"[" * 3_900, "not_json"),
        (b"9" * 3_900, "wrong_type"),
        (b" " * 4_000, "too_large"),
    ],
)
def test_what_is_no_document_is_rejected_as_without_a_mapping(value: bytes, reason: str) -> None:
    answer = decode(value)
    assert isinstance(answer, Rejection)
    assert answer.reason == reason


def test_every_fault_of_a_record_is_listed() -> None:
    answer = decode(foreign(application__number=..., loan__amount="many", applicant__staff=[{"count": -1}]))
    assert isinstance(answer, Rejection)
    assert [(fault.reason, fault.field, fault.rule) for fault in answer.faults] == [
        ("wrong_type", "features.amount", "`loan.amount` is no number in text"),
        ("out_of_range", "features.employees", "expected `int` >= 0, from `applicant.staff[0].count`"),
        ("missing_field", "request_id", "`application.number` is missing"),
    ]


def test_the_rejection_holds_the_bytes_that_came() -> None:
    value = foreign(loan__amount=SECRET)
    output = output_of(Record(value, headers=[("trace", b"1")]), toy_pipeline(mapper=mapper()))
    assert (output.rejected, output.key, output.value, output.headers[0]) == (True, b"c1", value, ("trace", b"1"))


def test_a_request_that_says_so_is_read_by_the_contract_alone() -> None:
    headers = [("trace", b"1"), CONTRACT_HEADER]
    [answer] = DECODER.decode([Record(request(), headers=headers)])
    assert as_json(answer) == json.loads(request())


def test_without_that_header_the_contracts_own_form_is_foreign() -> None:
    answer = decode(request())
    assert isinstance(answer, Rejection)
    assert answer.reason is RejectionReason.MISSING_FIELD


def test_a_constant_and_a_key_with_dots() -> None:
    text = FOREIGN.replace(b'employees = "applicant.staff[0].count"', b"employees = {constant = 3}")
    text = text.replace(b'client_id = "applicant.id"', b'client_id = ["applicant.id", 0]')
    document = json.loads(foreign()) | {"applicant.id": ["c1"]}
    [answer] = decoder(text).decode([record(json.dumps(document).encode())])
    assert as_json(answer)["features"]["employees"] == 3


def test_a_requests_time_without_a_format_is_rfc_3339() -> None:
    text = (
        FOREIGN[: FOREIGN.index(b"[requested_at]")] + b'requested_at = "at"\n' + FOREIGN[FOREIGN.index(b"[features]") :]
    )
    for time, month in (("2026-11-27T08:30:00+02:00", 11), ("2026-11-27", None)):
        [answer] = decoder(text).decode([record(foreign(at=time))])
        if month is None:
            assert isinstance(answer, Rejection)
            assert answer.message.endswith(", from `at`.")
        else:
            assert isinstance(answer, LoanRequest)
            assert answer.requested_at == dt.datetime(2026, 11, 27, 6, 30, tzinfo=dt.UTC)
