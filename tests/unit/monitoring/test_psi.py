"""The population stability index and the limit chance sets it."""

import numpy as np
import pytest

from monitoring.statistics.psi import psi, psi_and_limit, psi_limit, with_rare_pooled


def counts(*values: int) -> np.ndarray:
    return np.array(values)


@pytest.mark.parametrize(
    ("reference", "current", "expected"),
    [
        (counts(50, 50), counts(50, 50), 0.0),
        (counts(10, 90), counts(1_000, 9_000), 0.0),  # shares count, not rows
        (counts(50, 50), counts(80, 20), 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)),
        (counts(80, 20), counts(50, 50), 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)),
        (counts(25, 25, 50), counts(50, 25, 25), 0.5 * np.log(2)),
        (counts(60, 40, 0), counts(60, 40, 0), 0.0),
    ],
)
def test_psi_is_the_sum_of_share_differences_times_the_logarithm_of_their_ratio(
    reference: np.ndarray, current: np.ndarray, expected: float
) -> None:
    assert psi(reference, current) == pytest.approx(expected, abs=1e-12)


def test_a_zero_enters_as_half_a_count() -> None:
    assert psi(counts(100, 0), counts(90, 10)) == pytest.approx(
        (0.9 - 1.0) * np.log(0.9) + (0.1 - 0.005) * np.log(0.1 / 0.005)
    )


def test_the_limit_is_the_chi_squared_quantile_scaled_by_both_sizes() -> None:
    # R: qchisq(0.999, 9) = 27.87716
    assert psi_limit(5_000, 500, 10, false_alarm_rate=0.001, floor=0.0) == pytest.approx(0.0022 * 27.87716, rel=1e-6)


def test_the_limit_falls_with_the_rows_down_to_the_floor() -> None:
    limits = [psi_limit(5_000, rows, 10, false_alarm_rate=0.001, floor=0.02) for rows in (100, 500, 5_000, 10**9)]
    assert limits == sorted(limits, reverse=True)
    assert limits[-1] == 0.02


def test_a_column_with_one_bin_has_a_limit_above_its_index() -> None:
    index, limit = psi_and_limit(counts(5_000, 0), counts(500, 0), false_alarm_rate=0.001, floor=0.0)
    assert (index, limit > 0) == (0.0, True)


def test_bins_that_promise_fewer_than_five_are_pooled_in_the_last_one() -> None:
    reference, current = with_rare_pooled(counts(4_900, 40, 60, 0), counts(488, 5, 6, 1))
    assert (reference.tolist(), current.tolist()) == ([4_900, 60, 40], [488, 6, 6])


def test_a_bin_the_reference_hardly_knows_is_rare_however_large_the_window_is() -> None:
    reference, current = with_rare_pooled(counts(4, 96), counts(40_000, 1_000_000))
    assert (reference.tolist(), current.tolist()) == ([96, 4], [1_000_000, 40_000])


def test_a_bin_that_is_empty_on_both_sides_costs_no_degree_of_freedom() -> None:
    reference, current = with_rare_pooled(counts(50, 50, 0, 0), counts(20, 80, 0, 0))
    assert (reference.tolist(), current.tolist()) == ([50, 50], [20, 80])


def test_a_common_bin_that_empties_stays_in_the_sum() -> None:
    reference, current = with_rare_pooled(counts(600, 4_400), counts(0, 500))
    assert (reference.tolist(), current.tolist()) == ([600, 4_400], [0, 500])


def test_what_was_never_seen_before_shows_although_its_bin_is_rare() -> None:
    index, limit = psi_and_limit(counts(2_500, 2_500, 0), counts(200, 200, 100), false_alarm_rate=0.001, floor=0.25)
    assert index > limit
