"""Requests, decisions and outcomes as the fields of Avro records, and back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from models.contract import Contract
from stream_app.events import Decision, Label, LoanRequest
from stream_app.formats.avro_schemas import (
    FROM_PROFILE,
    Schema,
    avro_names,
    decision_schema,
    outcome_schema,
    request_schema,
)

Fields = dict[str, Any]


def as_read(fields: Fields) -> Fields:
    """What the writer wrote is what the record says."""
    return fields


@dataclass(frozen=True)
class AvroRecords:
    """The records of one topic. ``fields_of``: what is written of one; ``said_by``: what was read, as JSON says it."""

    schema: Schema
    fields_of: Callable[[Any], Fields]
    said_by: Callable[[Fields], Fields] = as_read


def avro_requests(contract: Contract) -> AvroRecords:
    """Loan requests under this contract."""
    features = _Features(contract)

    def fields_of(request: LoanRequest[Any]) -> Fields:
        fields = _builtins(request)
        if (stated := fields.get("features")) is not None:
            fields[FROM_PROFILE] = [name for name in contract.names() if name not in stated]
            fields["features"] = features.written(stated)
        return fields

    def said_by(fields: Fields) -> Fields:
        """Without the writer's other fields, which Avro's rules pass over, without null where JSON has nothing, and
        without the features that come from the profile."""
        said = {name: fields[name] for name in LoanRequest.__struct_fields__ if fields.get(name) is not None}
        if isinstance(stated := said.get("features"), dict):
            left_out = msgspec.convert(fields.get(FROM_PROFILE) or [], frozenset[str])
            said["features"] = features.stated(stated, left_out)
        return said

    return AvroRecords(request_schema(contract), fields_of, said_by)


def avro_decisions(contract: Contract) -> AvroRecords:
    """Decisions on requests under this contract."""
    features = _Features(contract)

    def fields_of(decision: Decision[Any]) -> Fields:
        fields = _builtins(decision)
        return fields | {"features": features.written(fields["features"])}

    return AvroRecords(decision_schema(contract), fields_of)


def avro_outcomes() -> AvroRecords:
    """Labels."""

    def fields_of(label: Label) -> Fields:
        return _builtins(label)

    return AvroRecords(outcome_schema(), fields_of)


class _Features:
    """The features of a contract by their names there and in Avro."""

    def __init__(self, contract: Contract) -> None:
        names = contract.names()
        self._names = list(zip(names, avro_names(names), strict=True))
        self._whole = {feature.name for feature in contract.features if feature.kind == "integer"}

    def written(self, features: Fields) -> Fields:
        """By Avro's names, null where there is none; a whole number that came as 24.0 is 24."""
        values = [(name, written, features.get(name)) for name, written in self._names]
        return {
            written: int(value) if name in self._whole and value is not None else value
            for name, written, value in values
        }

    def stated(self, written: Fields, left_out: frozenset[str]) -> Fields:
        """By the contract's names; those that the writer's schema lacks or that are ``left_out`` are not stated."""
        keys = [(name, name if name in written else avro) for name, avro in self._names if name not in left_out]
        return {name: written[key] for name, key in keys if key in written}


def _builtins(record: msgspec.Struct) -> Fields:
    fields: Fields = msgspec.to_builtins(record, builtin_types=(dt.datetime,))
    return fields
