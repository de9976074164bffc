"""Every fault of a request is listed, with field and rule; the reason is the first one's."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest

from stream_app.events import Rejection, RejectionReason
from stream_app.steps.decode import Decoder
from stream_app.steps.enrich import BatchProfiles, Enricher
from tests.builders.records import TOY, Profiles, Record, record, request

DECODER = Decoder(TOY, max_request_bytes=1_000_000)


def rejected(value: bytes, **changes: Any) -> Rejection:
    [answer] = DECODER.decode([record(value, **changes)])
    assert isinstance(answer, Rejection)
    return answer


def test_every_fault_is_listed_with_its_field_and_rule() -> None:
    bad = rejected(
        request(
            requested_at="1899-01-01T00:00:00Z",
            schema_version=2,
            features={"amount": -1, "employees": "x", "home": "own", "colour": 1},
            note="",
        ),
        key=b"c2",
    )
    assert {(fault.field, fault.reason.value) for fault in bad.faults} == {
        ("features.amount", "out_of_range"),
        ("features.employees", "wrong_type"),
        ("features.colour", "unknown_field"),
        ("note", "unknown_field"),
        ("requested_at", "out_of_range"),
        ("schema_version", "unknown_schema_version"),
        ("", "key_mismatch"),
    }
    assert bad.message == (
        "`features.amount`: expected `float` >= 0.0. The key is not the client_id of the value, in UTF-8. "
        "`requested_at`: must not be before 1900. `schema_version`: this scorer reads version 3. "
        "`features.employees`: expected `int | float | null`, got `str`. "
        "`note`: the contract does not name this field. `features.colour`: the contract does not name this field."
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b'{"features": {"colour": 1}, "request_id": 7}', RejectionReason.UNKNOWN_FIELD),
        (b'{"request_id": 7, "features": {"colour": 1}}', RejectionReason.WRONG_TYPE),
        (b'{"request_id": "r"}', RejectionReason.MISSING_FIELD),
    ],
)
def test_the_reason_is_that_of_the_fault_that_comes_first_in_the_document(
    value: bytes, reason: RejectionReason
) -> None:
    assert rejected(value).reason is reason


def test_all_missing_fields_are_listed() -> None:
    assert rejected(b"{}").message == (
        "`request_id`: this field is required. `client_id`: this field is required. "
        "`requested_at`: this field is required."
    )


def test_a_null_key_hides_no_other_fault() -> None:
    bad = rejected(request(features={"amount": -1}), key=None)
    assert [fault.reason.value for fault in bad.faults] == ["null_key", "out_of_range"]


def test_a_fault_before_the_end_of_the_json_does_not_hide_that_it_is_none() -> None:
    bad = rejected(request(request_id=7)[:-1])
    assert [fault.reason.value for fault in bad.faults] == ["wrong_type", "not_json"]


def test_a_doubled_key_whose_last_value_is_sound_is_still_at_fault() -> None:
    bad = rejected(request().replace(b'{"amount"', b'{"amount": "x", "amount"'))
    assert [fault.field for fault in bad.faults] == ["features.amount"]


def test_features_that_are_no_object_are_one_fault() -> None:
    assert [fault.field for fault in rejected(request(features=[1])).faults] == ["features"]


def test_ten_faults_are_listed_and_the_others_counted() -> None:
    bad = rejected(request(features={"amount": -1} | {f"f{i}": i for i in range(20)}))
    assert len(bad.faults) == 10
    assert bad.message.endswith("`features.f8`: the contract does not name this field. And 11 more.")


@pytest.mark.parametrize("first", ["features", "note0"])
def test_the_count_of_the_others_is_exact_whichever_comes_first(first: str) -> None:
    good = json.loads(request())
    unknown = {f"note{i}": "" for i in range(12)}
    features = {"features": {"colour": 1}}
    document = {**features, **unknown} if first == "features" else {**unknown, **features}
    bad = rejected(json.dumps(document | {name: good[name] for name in good if name != "features"}).encode())
    assert bad.message.endswith("And 3 more.")


def test_fields_whose_names_are_not_repeated_are_counted() -> None:
    bad = rejected(request(features={"Jane Doe": 1, "4111-1111": 1, "é": 1}))
    assert bad.message == "`features`: the contract does not name one of the object's fields. And 2 more."


def test_no_message_repeats_a_value_or_a_name_that_may_be_one() -> None:
    secret = "s3cr3t-name"
    bad = rejected(
        request(request_id=[secret], requested_at=secret, features={"amount": secret, "home": [secret], secret: secret})
    )
    assert len(bad.faults) == 5
    assert secret not in bad.message


def test_all_required_features_that_are_missing_are_listed() -> None:
    replace = msgspec.structs.replace
    required = replace(TOY, features=tuple(replace(feature, required=True) for feature in TOY.features))
    [sent] = DECODER.decode([record(request(features={"amount": None, "employees": 1, "home": None}))])
    [answer] = Enricher(required).complete([sent], BatchProfiles(Profiles()))
    assert isinstance(answer, Rejection)
    assert [fault.field for fault in answer.faults] == ["features.amount", "features.home"]


@pytest.mark.slow
@pytest.mark.alone
def test_a_poll_full_of_records_with_ten_thousand_unknown_fields_is_answered_in_time() -> None:
    value = request(features={f"field_{i}": i for i in range(10_000)})
    records = [Record(value=value) for _ in range(2_048)]
    started = time.process_time()
    answers = DECODER.decode(records)
    assert time.process_time() - started < 1.0
    assert isinstance(answers[0], Rejection)
    assert answers[0].message.endswith("And 9990 more.")
    assert all(isinstance(answer, Rejection) for answer in answers)
