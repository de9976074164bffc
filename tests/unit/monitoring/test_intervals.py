"""Confidence intervals: textbook values, and the share of cases they hold."""

import numpy as np
import pytest

from monitoring.statistics.intervals import auc_interval, poisson_high, poisson_low, wilson
from monitoring.statistics.performance import realised_auc


@pytest.mark.parametrize(
    ("count", "rows", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (29, 29, 0.8830, 1.0)],
)
def test_wilsons_interval_of_a_share(count: int, rows: int, low: float, high: float) -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    interval = wilson(count, rows)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.025, 5.572), (10, 4.795, 18.390)])
def test_the_exact_interval_of_a_poisson_count(count: int, low: float, high: float) -> None:
    # Garwood's table
    assert (poisson_low(count), poisson_high(count)) == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize(("area", "defaults", "paid"), [(0.6, 10, 490), (0.7, 100, 900), (0.9, 20, 200)])
def test_the_interval_of_an_auc_holds_the_true_one_about_nineteen_times_in_twenty(
    area: float, defaults: int, paid: int
) -> None:
    rng, truth = np.random.default_rng(4), np.arange(defaults + paid) < defaults
    between_means = {0.6: 0.3583, 0.7: 0.7416, 0.9: 1.8124}[area]  # sqrt(2) times the normal quantile of the area
    held = 0
    for _ in range(400):
        seen = realised_auc(rng.normal(truth * between_means, 1.0), truth)
        assert seen is not None
        interval = auc_interval(seen, defaults, paid)
        held += interval.low <= area <= interval.high
    assert 0.92 <= held / 400 <= 0.99


@pytest.mark.parametrize("auc", [0.0, 0.5, 1.0])
def test_an_auc_of_three_defaults_is_uncertain_at_either_end(auc: float) -> None:
    interval = auc_interval(auc, defaults=3, paid=300)
    assert 0.0 <= interval.low <= auc <= interval.high <= 1.0
    assert interval.high - interval.low > 0.2


def test_the_interval_of_an_auc_narrows_with_the_defaults() -> None:
    widths = [interval.high - interval.low for interval in (auc_interval(0.7, n, 10 * n) for n in (1, 10, 100, 10_000))]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.02


def test_one_default_and_one_paid_loan_tell_next_to_nothing() -> None:
    interval = auc_interval(1.0, 1, 1)
    assert interval.low < 0.3
    assert interval.high == 1.0
