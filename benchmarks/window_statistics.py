"""Statistics of a closed window on one core: from its stored JSON records to the drift event.

Without the store's query and the Evidently report.
"""

from __future__ import annotations

import datetime as dt
import time
from statistics import median
from typing import Any, Literal

import msgspec
import numpy as np

from benchmarks.report import Report, Verdict
from models.contract import Contract, Feature
from models.policy import OUTCOMES, Policy
from monitoring.statistics.reference import Reference, reference_of
from monitoring.statistics.window_analysis import Options, analyse
from monitoring.store import Rows, WindowKey
from stream_app.events import Decision, ModelRef, PolicyRef

ROWS, REFERENCE_ROWS, ROUNDS = 20_000, 5_000, 7
SECONDS_AT_MOST = {30: 0.5, 122: 2.0}
"""By number of features."""

KINDS: tuple[Literal["number", "integer", "category"], ...] = ("number", "integer", "number", "category")
LEVELS = tuple(f"level {number}" for number in range(12))
MISSING = 0.1
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
KEY = WindowKey("2026-01", "time", start_us=0, end_us=1, first_seq=None, last_seq=None, labels_seen=0)


def measure() -> Report:
    """Median and best time of several windows, for each number of features."""
    figures: dict[str, object] = {"rows": ROWS}
    verdicts = []
    for features, limit in SECONDS_AT_MOST.items():
        seconds = _seconds(features)
        figures[f"seconds, {features} features"] = {"median": median(seconds), "best": min(seconds)}
        verdicts.append(Verdict(f"seconds for {features} features, median", median(seconds), limit, at_least=False))
    return Report("window statistics", "no broker", figures, verdicts)


def _seconds(features: int) -> list[float]:
    rng = np.random.default_rng(7)
    contract, policy = synthetic_contract(features), Policy.from_costs()
    reference, window = _reference(contract, policy, rng), _window(contract, policy, rng)
    return [_timed(window, reference) for _ in range(ROUNDS)]


def _timed(window: Rows, reference: Reference) -> float:
    start = time.perf_counter()
    event = analyse(window, KEY, reference, "bench", Options(), NOW, revision=1)
    seconds = time.perf_counter() - start
    assert (event.rows, event.unreadable_rows) == (ROWS, 0)
    return seconds


def synthetic_contract(features: int) -> Contract:
    """Half numbers, a quarter whole numbers, a quarter categories."""
    made = [_feature(number, KINDS[number % len(KINDS)]) for number in range(features)]
    return Contract(
        name="bench", schema_version=1, id_column="id", target="bad", date_column=None, features=tuple(made)
    )


def _feature(number: int, kind: Literal["number", "integer", "category"]) -> Feature:
    categories = LEVELS if kind == "category" else ()
    return Feature(name=f"feature_{number:03}", kind=kind, categories=categories)


def synthetic_columns(contract: Contract, rows: int, rng: np.random.Generator) -> list[list[Any]]:
    """Amounts with cents, small whole numbers, or categories; a tenth missing."""
    return [_values(feature, rows, rng) for feature in contract.features]


def _values(feature: Feature, rows: int, rng: np.random.Generator) -> list[Any]:
    made: dict[str, np.ndarray] = {
        "number": rng.lognormal(10, 1, rows).round(2),
        "integer": rng.poisson(20, rows),
        "category": rng.choice(np.array(LEVELS), rows),
    }
    gone = rng.random(rows) < MISSING
    return [None if missing else value for missing, value in zip(gone, made[feature.kind].tolist(), strict=True)]


def _reference(contract: Contract, policy: Policy, rng: np.random.Generator) -> Reference:
    matrix, unseen = contract.encode(synthetic_columns(contract, REFERENCE_ROWS, rng))
    return reference_of(contract, policy, matrix, rng.beta(1, 15, REFERENCE_ROWS), unseen)


def _window(contract: Contract, policy: Policy, rng: np.random.Generator) -> Rows:
    probability = rng.beta(1, 15, ROWS)
    outcomes = [OUTCOMES[position] for position in policy.outcomes(probability)]
    rows = zip(*synthetic_columns(contract, ROWS, rng), strict=True)
    features = [dict(zip(contract.names(), row, strict=True)) for row in rows]
    labels = np.where(rng.random(ROWS) < 0.5, rng.random(ROWS) < probability, np.nan)
    decided = zip(features, probability.tolist(), outcomes, strict=True)
    records = [decision_record(*decision, policy) for decision in decided]
    return Rows(records, probability, outcomes, ["1"] * ROWS, labels, late=0, total=ROWS)


def decision_record(features: dict[str, Any], probability: float, outcome: Any, policy: Policy) -> str:
    """A decision of the usual length, as JSON."""
    decision = Decision(
        request_id="00000000-0000-0000-0000-000000000000",
        client_id="1234567",
        requested_at=NOW,
        decided_at=NOW,
        outcome=outcome,
        probability_of_default=probability,
        policy=PolicyRef(policy.id, policy.review_at, policy.refuse_at),
        model=ModelRef("bench", "1", "0" * 64),
        reasons=(),
        features=features,
    )
    return msgspec.json.encode(decision).decode()
