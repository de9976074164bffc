"""JSON Schemas of the records on every topic, Avro schemas of those that may be Avro, and an AsyncAPI 3 document of the
topics, made from the record types.

The schemas are draft-07, AsyncAPI's default. Fields named ``x-`` come from the feature contract: categories (others are
accepted and scored as missing), units, and which features a request without a profile must have. ``x-data-kind`` is a
field's kind under data protection: id, personal or sensitive; a field without it says nothing of a person.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from models.contract import Contract, DataKind
from stream_app.drift_events import DriftEvent
from stream_app.errors import InputFileError
from stream_app.events import Decision, Label, LoanRequest, RejectionReason
from stream_app.feature_struct import feature_struct
from stream_app.formats.avro_schemas import decision_schema, outcome_schema, request_schema
from stream_app.topics import TopicNames

Json = dict[str, Any]
Digits = Annotated[str, Meta(pattern="^[0-9]+$")]

REQUEST_FILE, DECISION_FILE = "loan-request.schema.json", "decision.schema.json"
REJECTION_FILE, LABEL_FILE = "rejection-headers.schema.json", "outcome.schema.json"
DRIFT_FILE, PROFILE_FILE = "drift-event.schema.json", "client-profile.schema.json"
ASYNCAPI_FILE = "asyncapi.json"
REQUEST_AVRO, DECISION_AVRO, LABEL_AVRO = "loan-request.avsc", "decision.avsc", "outcome.avsc"

DATA_KINDS: dict[str, DataKind] = {
    **dict.fromkeys(("request_id", "client_id"), "id"),
    **dict.fromkeys(("requested_at", "decided_at", "outcome", "probability_of_default", "reasons"), "personal"),
    **dict.fromkeys(("challenger", "defaulted", "observed_at"), "personal"),
}
"""Of the fields of requests, decisions and labels; features have theirs in the contract."""


class SourceHeaders(msgspec.Struct, rename="kebab"):
    """Kafka headers of every output, as UTF-8 text: where its request lies. The request's own headers travel along."""

    source_topic: str
    source_partition: Digits
    source_offset: Digits
    source_timestamp: Annotated[
        str, Meta(pattern="^[0-9]+$", description="the request record's own time, ms since 1970; 0: it has none")
    ]


class DecisionHeaders(SourceHeaders, rename="kebab"):
    """Kafka headers of a decision, as UTF-8 text. The request's own headers travel along."""

    request_digest: Annotated[
        str,
        Meta(pattern="^[0-9a-f]{32}$", description="of the request's content: the same for the same request again"),
    ]


class RejectionHeaders(SourceHeaders, rename="kebab"):
    """Kafka headers of a rejection, as UTF-8 text. Key and value are the request's own bytes, untouched.

    ``value-omitted-bytes`` is there when the value was too large to publish and is left out.
    """

    rejection_reason: RejectionReason
    rejection_message: Annotated[str, Meta(description="names fields and limits, never a value")]
    attempt: Annotated[str, Meta(pattern="^[0-9]+$", description="1 for a request rejected for the first time")]
    value_omitted_bytes: Digits | UnsetType = UNSET


def documents(contract: Contract) -> dict[str, bytes]:
    """Every document of this contract by file name."""
    features = feature_struct(contract)
    request = _schema(LoanRequest[features], REQUEST_FILE, "Loan request")  # type: ignore[valid-type] # made at run time
    decision = _schema(Decision[features], DECISION_FILE, "Decision")  # type: ignore[valid-type]
    label = _schema(Label, LABEL_FILE, "Outcome")
    profile = _schema(features, PROFILE_FILE, "Client profile")
    for schema in (request["definitions"]["Features"], decision["definitions"]["Features"], profile):
        annotate_features(schema, contract)
    for schema in (request, decision, label):
        _annotate_fields(schema)
    by_file = {
        REQUEST_FILE: request,
        DECISION_FILE: decision,
        REJECTION_FILE: _schema(RejectionHeaders, REJECTION_FILE, "Rejection headers"),
        LABEL_FILE: label,
        DRIFT_FILE: _schema(DriftEvent, DRIFT_FILE, "Drift event"),
        PROFILE_FILE: profile,
        ASYNCAPI_FILE: _asyncapi(contract),
        REQUEST_AVRO: request_schema(contract),
        DECISION_AVRO: decision_schema(contract),
        LABEL_AVRO: outcome_schema(),
    }
    return {
        file: msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n" for file, document in by_file.items()
    }


def write_documents(contract: Contract, folder: Path) -> list[Path]:
    """Write the documents into ``folder``, made if need be. Raises InputFileError when it cannot be written."""
    contents = {folder / name: content for name, content in documents(contract).items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            path.write_bytes(content)
    except OSError as fault:
        raise InputFileError(f"Cannot write to {folder} ({fault.strerror}).", do_next="Name another --out.") from fault
    return list(contents)


def _schema(kind: Any, file: str, title: str) -> Json:
    """The schema of one type, itself at the top and the types it needs below ``definitions``."""
    main, definitions = _components(kind)
    head: Json = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": file}
    return head | main | {"title": title} | ({"definitions": definitions} if definitions else {})


def _components(kind: Any) -> tuple[Json, Json]:
    """The schema of a struct, and those of the types it names."""
    [top], definitions = msgspec.json.schema_components([kind], ref_template="#/definitions/{name}")
    for definition in definitions.values():
        definition["description"] = " ".join(definition.get("description", "").split())  # docstrings are indented
    return definitions.pop(top["$ref"].rsplit("/", 1)[1]), definitions


def annotate_features(features: Json, contract: Contract) -> None:
    """Add data kinds, units, categories and required features to the schema of ``features``."""
    version = f"schema version {contract.schema_version}"
    features["description"] = f"The features of the contract {contract.name!r}, {version}."
    for feature in contract.features:
        schema = features["properties"][feature.name]
        schema["x-data-kind"] = feature.data_kind
        if feature.unit:
            schema["description"] = feature.unit
        if feature.categories:
            schema["x-categories"] = list(feature.categories)
        if feature.required:
            schema["x-required"] = "a request is rejected if neither it nor the client's profile has a value"


def _annotate_fields(schema: Json) -> None:
    for name, field in schema["properties"].items():
        if name in DATA_KINDS:
            field["x-data-kind"] = DATA_KINDS[name]


def _asyncapi(contract: Contract) -> Json:
    names = TopicNames()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Loan stream scorer",
            "version": f"{contract.schema_version}.0.0",
            "description": "Loan requests in, exactly one decision or one rejection each out, on the same partition "
            "number; labels in, one drift event a window of decisions out. Generated from the record types by "
            "`stream-app contracts`; do not edit.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "loanRequests": _channel(names.requests, "What producers send.", "loanRequest"),
            "loanDecisions": _channel(names.decisions, "One decision for each sound request.", "decision"),
            "loanRejections": _channel(names.rejections, "What got no decision, and why.", "rejection"),
            "loanOutcomes": _channel(names.outcomes, "Labels: which loans defaulted, months later.", "outcome"),
            "loanDrift": _channel(names.drift, "The drift event of each closed window of decisions.", "driftEvent"),
            "loanClients": _channel(names.clients, "Client profiles; null deletes a client.", "clientProfile"),
        },
        "operations": {
            "readRequests": _operation("receive", "loanRequests"),
            "publishDecisions": _operation("send", "loanDecisions"),
            "publishRejections": _operation("send", "loanRejections"),
            "readOutcomes": _operation("receive", "loanOutcomes"),
            "publishDrift": _operation("send", "loanDrift"),
            "readClients": _operation("receive", "loanClients"),
        },
        "components": {"messages": _messages()},
    }


def _channel(address: str, description: str, message: str) -> Json:
    messages = {message: {"$ref": f"#/components/messages/{message}"}}
    return {"address": address, "description": description, "messages": messages}


def _operation(action: str, channel: str) -> Json:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _messages() -> Json:
    headers, _ = _components(DecisionHeaders)
    client = "the client id"
    return {
        "loanRequest": _message(REQUEST_FILE, key=client),
        "decision": _message(DECISION_FILE, key=client) | {"headers": headers},
        "rejection": {
            "summary": "The key and value of the request as they came, whatever bytes they are.",
            "contentType": "application/octet-stream",
            "headers": {"$ref": f"./{REJECTION_FILE}"},
        },
        "outcome": _message(LABEL_FILE, key=client),
        "driftEvent": _message(DRIFT_FILE, key="the window's id")
        | {"summary": "A window is published again under the next revision as labels arrive; the highest counts."},
        "clientProfile": _message(PROFILE_FILE, key=client)
        | {"summary": "All that is known of a client, in place of what was known before. A null deletes the client."},
    }


def _message(payload: str, key: str) -> Json:
    kafka = {"key": {"type": "string", "description": key}, "bindingVersion": "0.5.0"}
    return {"payload": {"$ref": f"./{payload}"}, "bindings": {"kafka": kafka}}
