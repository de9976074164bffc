"""Small stand-ins the tests share: a toy contract, a scorer that is a formula, profiles in a dict, raw records."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.contract import Contract, Feature
from models.policy import Policy
from stream_app.events import ModelRef, Output
from stream_app.pipeline import Pipeline

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
MODEL = ModelRef("toy", "1", "0" * 64)
POLICY = Policy.from_costs(cost_ratio=10.0, review_cost=0.25)

TOY = Contract(
    name="toy",
    schema_version=3,
    id_column="id",
    target="bad",
    date_column=None,
    features=(
        Feature(
            name="amount",
            kind="number",
            unit="USD",
            minimum=0,
            maximum=1_000_000,
            required=True,
            reason_code="AMT",
            reason_text="The amount is high.",
        ),
        Feature(name="employees", kind="integer", minimum=0, maximum=1000, reason_code="EMP"),
        Feature(name="home", kind="category", categories=("own", "rent"), reason_code="HOM"),
    ),
)


@dataclass
class Record:
    """A raw Kafka record as the pipeline sees it."""

    value: bytes | None
    key: bytes | None = b"c1"
    topic: str = "loan.requests"
    partition: int = 0
    offset: int = 0
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    timestamp: int = 0


class FormulaScorer:
    """Probability = amount / 1,000,000; each feature contributes its own encoded value."""

    def probability_of_default(self, matrix: Any) -> Any:
        return np.clip(np.nan_to_num(matrix[:, 0]) / 1e6, 0.0, 1.0)

    def contributions(self, matrix: Any) -> Any:
        return np.nan_to_num(matrix) / 1e6


class Profiles:
    """Client profiles in a dict; remembers what was asked."""

    def __init__(self, profiles: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.profiles = profiles or {}
        self.asked: list[set[str]] = []

    def get_many(self, client_ids: Iterable[str]) -> dict[str, bytes]:
        self.asked.append(set(client_ids))
        return {i: json.dumps(self.profiles[i]).encode() for i in self.asked[-1] if i in self.profiles}


def request(client_id: str = "c1", **changes: Any) -> bytes:
    """The JSON of a good request for the toy contract, with these top-level fields changed."""
    full = {
        "request_id": "r1",
        "client_id": client_id,
        "requested_at": "2026-01-01T00:00:00Z",
        "features": {"amount": 50_000.0, "employees": 3, "home": "own"},
    }
    return json.dumps(full | changes).encode()


def record(value: bytes | None = None, **changes: Any) -> Record:
    """A good record, or one with this value and these attributes."""
    return Record(value=request() if value is None else value, **changes)


def output_of(sent: Record, pipeline: Pipeline | None = None) -> Output:
    """What becomes of one record that repeats no other."""
    [output] = (pipeline or toy_pipeline()).judge([sent], NOW).outputs
    assert output is not None
    return output


def published(output: Output, **changes: Any) -> Record:
    """The record an output is on its topic, with these attributes."""
    return Record(value=output.value, key=output.key, headers=output.headers, **changes)


def toy_pipeline(
    scorer: Any = None,
    profiles: Any = None,
    max_request_bytes: int = 2_000,
    decided_ids: Any = None,
    mapper: Any = None,
) -> Pipeline:
    """A pipeline over the toy contract."""
    return Pipeline(
        contract=TOY,
        scorer=scorer or FormulaScorer(),
        policy=POLICY,
        model=MODEL,
        profiles=profiles or Profiles(),
        max_request_bytes=max_request_bytes,
        decided_ids=decided_ids,
        mapper=mapper,
    )
