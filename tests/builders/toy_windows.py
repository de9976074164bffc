"""Windows and references of the toy contract: amounts log-normal, few employees, two homes in three owned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.contract import Contract
from models.policy import OUTCOMES
from monitoring.statistics.drift import Drift, Options, drift_of
from monitoring.statistics.reference import Reference, reference_of
from stream_app.drift_events import FeatureDrift
from tests.builders.records import POLICY, TOY, FormulaScorer

Columns = dict[str, Sequence[Any]]


def toy_columns(rows: int, seed: int) -> Columns:
    """Columns of the toy contract by name, as many rows of each; one home in twenty is not told."""
    rng = np.random.default_rng(seed)
    return {
        "amount": rng.lognormal(10, 1, rows).clip(0, 1e6).tolist(),
        "employees": rng.poisson(1.0, rows).tolist(),
        "home": rng.choice(np.array(["own", "rent", None]), rows, p=[0.65, 0.3, 0.05]).tolist(),
    }


def reference(columns: Columns, contract: Contract = TOY) -> Reference:
    """A reference of these columns."""
    matrix, unseen = contract.encode([columns[name] for name in contract.names()])
    return reference_of(contract, POLICY, matrix, FormulaScorer().probability_of_default(matrix), unseen)


def toy_reference(rows: int = 5_000, **changed: Sequence[Any]) -> Reference:
    """A reference of the toy contract, with these columns instead of the usual ones."""
    return reference(toy_columns(rows, seed=1) | changed)


def drift(of: Reference, columns: Columns, options: Options | None = None) -> Drift:
    """What a window of these columns says, scored and decided as the toy does."""
    matrix, unseen = of.contract.encode([columns[name] for name in of.contract.names()])
    probability = FormulaScorer().probability_of_default(matrix)
    outcomes = [OUTCOMES[position] for position in POLICY.outcomes(probability)]
    return drift_of(of, matrix, unseen, probability, outcomes, options or Options())


def toy_drift(rows: int = 2_000, **changed: Sequence[Any]) -> Drift:
    """A window of the toy contract against its usual reference, with these columns changed."""
    return drift(toy_reference(), toy_columns(rows, seed=2) | changed)


def feature(of: Drift, name: str) -> FeatureDrift:
    """The feature of this name."""
    return next(each for each in of.features if each.feature == name)
