"""Distances: Evidently's figures without Evidently's price."""

import os

import numpy as np
import pandas as pd
import pytest

from monitoring.statistics.distance import JENSEN_SHANNON, WASSERSTEIN, jensen_shannon, normed_wasserstein, spread_of

NAN = np.nan
RNG = np.random.default_rng(20060301)


EVIDENTLY_WARNS = pytest.mark.filterwarnings("ignore")  # of its own dependencies, as it is imported


def value_drift(reference: pd.Series, current: pd.Series, method: str) -> float:
    """What ``ValueDrift`` says of one column in a report."""
    os.environ["DO_NOT_TRACK"] = "1"  # read when it is imported
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415  five seconds
    from evidently.metrics import ValueDrift  # noqa: PLC0415

    numbers = method == WASSERSTEIN
    shape = DataDefinition(numerical_columns=["c"]) if numbers else DataDefinition(categorical_columns=["c"])
    sides = [Dataset.from_pandas(pd.DataFrame({"c": side}), data_definition=shape) for side in (current, reference)]
    report = Report([ValueDrift(column="c", method=method)]).run(*sides)
    return float(report.dict()["metrics"][0]["value"])


def our_wasserstein(reference: np.ndarray, values: np.ndarray) -> float | None:
    ordered = np.sort(reference[~np.isnan(reference)])
    return normed_wasserstein(ordered, spread_of(ordered), np.sort(values[~np.isnan(values)]))


def with_gaps(values: np.ndarray, share: float) -> np.ndarray:
    return np.where(RNG.random(len(values)) < share, NAN, values)


@EVIDENTLY_WARNS
@pytest.mark.parametrize(
    ("reference", "current"),
    [
        (RNG.normal(0, 1, 900), RNG.normal(0.3, 2, 1_300)),
        (with_gaps(RNG.lognormal(10, 1, 1_000), 0.2), with_gaps(RNG.lognormal(10.2, 1, 700), 0.4)),
        (RNG.integers(0, 4, 500).astype(float), RNG.integers(0, 3, 501).astype(float)),
        (np.full(500, 7.0), np.full(600, 7.5)),
        (RNG.normal(0, 1, 500), np.append(RNG.normal(0, 1, 500), 1e9)),
    ],
    ids=["normal", "money with gaps", "few integers", "constant", "outlier"],
)
def test_wasserstein_is_what_evidently_reports(reference: np.ndarray, current: np.ndarray) -> None:
    theirs = value_drift(pd.Series(reference), pd.Series(current), WASSERSTEIN)
    assert our_wasserstein(reference, current) == pytest.approx(theirs, rel=1e-9)


@EVIDENTLY_WARNS
def test_jensen_shannon_is_what_evidently_reports_whatever_is_missing_or_unseen() -> None:
    rng = np.random.default_rng(1)
    reference = rng.choice(np.array(["own", "rent", None]), 800, p=[0.6, 0.3, 0.1])
    current = rng.choice(np.array(["own", "rent", "boat", "tent", None]), 900, p=[0.3, 0.3, 0.15, 0.1, 0.15])
    ours = jensen_shannon(*(category_counts(side) for side in (reference, current)))
    assert ours == pytest.approx(value_drift(pd.Series(reference), pd.Series(current), JENSEN_SHANNON), rel=1e-9)


def category_counts(values: np.ndarray) -> np.ndarray:
    """Own, rent, and all others in one."""
    own, rent, none = (int((values == name).sum()) for name in ("own", "rent", None))
    return np.array([own, rent, len(values) - own - rent - none])


def test_moving_everything_by_one_standard_deviation_is_a_distance_of_one() -> None:
    reference = np.sort(np.random.default_rng(1).normal(50, 10, 1_000))
    spread = spread_of(reference)
    assert spread is not None
    assert normed_wasserstein(reference, spread, reference + spread) == pytest.approx(1.0)


def test_nothing_in_common_is_the_largest_jensen_shannon_distance() -> None:
    assert jensen_shannon(np.array([5, 0]), np.array([0, 9])) == pytest.approx(np.sqrt(np.log(2)))


def test_equal_shares_have_no_distance() -> None:
    assert jensen_shannon(np.array([1, 3]), np.array([10, 30])) == 0.0


def test_an_empty_side_has_no_distance() -> None:
    empty, one = np.array([]), np.array([1.0])
    assert normed_wasserstein(one, spread_of(one), empty) is None
    assert normed_wasserstein(empty, spread_of(empty), one) is None
    assert jensen_shannon(np.array([0, 0]), np.array([1, 0])) is None


def test_differences_no_float_can_hold_have_no_distance() -> None:
    huge = np.array([-1.7e308, 1.7e308])
    assert spread_of(huge) is None
    assert normed_wasserstein(np.array([-1e308]), 1.0, np.array([1.7e308])) is None
