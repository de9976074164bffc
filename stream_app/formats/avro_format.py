"""Avro in the wire format of Confluent's schema registry: a byte 0, the schema's id in four bytes, the record.

Each value is read by the schema it was written with, which the registry has, and its fields are matched to ours by
name, by Avro's rules: fields that only the writer knows are passed over, those that it lacks have our default, and
numbers become wider ones. JSON documents are read as well, by their first byte: a topic holds them for a while after
its format was changed.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any, Protocol

import fastavro
import msgspec

from stream_app.events import RejectionReason, Undecodable
from stream_app.formats.avro_records import AvroRecords, Fields
from stream_app.formats.avro_schemas import Schema
from stream_app.formats.format import Kind
from stream_app.formats.writer_schema import WriterSchema

MAGIC = b"\0"
_HEADER_BYTES = 5
_JSON_BEGINS = b" \t\r\n{"


class Registry(Protocol):
    """What is needed of the schema registry."""

    def schema(self, schema_id: int) -> WriterSchema:
        """The schema under an id. Raises Undecodable (there is none, or it cannot be used) or RegistryError."""

    def id_of(self, subject: str, schema: Schema) -> int:
        """The id of a schema of ours. Raises RegistryError."""


class Avro:
    """Values of one topic. ``records``: what they hold; ``subject``: under which the registry has their schema."""

    def __init__(self, registry: Registry, subject: str, records: AvroRecords) -> None:
        self._registry, self._subject, self._records = registry, subject, records
        self._written = fastavro.parse_schema(records.schema)
        self._header = b""

    def prepare(self) -> None:
        if not self._header:
            schema_id = self._registry.id_of(self._subject, self._records.schema)
            self._header = MAGIC + schema_id.to_bytes(4, "big")

    def encode(self, record: msgspec.Struct) -> bytes:
        self.prepare()
        value = io.BytesIO()
        value.write(self._header)
        fastavro.schemaless_writer(value, self._written, self._records.fields_of(record))
        return value.getvalue()

    def decoder(self, kind: type[Kind]) -> Callable[[bytes], Kind]:
        from_json = msgspec.json.Decoder(kind).decode

        def decode(value: bytes) -> Kind:
            return from_json(value) if _is_json(value) else msgspec.convert(self._read(value), kind)

        return decode

    def to_json(self, value: bytes) -> bytes:
        return value if _is_json(value) else msgspec.json.encode(self._read(value))

    def written_json(self, value: bytes) -> bytes:
        return value if _is_json(value) else msgspec.json.encode(self._fields(value))

    def _read(self, value: bytes) -> Fields:
        return self._records.said_by(self._fields(value))

    def _fields(self, value: bytes) -> Fields:
        """What an Avro value holds. Raises Undecodable or RegistryError."""
        if value[:1] != MAGIC or len(value) < _HEADER_BYTES:
            raise _not_avro("does not begin with a byte 0 and a schema id")
        schema = self._registry.schema(int.from_bytes(value[1:_HEADER_BYTES], "big"))
        body = io.BytesIO(value)
        body.seek(_HEADER_BYTES)
        try:
            fields: Any = fastavro.schemaless_reader(body, schema.parsed)
        except Exception as fault:  # noqa: BLE001 - fastavro raises whatever it stumbles over
            raise _not_avro(f"is no record of its schema ({type(fault).__name__})") from None
        if body.tell() != len(value):
            raise _not_avro("goes on after the record of its schema")
        features = fields.get("features")
        if schema.features and isinstance(features, dict):
            fields["features"] = {schema.features.get(name, name): value for name, value in features.items()}
        _require_finite(fields)
        return dict(fields)


def _is_json(value: bytes) -> bool:
    return value[:1] in _JSON_BEGINS and value != b""


def _not_avro(why: str) -> Undecodable:
    return Undecodable(RejectionReason.NOT_AVRO, f"The value {why}.")


def _require_finite(fields: Fields) -> None:
    """As in JSON, which has no others: NaN would pass for a missing value."""
    for value in fields.values():
        if isinstance(value, dict):
            _require_finite(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise Undecodable(
                RejectionReason.NAN_LITERAL, "NaN and infinity are no values; send null for a missing one."
            )
