"""Foreign records in Avro are mapped to the contract as those in JSON are."""

from __future__ import annotations

import datetime as dt
from typing import Any

from stream_app.events import Rejection
from stream_app.formats.avro_format import Avro
from stream_app.formats.avro_records import avro_requests
from stream_app.steps.decode import Decoder
from stream_app.steps.decode_foreign import ForeignDecoder
from tests.builders.mappings import mapper
from tests.builders.records import TOY, Record
from tests.builders.schema_registry import Registry, written

MAPPING = b"""
request_id = "number"
client_id = "applicant"
requested_at = "submitted"

[features]
amount = "loan.amount"
"""
LOAN = {"type": "record", "name": "Loan", "fields": [{"name": "amount", "type": "double"}]}
SCHEMA = {
    "type": "record",
    "name": "Foreign",
    "fields": [
        {"name": "number", "type": "string"},
        {"name": "applicant", "type": "string"},
        {"name": "submitted", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "loan", "type": LOAN},
    ],
}
WHEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SENT = {"number": "r1", "applicant": "c1", "submitted": WHEN, "loan": {"amount": 5.0}}


def decoded(value: bytes) -> Any:
    requests = Avro(Registry(SCHEMA), "s", avro_requests(TOY))
    decoder = ForeignDecoder(Decoder(TOY, 2_000, requests), mapper(MAPPING), 2_000, requests)
    [answer] = decoder.decode([Record(value)])
    return answer


def test_a_foreign_record_in_avro_is_mapped() -> None:
    request = decoded(written(SCHEMA, SENT))
    assert (request.request_id, request.requested_at, request.features.f0) == ("r1", WHEN, 5.0)


def test_a_foreign_value_that_is_no_record_is_rejected_once() -> None:
    answer = decoded(written(SCHEMA, SENT)[:-1])
    assert isinstance(answer, Rejection)
    assert (answer.reason, len(answer.faults)) == ("not_avro", 1)
