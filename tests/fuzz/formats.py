"""Targets of other formats: mapping files, the foreign records they map, and Avro with its writer's schema."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from functools import partial

import msgspec

from stream_app.errors import MappingError
from stream_app.events import LoanRequest, Rejection, Undecodable
from stream_app.formats.avro_format import Avro
from stream_app.formats.avro_records import avro_requests
from stream_app.formats.writer_schema import writer_schema
from stream_app.mapping.file import parse_mapping
from stream_app.steps.decode import Decoder
from stream_app.steps.decode_foreign import ForeignDecoder
from tests.builders.mappings import FOREIGN, mapper
from tests.builders.records import TOY, Record
from tests.builders.schema_registry import Registry
from tests.fuzz.mutate import spoil_bytes, spoil_json
from tests.fuzz.target import Target, corpus, demand

LIMIT = 65_536
DOCUMENT = json.dumps({
    "application": {"number": "r1", "submitted": "01/02/2026 03:04"},
    "applicant": {"id": "c1", "staff": [{"count": " 3 "}], "home": "O"}, "loan": {"amount": "$12,5"},
}).encode()  # fmt: skip


def mappings() -> Target:
    """Mapping files, and what they make of a record."""
    return Target("mappings", _read_mapping, [FOREIGN, *corpus("mappings")], spoil_bytes)


def _read_mapping(data: bytes) -> str:
    try:
        read = parse_mapping(data, TOY, source="mapping.toml")
    except MappingError as fault:
        return " ".join(
            "".join(letter for letter in line[:50] if letter.isalpha()) for line in fault.happened.splitlines()[1:3]
        )
    mapped, faults = read.map(json.loads(DOCUMENT))
    return f"mapping of {sorted(mapped)}, {len(faults)} faults"


def foreign_records() -> Target:
    """Foreign JSON, mapped and decoded."""
    decoder = ForeignDecoder(Decoder(TOY, LIMIT), mapper(), LIMIT)
    return Target("foreign records", partial(_decode, decoder), [DOCUMENT, *corpus("foreign-records")], spoil_json)


def _decode(decoder: ForeignDecoder, data: bytes) -> str:
    [read] = decoder.decode([Record(data)])
    if isinstance(read, Rejection):
        return f"{read.reason} {[(fault.reason.value, fault.field[:20]) for fault in read.faults[:2]]}"
    return "request"


def avro() -> Target:
    """A writer's schema, a line break, and a value that was written with it, or nearly so."""
    registry = Registry()
    sent = LoanRequest("r1", "c1", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), {"amount": 5.0, "home": None})
    records = avro_requests(TOY)
    value = Avro(registry, "s", records).encode(sent)
    schema = json.dumps(records.schema).encode()
    return Target("avro", _read_avro, [schema + b"\n" + value, *corpus("avro")], _spoil_avro)


def _spoil_avro(rng: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    schema, _, value = data.partition(b"\n")
    if rng.random() < 0.5:
        schema = spoil_json(rng, schema).replace(b"\n", b" ")
    if rng.random() < 0.7:
        value = value[:5] + spoil_bytes(rng, value[5:]) if rng.random() < 0.8 else spoil_bytes(rng, value)
    return schema + b"\n" + value


def _read_avro(data: bytes) -> str:
    schema, _, value = data.partition(b"\n")
    try:
        writer_schema(document := json.loads(schema))
    except Undecodable as fault:
        return "".join(letter for letter in str(fault)[:80] if letter.isalpha())
    except (ValueError, RecursionError):
        return "no JSON"
    decoder = Decoder(TOY, LIMIT, Avro(Registry(document), "s", avro_requests(TOY)))
    [read] = decoder.decode([Record(value)])
    if isinstance(read, Rejection):
        return f"{read.reason} {''.join(letter for letter in read.message[:50] if letter.isalpha())}"
    demand(bool(msgspec.json.encode(read)), "a request encodes")
    return "request"
