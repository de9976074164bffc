"""The schema that values were written with: checked before any is read by it.

fastavro trusts a schema. By one that contains itself a value of ten thousand levels, some 10 kB, overflows the C stack
and ends the process; an array of what takes no bytes is as long as its first bytes say. Both are refused.
"""

from __future__ import annotations

from typing import Any

import fastavro
import msgspec

from stream_app.events import RejectionReason, Undecodable
from stream_app.formats.avro_schemas import FEATURE

_KEPT = ("timestamp-millis", "timestamp-micros", "decimal")
"""Logical types that are read as what they stand for; any other, a UUID say, as the type it is made of."""


class WriterSchema(msgspec.Struct, frozen=True):
    """A schema to read with. ``features``: the name of a feature by that of its field, where the two differ."""

    parsed: Any
    features: dict[str, str]


def writer_schema(document: Any) -> WriterSchema:
    """The schema in an Avro schema document, as JSON says it. Raises Undecodable: no value is read with it."""
    try:
        parsed = fastavro.parse_schema(_without_logical_types(document))
        _check(parsed, (), {})
    except Undecodable:
        raise
    except Exception as fault:  # noqa: BLE001 - fastavro raises whatever it stumbles over
        raise unusable(f"is no Avro schema ({type(fault).__name__})") from None
    if not isinstance(parsed, dict) or parsed["type"] != "record":
        raise unusable("is not that of a record")
    return WriterSchema(parsed, _features(parsed))


def unusable(why: str) -> Undecodable:
    """Nothing that was written with this schema can be read."""
    return Undecodable(RejectionReason.INCOMPATIBLE_SCHEMA, f"The schema it was written with {why}.")


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_logical_types(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _without_logical_types(value) for name, value in schema.items()}
    if kept.get("logicalType") not in _KEPT:
        kept.pop("logicalType", None)
    return kept


def _check(schema: Any, inside: tuple[str, ...], takes_bytes: dict[str, bool]) -> bool:
    """Whether each value takes a byte at least. ``inside``: the records around; ``takes_bytes``: of named types."""
    if isinstance(schema, list):
        for branch in schema:
            _check(branch, inside, takes_bytes)
        return True  # the number of the branch
    if isinstance(schema, str):
        if schema in inside:
            raise unusable("contains itself")
        return takes_bytes.get(schema, schema != "null")
    kind = schema["type"]
    if kind == "record":
        name = schema["name"]
        fields = [_check(field["type"], (*inside, name), takes_bytes) for field in schema["fields"]]
        takes_bytes[name] = any(fields)
        return any(fields)
    if kind == "array" and not _check(schema["items"], inside, takes_bytes):
        raise unusable("has an array of what takes no bytes")
    if kind == "map":
        _check(schema["values"], inside, takes_bytes)
    if kind == "fixed":
        takes_bytes[schema["name"]] = schema["size"] > 0
        return takes_bytes[schema["name"]]
    return _check(kind, inside, takes_bytes)


def _features(record: Any) -> dict[str, str]:
    """The fields of the record's ``features`` that have another name in the contract."""
    for field in record["fields"]:
        branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
        for branch in branches if field["name"] == "features" else ():
            fields = branch.get("fields", ()) if isinstance(branch, dict) else ()
            return {inner["name"]: inner[FEATURE] for inner in fields if isinstance(inner.get(FEATURE), str)}
    return {}
