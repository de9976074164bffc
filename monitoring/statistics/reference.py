"""The reference: the sample a model learned from, prepared for comparisons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.contract import Contract, Feature
from models.policy import OUTCOMES, Policy
from monitoring.statistics.bins import Bins, CategoryBins, Counts, NumberBins, Vector
from monitoring.statistics.distance import spread_of

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Distribution:
    """One column of the reference. ``counts``: ``(bins.size,)``. ``ordered``: its values in rising order, numbers only.

    ``spread``: their standard deviation. The last bin holds the missing.
    """

    bins: Bins
    counts: Counts
    ordered: Vector | None
    spread: float | None

    @property
    def missing_share(self) -> float:
        """Share of rows without a value."""
        return float(self.counts[-1] / max(1, self.counts.sum()))


@dataclass(frozen=True)
class Reference:
    """The sample a model learned from. ``matrix``: ``(rows, features)`` encoded; ``probability``: ``(rows,)``.

    ``features``: in the contract's order. ``outcome_counts``: how often the policy gives each of ``OUTCOMES`` to it.
    """

    contract: Contract
    matrix: Matrix
    probability: Vector
    features: tuple[Distribution, ...]
    prediction: Distribution
    outcome_counts: Counts

    def __len__(self) -> int:
        return len(self.probability)


def reference_of(
    contract: Contract, policy: Policy, matrix: Matrix, probability: Vector, unseen: dict[str, int]
) -> Reference:
    """Prepare encoded reference rows; ``unseen``: how many of each feature's gaps are categories nobody has seen."""
    columns = zip(contract.features, np.ascontiguousarray(matrix.T), strict=True)
    return Reference(
        contract=contract,
        matrix=matrix,
        probability=probability,
        features=tuple(_of_feature(feature, values, unseen.get(feature.name, 0)) for feature, values in columns),
        prediction=_of_numbers(probability),
        outcome_counts=np.bincount(policy.outcomes(probability), minlength=len(OUTCOMES)),
    )


def _of_feature(feature: Feature, values: Vector, unseen: int) -> Distribution:
    if feature.kind != "category":
        return _of_numbers(values)
    bins = CategoryBins(len(feature.categories))
    return Distribution(bins, bins.counts(values, unseen), ordered=None, spread=None)


def _of_numbers(values: Vector) -> Distribution:
    bins = NumberBins.of(values)
    ordered = np.sort(values[~np.isnan(values)])
    return Distribution(bins, bins.counts(values), ordered, spread_of(ordered))
