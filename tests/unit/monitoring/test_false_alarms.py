"""How often chance alone raises a drift, measured on the shipped reference.

Reference and windows are drawn anew, with replacement, from the shipped reference sample: nothing differs but chance,
and both sides have their share of it, as in service. The sampling limit is judged alone, without a floor.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from models.bundle import load_bundle, shipped_bundle
from models.policy import OUTCOMES
from monitoring.baseline import read_reference
from monitoring.statistics.bins import Bins, CategoryBins, NumberBins
from monitoring.statistics.drift import Options
from monitoring.statistics.psi import psi_and_limit

REFERENCES, WINDOWS_EACH, SIZES = 20, 50, (500, 1_500, 5_000)
NOT_MORE_THAN = 0.01
RATE = Options().false_alarm_rate

Columns = dict[str, tuple[np.ndarray, int]]
"""Encoded values and the number of categories (0: numbers) by name."""


@pytest.fixture(scope="module")
def columns() -> Columns:
    """The shipped reference sample."""
    bundle = load_bundle(shipped_bundle())
    reference = read_reference(bundle)
    found = {
        feature.name: (values, len(feature.categories))
        for feature, values in zip(bundle.contract.features, reference.matrix.T, strict=True)
    }
    outcomes = bundle.policy.outcomes(reference.probability).astype(float)
    return found | {"the prediction": (reference.probability, 0), "the outcome mix": (outcomes, len(OUTCOMES))}


def counts_of_windows(positions: np.ndarray, drawn: np.ndarray, bins: int) -> Iterator[np.ndarray]:
    """``(rows,)`` bin positions and ``(windows, size)`` drawn rows to the counts of each window."""
    shifted = positions[drawn] + bins * np.arange(len(drawn))[:, np.newaxis]
    return iter(np.bincount(shifted.ravel(), minlength=bins * len(drawn)).reshape(len(drawn), bins))


def alarms(values: np.ndarray, categories: int, size: int, rng: np.random.Generator) -> int:
    """How many windows of this size are raised, among all of all references."""
    raised = 0
    for _ in range(REFERENCES):
        of = rng.integers(0, len(values), len(values))
        bins: Bins = CategoryBins(categories) if categories else NumberBins.of(values[of])
        positions = bins.positions(values)
        before = np.bincount(positions[of], minlength=bins.size)
        for now in counts_of_windows(positions, rng.integers(0, len(values), (WINDOWS_EACH, size)), bins.size):
            index, limit = psi_and_limit(before, now, RATE, floor=0.0)
            raised += index > limit
    return raised


@pytest.mark.parametrize("size", SIZES)
def test_chance_alone_raises_fewer_than_one_window_in_a_hundred_of_any_column(columns: Columns, size: int) -> None:
    rng = np.random.default_rng(2026)
    found = {name: alarms(values, categories, size, rng) for name, (values, categories) in columns.items()}
    windows = REFERENCES * WINDOWS_EACH
    assert {name: count for name, count in found.items() if count >= NOT_MORE_THAN * windows} == {}
