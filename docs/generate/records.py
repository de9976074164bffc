"""A page of the reference: the fields of every record, and the reasons for a rejection."""

from __future__ import annotations

import json
from typing import Any

from docs.generate.markdown import page, table, words
from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE
from stream_app.events import RejectionReason
from stream_app.schemas import documents

RECORDS = """
Values are JSON in UTF-8, times are RFC 3339, `null` means *missing*. The key is the client id; that of a drift event
is the window's id. An output has the partition number of its input. The complete schemas, features included, are JSON
Schema and AsyncAPI 3 in [docs/contracts](../contracts), written by `stream-app contracts`.
"""
TITLES = {
    "loan-request": "A request, `loan.requests`",
    "decision": "A decision, `loan.decisions`",
    "rejection-headers": "A rejection, `loan.rejections`: its headers",
    "outcome": "An outcome, `loan.outcomes`",
    "drift-event": "A drift event, `loan.drift`",
    "client-profile": "A client profile, `loan.clients`",
}
HEADERS = """
## Headers of a decision

Kafka headers in UTF-8, beside those the request had: `source-topic`, `source-partition` and `source-offset` say where
the request is, `source-timestamp` is the request record's own time in milliseconds, `request-digest` identifies the
request's content. A valid `traceparent` of the request, and its `tracestate`, are among them, see
[Trace requests](../how-to/trace-requests.md).
"""
REJECTIONS = """
## Reasons for a rejection

A rejection is the original record: key, value and headers untouched. A record above 900 kB keeps its key; its value
is left out and the header `value-omitted-bytes` has its size. A producer may correct a rejected request and send it
under the same `request_id`.

The message lists every fault of the request, ten at most, each with field and rule and never with a value. The reason
is that of the first: the one that comes first in the document, where a missing field counts at the end of its object.
The other faults follow in the order of the fields below, then fields that the contract does not name. A record that is
too large or has no value is not searched. The profile is completed only for a request without fault.
"""
REASONS: dict[RejectionReason, str] = {
    RejectionReason.UNREADABLE: "Kafka's own format is broken there, or a header's name is not UTF-8",
    RejectionReason.TOMBSTONE: "the record has no value",
    RejectionReason.TOO_LARGE: "larger than `STREAM_APP_MAX_REQUEST_BYTES`",
    RejectionReason.NOT_JSON: "the value is not a JSON document",
    RejectionReason.NOT_AVRO: "neither Avro in the registry's wire format nor JSON, or not what its schema says",
    RejectionReason.UNKNOWN_SCHEMA_ID: "the schema registry has no schema under the id that the value names",
    RejectionReason.INCOMPATIBLE_SCHEMA: "the schema it was written with is no Avro record, or one that is not safe to "
    "read by",
    RejectionReason.NAN_LITERAL: "the document contains `NaN` or `Infinity`",
    RejectionReason.MISSING_FIELD: "a field of the contract is missing",
    RejectionReason.UNKNOWN_FIELD: "a field the contract does not name; a misspelt feature must not count as missing",
    RejectionReason.WRONG_TYPE: "a value has another type than the contract states",
    RejectionReason.OUT_OF_RANGE: "a value lies outside the range the contract states",
    RejectionReason.UNKNOWN_SCHEMA_VERSION: "written for another version of the contract",
    RejectionReason.NULL_KEY: "the record has no key",
    RejectionReason.KEY_MISMATCH: "the key is not the client id",
    RejectionReason.UNKNOWN_CLIENT: "the client store has no such client",
    RejectionReason.INVALID_PROFILE: "the stored profile breaks the contract",
    RejectionReason.MISSING_REQUIRED_FEATURE: "neither the request nor the profile has a required feature",
    RejectionReason.CONFLICTING_REQUEST: "its `request_id` was decided before with other content",
    RejectionReason.INTERNAL_ERROR: "a fault of the scorer on this record only; the scorer's log has the details",
}


def records() -> str:
    files = documents(Contract.read(CONTRACT_FILE))
    sections = [_record(title, json.loads(files[f"{name}.schema.json"])) for name, title in TITLES.items()]
    reasons = ((f"`{reason.value}`", REASONS[reason]) for reason in RejectionReason)
    sections.insert(2, HEADERS)
    return page("Records", RECORDS, *sections, f"{REJECTIONS}\n{table('reason|what happened', reasons)}")


def _record(title: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = (
        (f"`{name}`", _type(field), "yes" if name in required else "", _meaning(field, schema))
        for name, field in schema["properties"].items()
    )
    return f"## {title}\n\n{words(schema.get('description'))}\n\n{table('field|type|always|meaning', rows)}"


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(_type(choice) for choice in field["anyOf"])
    return str(field.get("format") or field.get("type") or "object")


def _meaning(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """The field's own description, or that of the type it refers to."""
    fields = (field, *field.get("anyOf", ()))
    names = (choice.get("$ref", "").rsplit("/", 1)[-1] for choice in fields)
    types = (schema.get("definitions", {}).get(name, {}) for name in names)
    texts = (part["description"] for part in (*fields, *types) if part.get("description"))
    return words(next(texts, ""))
