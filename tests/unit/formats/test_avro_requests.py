"""Loan requests in Avro are read as the same requests in JSON are, or rejected with their reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from models.contract import Contract, Feature
from stream_app.errors import RegistryUnavailable
from stream_app.events import LoanRequest, Rejection, RejectionReason, fingerprint
from stream_app.formats.avro_format import Avro
from stream_app.formats.avro_records import avro_requests
from stream_app.steps.decode import Decoder
from tests.builders.records import TOY, Record, request
from tests.builders.schema_registry import Registry, written

WHEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
FULL = {"amount": 50_000.0, "employees": 3, "home": "own"}
JSON = Decoder(TOY, 2_000)


def decoded(value: bytes, registry: Any, contract: Contract = TOY) -> Any:
    """The request or rejection that the scorer makes of a value."""
    requests = Avro(registry, "loan.requests-value", avro_requests(contract))
    [verdict] = Decoder(contract, 2_000, requests).decode([Record(value)])
    return verdict


def rejected(value: bytes, registry: Any | None = None) -> tuple[str, str]:
    verdict = decoded(value, registry or Registry(foreign()))
    assert isinstance(verdict, Rejection)
    return verdict.reason.value, verdict.message


def foreign(features: list[dict[str, Any]] | None = None, **types: Any) -> dict[str, Any]:
    """The schema of a producer of its own, with these types of fields."""
    inner = features or [{"name": "amount", "type": "int"}, {"name": "home", "type": ["null", "string"]}]
    record = {"type": "record", "name": "F", "fields": inner}
    fields = {"request_id": "string", "client_id": "string", "requested_at": MILLIS, "features": record} | types
    return {"type": "record", "name": "A", "fields": [{"name": name, "type": kind} for name, kind in fields.items()]}


def application(**changes: Any) -> dict[str, Any]:
    sent = {"request_id": "r1", "client_id": "c1", "requested_at": WHEN, "features": {"amount": 5, "home": None}}
    return sent | changes


@pytest.mark.parametrize(
    "features", [FULL, {"amount": 5.0, "home": None}, {"employees": 24.0}, {}, None], ids=lambda value: str(value)
)
def test_a_request_of_ours_says_in_avro_what_it_says_in_json(features: dict[str, Any] | None) -> None:
    registry = Registry()
    stated: Any = UNSET if features is None else features
    sent = LoanRequest("r1", "c1", WHEN, stated)
    in_avro = decoded(Avro(registry, "s", avro_requests(TOY)).encode(sent), registry)
    [in_json] = JSON.decode([Record(msgspec.json.encode(sent))])
    assert msgspec.json.encode(in_avro) == msgspec.json.encode(in_json).replace(b"24.0", b"24")


def test_the_fingerprint_of_a_request_is_the_same_in_both_formats() -> None:
    registry = Registry()
    value = Avro(registry, "s", avro_requests(TOY)).encode(LoanRequest("r1", "c1", WHEN, FULL))
    [in_json] = JSON.decode([Record(request())])
    assert fingerprint(decoded(value, registry)) == fingerprint(in_json)


def test_a_feature_that_the_writers_schema_lacks_is_left_to_the_profile_and_null_is_missing() -> None:
    verdict = decoded(written(foreign(), application()), Registry(foreign()))
    assert msgspec.structs.astuple(verdict.features) == (5, UNSET, None)


def test_fields_that_only_the_writer_knows_are_passed_over() -> None:
    features = [{"name": "amount", "type": "long"}, {"name": "colour", "type": "string"}]
    schema = foreign(features, branch={"type": "array", "items": "string"})
    sent = application(features={"amount": 7, "colour": "red"}, branch=["x"])
    assert msgspec.structs.astuple(decoded(written(schema, sent), Registry(schema)).features) == (7, UNSET, UNSET)


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (MILLIS, WHEN),
        ({"type": "long", "logicalType": "timestamp-micros"}, WHEN),
        ("string", "2026-01-01T01:00:00+01:00"),
    ],
    ids=["millis", "micros", "text"],
)
def test_a_time_is_milliseconds_microseconds_or_a_text(kind: Any, sent: Any) -> None:
    schema = foreign(requested_at=kind)
    assert decoded(written(schema, application(requested_at=sent)), Registry(schema)).requested_at == WHEN


def test_an_id_may_be_of_the_logical_type_uuid() -> None:
    name = "0ffa008b-c73f-4bb9-baeb-092f128733f5"
    schema = foreign(request_id={"type": "string", "logicalType": "uuid"})
    assert decoded(written(schema, application(request_id=name)), Registry(schema)).request_id == name


@pytest.mark.parametrize("kind", ["int", "long", "float", "double", ["null", "double"]], ids=str)
def test_a_number_may_be_narrower_than_ours(kind: Any) -> None:
    schema = foreign([{"name": "amount", "type": kind}])
    assert decoded(written(schema, application(features={"amount": 5})), Registry(schema)).features.f0 == 5.0


def test_a_feature_with_an_odd_name_is_read_under_its_avro_name_and_its_own() -> None:
    odd = Contract(
        name="odd", schema_version=1, id_column="i", target="t", date_column=None,
        features=(Feature(name="loan amount", kind="number"), Feature(name="loan_amount", kind="number")),
    )  # fmt: skip
    registry = Registry()
    value = Avro(registry, "s", avro_requests(odd)).encode(
        LoanRequest("r1", "c1", WHEN, {"loan amount": 1.0, "loan_amount": 2.0})
    )
    assert msgspec.structs.astuple(decoded(value, registry, odd).features) == (1.0, 2.0)
    bare = foreign([{"name": "loan_amount", "type": "double"}, {"name": "loan_amount_2", "type": "double"}])
    sent = written(bare, application(features={"loan_amount": 2.0, "loan_amount_2": 1.0}))
    assert msgspec.structs.astuple(decoded(sent, Registry(bare), odd).features) == (1.0, 2.0)


def test_json_on_a_topic_that_became_avro_is_still_read() -> None:
    assert decoded(request(), Registry()).features.f0 == 50_000.0


GOOD = written(foreign(), application())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"", "does not begin with a byte 0 and a schema id"),
        (b"\1" + GOOD[1:], "does not begin with a byte 0 and a schema id"),
        (GOOD[:4], "does not begin with a byte 0 and a schema id"),
        (GOOD[:-1], "is no record of its schema"),
        (GOOD[:5], "is no record of its schema"),
        (GOOD + b"\0", "goes on after the record of its schema"),
    ],
    ids=["empty", "wrong magic", "header cut", "body cut", "no body", "longer"],
)
def test_a_value_that_is_no_avro_record_is_rejected_as_not_avro(value: bytes, message: str) -> None:
    reason, text = rejected(value)
    assert (reason, message in text) == ("not_avro", True)


def test_an_unknown_schema_id_is_a_reason_of_its_own() -> None:
    assert rejected(written(foreign(), application(), 77)) == (
        "unknown_schema_id",
        "The schema registry has no schema 77.",
    )


TREE = {"type": "record", "name": "T", "fields": [{"name": "next", "type": ["null", "T"]}]}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (TREE, "contains itself"),
        (foreign(tail={"type": "array", "items": "null"}), "has an array of what takes no bytes"),
        (foreign(tail={"type": "array", "items": {"type": "fixed", "name": "X", "size": 0}}), "takes no bytes"),
        ("string", "is not that of a record"),
        ({"type": "record", "name": "A", "fields": [{"name": "a"}]}, "is no Avro schema"),
        ({"type": "nonsense"}, "is no Avro schema"),
        (["null"] * 2, "is not"),
        (None, "is no"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_schema_that_is_not_safe_to_read_by_is_refused(schema: Any, message: str) -> None:
    reason, text = rejected(b"\0\0\0\0\1" + b"\2" * 1_500, Registry(schema))
    assert (reason, message in text) == ("incompatible_schema", True)


@pytest.mark.parametrize(
    ("changes", "types", "reason"),
    [
        ({"features": {"amount": float("nan")}}, "double", RejectionReason.NAN_LITERAL),
        ({"features": {"amount": float("inf")}}, "double", RejectionReason.NAN_LITERAL),
        ({"features": {"amount": -1.0}}, "double", RejectionReason.OUT_OF_RANGE),
        ({"features": {"amount": "5"}}, "string", RejectionReason.WRONG_TYPE),
        ({"features": {"amount": 1}, "client_id": "c2"}, "int", RejectionReason.KEY_MISMATCH),
        ({"features": {"amount": 1}, "request_id": ""}, "int", RejectionReason.OUT_OF_RANGE),
        ({"features": {"amount": 1}, "requested_at": dt.datetime(1, 1, 1, tzinfo=dt.UTC)}, "int", "out_of_range"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_the_contract_forbids_is_rejected_for_the_reason_that_json_has(
    changes: dict[str, Any], types: Any, reason: RejectionReason
) -> None:
    schema = foreign([{"name": "amount", "type": types}])
    assert rejected(written(schema, application(**changes)), Registry(schema))[0] == reason


def test_a_list_of_features_from_the_profile_that_is_none_is_a_wrong_type() -> None:
    schema = foreign(features_from_profile="int")
    sent = application(features_from_profile=3)
    assert rejected(written(schema, sent), Registry(schema))[0] == "wrong_type"


def test_a_field_that_we_require_and_the_writer_lacks_is_missing() -> None:
    schema = {"type": "record", "name": "A", "fields": [{"name": "request_id", "type": "string"}]}
    reason, message = rejected(written(schema, {"request_id": "r1"}), Registry(schema))
    assert (reason, "client_id" in message) == ("missing_field", True)


def test_a_registry_that_is_away_rejects_nothing() -> None:
    registry = Registry(foreign())
    registry.fault = RegistryUnavailable("Away.", do_next="Wait.")
    with pytest.raises(RegistryUnavailable):
        decoded(GOOD, registry)


def test_no_message_repeats_a_value() -> None:
    schema = foreign([{"name": "amount", "type": "string"}])
    _, message = rejected(written(schema, application(features={"amount": "secret"})), Registry(schema))
    assert "secret" not in message
