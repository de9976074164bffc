"""Decisions and the reference as data frames for Evidently: the same columns, kinds and names of categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.contract import Contract, Feature
from models.policy import OUTCOMES, Policy
from monitoring.display.verdicts import OUTCOME_MIX, PROBABILITY
from monitoring.statistics.feature_columns import feature_columns
from monitoring.statistics.reference import Matrix, Reference, reference_of
from monitoring.store import Rows

NEVER_SEEN = "(never seen)"
"""Stands for every category the contract does not list. The text itself, which an applicant wrote, is in no report."""


def frame_of_decisions(rows: Rows, contract: Contract) -> pd.DataFrame:
    """A column a feature, then probability and outcome, of those decisions that fit the contract, in their order."""
    columns, fits = feature_columns(contract, rows.records)
    matrix, _ = contract.encode(columns)
    outcomes = [outcome for outcome, fit in zip(rows.outcome, fits, strict=True) if fit]
    return _frame(contract, matrix, rows.probability[fits], outcomes, dict(zip(contract.names(), columns, strict=True)))


def frame_of_reference(reference: Reference, policy: Policy) -> pd.DataFrame:
    """The same of a reference sample, with the outcomes the policy gives it."""
    outcomes = [OUTCOMES[position] for position in policy.outcomes(reference.probability)]
    return _frame(reference.contract, reference.matrix, reference.probability, outcomes, {})


def reference_of_decisions(rows: Rows, contract: Contract, policy: Policy) -> Reference:
    """Decisions to compare others with; the policy's outcomes stand for theirs."""
    columns, fits = feature_columns(contract, rows.records)
    matrix, unseen = contract.encode(columns)
    return reference_of(contract, policy, matrix, rows.probability[fits], unseen)


def printable(text: str) -> str:
    """A name that stays a name inside a page: Evidently writes it into a script as it is."""
    return text.replace("<", "‹").replace(">", "›")


def _frame(
    contract: Contract,
    matrix: Matrix,
    probability: NDArray[np.float64],
    outcomes: Sequence[str],
    raw: Mapping[str, Sequence[object]],
) -> pd.DataFrame:
    columns: dict[str, object] = {}
    for feature, values in zip(contract.features, np.ascontiguousarray(matrix.T), strict=True):
        is_category = feature.kind == "category"
        columns[printable(feature.name)] = _labels(feature, values, raw.get(feature.name)) if is_category else values
    columns[PROBABILITY] = probability
    columns[OUTCOME_MIX] = np.array(outcomes, dtype=object)
    return pd.DataFrame(columns)


def _labels(feature: Feature, codes: NDArray[np.float64], raw: Sequence[object] | None) -> NDArray[np.object_]:
    """Codes to categories; missing to None, save where ``raw`` has a value, which nobody has seen then."""
    labels = np.array([*map(printable, feature.categories), NEVER_SEEN, None], dtype=object)
    missing = np.isnan(codes)
    positions = np.where(missing, len(labels) - 1, codes).astype(np.intp)
    if raw is not None:
        has_value = np.array([value is not None for value in raw], dtype=np.bool_)
        positions[missing & has_value] = len(labels) - 2
    return labels[positions]
