"""A decision store of loans like those the shipped bundle was trained on, two monthly windows of them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from models.bundle import shipped_bundle
from models.bundle_files import REFERENCE
from models.policy import OUTCOMES, Policy
from monitoring.event_time import WindowSize
from monitoring.store import DecisionRow, DecisionStore, LabelRow, Put, WindowKey

MONTH = WindowSize.parse("1mo")
ROWS = 600
MARCH_US, APRIL_US, MAY_US = (int(dt.datetime(2006, month, 1, tzinfo=dt.UTC).timestamp() * 1e6) for month in (3, 4, 5))


PROBABILITY = "probability_of_default"

_REFERENCE = pd.read_parquet(shipped_bundle() / REFERENCE).head(ROWS)
_PROBABILITIES = _REFERENCE[PROBABILITY].to_numpy()
_POLICY = Policy.from_costs()


def rows_of_reference(**changed: Any) -> list[dict[str, Any]]:
    """Features as requests bring them: those of the bundle's own reference sample, with these set in every row."""
    sample = json.loads(_REFERENCE.drop(columns=PROBABILITY).to_json(orient="records"))
    return [features | changed for features in sample]


def decisions(month_us: int, features: Iterable[Mapping[str, Any]]) -> list[DecisionRow]:
    """One a second from the start of a month on, with the probabilities of the reference sample and what follows."""
    return [_decision(month_us, number, row) for number, row in enumerate(features)]


def _decision(month_us: int, number: int, features: Mapping[str, Any]) -> DecisionRow:
    at_us = month_us + number * 1_000_000
    probability = _PROBABILITIES[number % ROWS]
    return DecisionRow(
        request_id=f"{month_us}-{number}",
        client_id="c",
        requested_at_us=at_us,
        decided_at_us=at_us,
        outcome=OUTCOMES[_POLICY.outcomes(probability)],
        probability_of_default=float(probability),
        model_version="v1",
        late=False,
        record=json.dumps({"features": features}),
        partition=0,
        topic_offset=number,
    )


def label(of: DecisionRow, defaulted: bool) -> LabelRow:
    return LabelRow(of.request_id, of.client_id, defaulted, of.requested_at_us, 0, of.topic_offset)


def make_store(path: Path, march: list[DecisionRow], april: list[DecisionRow] | None = None) -> list[WindowKey]:
    """A store with these decisions and their windows, closed and not computed."""
    with DecisionStore.open(str(path)) as store:
        store.put(Put([*march, *(april or [])], [], {}, MONTH))
        store.close_due(MAY_US, MONTH, at_us=MAY_US)
        return store.uncomputed()
