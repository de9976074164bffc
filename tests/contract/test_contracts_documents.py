"""The documents in ``docs/contracts`` are those the types make, and real records keep to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from models.bundle import load_bundle, shipped_bundle
from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE
from stream_app.demo.loan_book import read_replay
from stream_app.errors import InputFileError
from stream_app.events import RejectionReason
from stream_app.pipeline import Pipeline
from stream_app.schemas import (
    ASYNCAPI_FILE,
    DECISION_AVRO,
    DECISION_FILE,
    DRIFT_FILE,
    LABEL_AVRO,
    LABEL_FILE,
    PROFILE_FILE,
    REJECTION_FILE,
    REQUEST_AVRO,
    REQUEST_FILE,
    DecisionHeaders,
    RejectionHeaders,
    documents,
    write_documents,
)
from stream_app.tables.columns import read_contract
from stream_app.tables.messages import label_message, request_message
from stream_app.topics import TopicNames
from tests.builders.drift_events import event_with_drift
from tests.builders.records import MODEL, NOW, POLICY, FormulaScorer, Profiles, Record

COMMITTED = Path(__file__).parents[2] / "docs" / "contracts"
CONTRACT = Contract.read(CONTRACT_FILE)
SCHEMAS = [REQUEST_FILE, DECISION_FILE, REJECTION_FILE, LABEL_FILE, DRIFT_FILE, PROFILE_FILE]
AVRO = [REQUEST_AVRO, DECISION_AVRO, LABEL_AVRO]
FILES = [*SCHEMAS, ASYNCAPI_FILE, *AVRO]


def committed(file: str) -> Any:
    return json.loads((COMMITTED / file).read_bytes())


def outputs(*records: Record) -> Any:
    profile = {"state": "CA", "naics_sector": "44-45", "urban_rural": "urban", "employees": 3}
    pipeline = Pipeline(
        contract=CONTRACT,
        scorer=FormulaScorer(),
        policy=POLICY,
        model=MODEL,
        profiles=Profiles({request.client_id: profile for request in read_replay(CONTRACT, limit=20).requests}),
        max_request_bytes=10_000,
    )
    return pipeline.judge(records, NOW).outputs


@pytest.mark.parametrize("file", FILES)
def test_the_committed_document_is_the_one_the_types_make(file: str) -> None:
    assert (COMMITTED / file).read_bytes() == documents(CONTRACT)[file], "run `stream-app contracts`"


def test_there_is_no_document_besides_them() -> None:
    assert {path.name for path in COMMITTED.iterdir()} == set(FILES)


def test_the_shipped_bundle_has_the_contract_the_documents_are_made_of() -> None:
    assert load_bundle(shipped_bundle()).contract == read_contract(None) == CONTRACT


@pytest.mark.parametrize("file", SCHEMAS)
def test_a_schema_is_sound_draft_07(file: str) -> None:
    jsonschema.Draft7Validator.check_schema(committed(file))


def test_every_request_of_the_loan_book_keeps_to_the_request_schema() -> None:
    validator = jsonschema.Draft7Validator(committed(REQUEST_FILE))
    for request in read_replay(CONTRACT, limit=200).requests:
        validator.validate(json.loads(request_message(request).value or b""))


@pytest.mark.parametrize(
    "change",
    [{"client_id": ""}, {"colour": "blue"}, {"features": {"amount_requested": -1}}, {"features": {"employees": 1.5}}],
)
def test_what_the_pipeline_rejects_breaks_the_request_schema(change: dict[str, Any]) -> None:
    good = msgspec.to_builtins(read_replay(CONTRACT, limit=1).requests[0])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(committed(REQUEST_FILE)).validate(good | change)


def test_every_decision_keeps_to_the_decision_schema_and_its_headers_to_theirs() -> None:
    validator = jsonschema.Draft7Validator(committed(DECISION_FILE))
    messages = [request_message(request) for request in read_replay(CONTRACT, limit=20).requests]
    for output in outputs(*(Record(value=message.value, key=message.key) for message in messages)):
        assert not output.rejected
        validator.validate(json.loads(output.value))
        msgspec.convert({name: value.decode() for name, value in output.headers}, DecisionHeaders)


@pytest.mark.parametrize("value", [b"not json", b"x" * 20_000, None])
def test_the_headers_of_a_rejection_keep_to_their_schema(value: bytes | None) -> None:
    [output] = outputs(Record(value=value))
    headers = {name: content.decode() for name, content in output.headers}
    jsonschema.Draft7Validator(committed(REJECTION_FILE)).validate(headers)
    msgspec.convert(headers, RejectionHeaders)


def test_every_outcome_of_the_loan_book_keeps_to_the_outcome_schema() -> None:
    validator = jsonschema.Draft7Validator(committed(LABEL_FILE))
    for outcome in read_replay(CONTRACT, limit=200).labels:
        validator.validate(json.loads(label_message(outcome).value or b""))


@pytest.mark.parametrize("change", [{"request_id": ""}, {"defaulted": 1}, {"observed_at": None}])
def test_what_is_no_outcome_breaks_the_outcome_schema(change: dict[str, Any]) -> None:
    good = msgspec.to_builtins(read_replay(CONTRACT, limit=1).labels[0])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(committed(LABEL_FILE)).validate(good | change)


@pytest.mark.parametrize("labelled", [0, 1_000])
def test_a_drift_event_keeps_to_its_schema(labelled: int) -> None:
    event = event_with_drift("2005-10", drifted=["low_doc"], labelled=labelled)
    jsonschema.Draft7Validator(committed(DRIFT_FILE)).validate(json.loads(msgspec.json.encode(event)))


def test_every_rejection_reason_is_in_the_schema() -> None:
    assert set(committed(REJECTION_FILE)["definitions"]["RejectionReason"]["enum"]) == set(RejectionReason)


def test_categories_units_and_required_features_of_the_contract_are_in_the_request_schema() -> None:
    features = committed(REQUEST_FILE)["definitions"]["Features"]["properties"]
    assert tuple(features) == CONTRACT.names()
    assert features["low_doc"]["x-categories"] == ["N", "Y"]
    assert features["amount_requested"]["description"] == "USD"
    assert {name for name, of in features.items() if "x-required" in of} == {"amount_requested", "guaranteed_share"}


def test_every_field_about_a_person_has_its_data_kind_in_the_schemas() -> None:
    kinds = {
        file: {name: field.get("x-data-kind") for name, field in committed(file)["properties"].items()}
        for file in (REQUEST_FILE, DECISION_FILE, LABEL_FILE)
    }
    assert {name for fields in kinds.values() for name, kind in fields.items() if kind is None} == {
        "features", "schema_version", "policy", "model",
    }  # fmt: skip
    assert {kinds[file][name] for file in kinds for name in ("request_id", "client_id")} == {"id"}
    assert committed(REQUEST_FILE)["definitions"]["Features"]["properties"]["state"]["x-data-kind"] == "sensitive"


def test_the_asyncapi_document_names_every_topic_and_every_reference_in_it_leads_somewhere() -> None:
    document = committed(ASYNCAPI_FILE)
    assert {channel["address"] for channel in document["channels"].values()} == set(TopicNames().all())
    assert all(channel["messages"] for channel in document["channels"].values())
    for reference in references(document):
        if reference.startswith("./"):
            assert (COMMITTED / reference).is_file()
        else:
            target = document
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]


def references(document: Any) -> list[str]:
    """Every ``$ref`` below ``document``."""
    if isinstance(document, dict):
        own = [document["$ref"]] if isinstance(document.get("$ref"), str) else []
        return own + [found for value in document.values() for found in references(value)]
    return [found for value in document for found in references(value)] if isinstance(document, list) else []


def test_the_documents_are_written_into_a_folder_that_is_made(tmp_path: Path) -> None:
    paths = write_documents(CONTRACT, tmp_path / "new" / "folder")
    assert [path.name for path in paths] == FILES
    assert all(path.read_bytes() == documents(CONTRACT)[path.name] for path in paths)


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputFileError, match="Cannot write"):
        write_documents(CONTRACT, tmp_path / "file")
