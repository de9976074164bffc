"""A mapping for the toy contract, and a foreign record that it fits."""

from __future__ import annotations

import json
from typing import Any

from stream_app.mapping.file import parse_mapping
from stream_app.mapping.mapper import RequestMapper
from tests.builders.records import TOY

FOREIGN = b"""
request_id = "application.number"
client_id = "applicant.id"

[requested_at]
path = "application.submitted"
format = "%d/%m/%Y %H:%M"
timezone = "Europe/Paris"

[features]
employees = "applicant.staff[0].count"

[features.amount]
path = "loan.amount"
decimal = ","
strip = ["$"]
unit = "thousands"

[features.home]
path = "applicant.home"
missing = ["", "?"]
values = {O = "own", R = "rent"}
"""


def mapper(text: bytes = FOREIGN) -> RequestMapper:
    return parse_mapping(text, TOY, source="test.toml")


def foreign(**changes: Any) -> bytes:
    """A record of the foreign form; ``changes`` by path, such as ``loan__amount=3``."""
    document: dict[str, Any] = {
        "application": {"number": 4711, "submitted": "27/11/2026 09:30"},
        "applicant": {"id": "c1", "staff": [{"count": 7}], "home": "R"},
        "loan": {"amount": "$ 70,5"},
        "noise": [1, 2, 3],
    }
    for path, value in changes.items():
        *outer, last = path.split("__")
        inner = document
        for key in outer:
            inner = inner[key]
        if value is ...:
            del inner[last]
        else:
            inner[last] = value
    return json.dumps(document).encode()
