"""The reference: the sample a model learned from, read from its bundle and prepared for comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.bundle import REFERENCE, Bundle, load_bundle
from models.contract import Contract, Feature
from models.errors import BundleError
from models.policy import OUTCOMES, Policy
from monitoring.statistics.bins import Bins, CategoryBins, Counts, NumberBins, Vector
from monitoring.statistics.distance import spread_of

if TYPE_CHECKING:
    import pandas as pd

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


class Baseline(NamedTuple):
    """What windows are compared with: a bundle and its reference."""

    bundle: Bundle
    reference: Reference


@lru_cache(maxsize=1)
def baseline_at(bundle_path: Path) -> Baseline:
    """Of the bundle in this folder; a second or two at the first time in a process. Raises BundleError."""
    bundle = load_bundle(bundle_path)
    return Baseline(bundle, read_reference(bundle))


def read_reference(bundle: Bundle) -> Reference:
    """The bundle's reference sample, encoded by its contract and decided by its policy.

    Raises :class:`BundleError` when the file is gone or damaged since the bundle was loaded, and
    :class:`TrainingDataError` when it holds text where the contract has a number.
    """
    from models.table import columns_from  # noqa: PLC0415  pandas is for whoever reads, not for whoever compares

    frame = _frame(bundle)
    matrix, unseen = bundle.contract.encode(columns_from(frame, bundle.contract))
    probability = frame["probability_of_default"].to_numpy(dtype=np.float64)
    return reference_of(bundle.contract, bundle.policy, matrix, probability, unseen)


def _frame(bundle: Bundle) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415

    names = [*bundle.contract.names(), "probability_of_default"]
    try:
        return pd.read_parquet(bundle.path / REFERENCE, columns=names)
    except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are among them
        raise BundleError(
            f"The reference sample of the bundle {bundle.path} cannot be read ({type(error).__name__}).",
            kept="No window was compared with it.",
            do_next="Restore the folder, or make it anew with `stream-app train`.",
        ) from error


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
