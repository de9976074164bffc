"""Decisions in Avro: what they say, and that old and new readers and records go together."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest

from models.contract import Contract, Feature
from models.datasets.sba import CONTRACT_FILE
from stream_app.errors import RegistryUnavailable
from stream_app.events import Decision, Label
from stream_app.feature_struct import feature_struct
from stream_app.formats.avro_format import Avro
from stream_app.formats.avro_records import avro_decisions, avro_outcomes
from stream_app.formats.avro_schemas import decision_schema
from tests.builders.records import NOW
from tests.builders.schema_registry import Registry

FIXTURES = Path(__file__).parents[2] / "fixtures" / "avro"
FIRST: Any = json.loads((FIXTURES / "decision-1.avsc").read_bytes())
"""The first schema that decisions were published with, and a decision of then as JSON and as Avro."""
FIRST_RECORD = (FIXTURES / "decision-1.bin").read_bytes()
FIRST_DECISION = (FIXTURES / "decision-1.json").read_bytes()
CONTRACT = Contract.read(CONTRACT_FILE)

LATER = msgspec.structs.replace(CONTRACT, features=(*CONTRACT.features[1:], Feature(name="new one", kind="integer")))
"""One feature less, and one more."""


def decision(contract: Contract) -> Decision[Any]:
    kind: Any = Decision[feature_struct(contract)]  # type: ignore[misc]  # made at run time
    document = json.loads(FIRST_DECISION)
    document["features"] = {name: value for name, value in document["features"].items() if name in contract.names()}
    read: Decision[Any] = msgspec.convert(document, kind)
    return read


def test_a_decision_says_in_avro_what_it_says_in_json() -> None:
    registry = Registry()
    decisions = Avro(registry, "s", avro_decisions(CONTRACT))
    value = decisions.encode(decision(CONTRACT))
    assert json.loads(decisions.to_json(value)) == json.loads(FIRST_DECISION)
    assert value[:5] == b"\0\0\0\0\1"


def test_a_decision_of_the_first_schema_is_read_by_todays_readers() -> None:
    decisions = Avro(Registry(FIRST), "s", avro_decisions(LATER))
    assert json.loads(decisions.to_json(b"\0\0\0\0\1" + FIRST_RECORD)) == json.loads(FIRST_DECISION)


@pytest.mark.parametrize("contract", [CONTRACT, LATER], ids=["today", "another model"])
def test_a_new_decision_is_read_by_who_knows_the_first_schema(contract: Contract) -> None:
    value = Avro(Registry(), "s", avro_decisions(contract)).encode(decision(contract))
    schema = fastavro.parse_schema(decision_schema(contract))
    read: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, fastavro.parse_schema(FIRST))
    assert (read["outcome"], read["features"]["employees"]) == ("approved", 4)


@pytest.mark.parametrize("contract", [CONTRACT, LATER], ids=["today", "another model"])
def test_a_decision_of_the_first_schema_is_read_by_who_knows_only_a_new_one(contract: Contract) -> None:
    schema = fastavro.parse_schema(decision_schema(contract))
    read: Any = fastavro.schemaless_reader(io.BytesIO(FIRST_RECORD), fastavro.parse_schema(FIRST), schema)
    assert (read["outcome"], read["features"].get("new_one")) == ("approved", None)


def test_every_field_that_may_be_missing_has_null_as_its_default() -> None:
    schema = decision_schema(LATER)
    [features] = (field["type"] for field in schema["fields"] if field["name"] == "features")
    optional = [field for field in [*schema["fields"], *features["fields"]] if isinstance(field["type"], list)]
    assert len(optional) == len(LATER.features) + 1  # and the challenger
    assert all((field["type"][0], field["default"]) == ("null", None) for field in optional)


def test_a_feature_with_an_odd_name_keeps_its_name() -> None:
    contract = msgspec.structs.replace(CONTRACT, features=(Feature(name="loan amount", kind="number"),))
    kind: Any = feature_struct(contract)
    sent = msgspec.structs.replace(decision(CONTRACT), features=kind(5.0))
    decisions = Avro(Registry(), "s", avro_decisions(contract))
    assert json.loads(decisions.to_json(decisions.encode(sent)))["features"] == {"loan amount": 5.0}


def test_a_label_says_in_avro_what_it_says_in_json() -> None:
    outcomes = Avro(Registry(), "s", avro_outcomes())
    label = Label("r1", "c1", True, NOW)
    assert outcomes.decoder(Label)(outcomes.encode(label)) == label
    assert outcomes.decoder(Label)(msgspec.json.encode(label)) == label


def test_what_is_known_needs_no_registry() -> None:
    registry = Registry()
    decisions = Avro(registry, "s", avro_decisions(CONTRACT))
    decisions.prepare()
    registry.fault = RegistryUnavailable("Away.", do_next="Wait.")
    assert decisions.encode(decision(CONTRACT))
