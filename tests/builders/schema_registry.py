"""A schema registry in a dict, and values in its wire format."""

from __future__ import annotations

import io
from typing import Any

import fastavro

from stream_app.events import RejectionReason, Undecodable
from stream_app.formats.writer_schema import WriterSchema, writer_schema


class Registry:
    """Ids count from 1. ``asked``: every id that was asked for; ``fault``: raised instead of an answer."""

    def __init__(self, *schemas: Any) -> None:
        self.schemas = list(schemas)
        self.asked: list[int] = []
        self.fault: Exception | None = None

    def schema(self, schema_id: int) -> WriterSchema:
        self.asked.append(schema_id)
        if self.fault:
            raise self.fault
        if not 0 < schema_id <= len(self.schemas):
            raise Undecodable(RejectionReason.UNKNOWN_SCHEMA_ID, f"The schema registry has no schema {schema_id}.")
        return writer_schema(self.schemas[schema_id - 1])

    def id_of(self, _subject: str, schema: dict[str, Any]) -> int:
        if schema not in self.schemas:
            self.schemas.append(schema)
        return self.schemas.index(schema) + 1


def written(schema: dict[str, Any], fields: dict[str, Any], schema_id: int = 1) -> bytes:
    """A value as a producer of its own writes it, by this schema."""
    value = io.BytesIO()
    value.write(b"\0" + schema_id.to_bytes(4, "big"))
    fastavro.schemaless_writer(value, fastavro.parse_schema(schema), fields)
    return value.getvalue()
