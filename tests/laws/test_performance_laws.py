"""Laws of what is said before all labels are known."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.statistics.performance import bounds_of, expected_auc, performance_of, realised_auc
from stream_app.drift_events import Interval, Realised

LOANS = st.lists(
    st.tuples(st.floats(0.001, 0.999) | st.sampled_from([0.1, 0.2]), st.booleans(), st.integers(0, 9)),
    min_size=1,
    max_size=60,
)
Loans = list[tuple[float, bool, int]]


def columns(loans: Loans) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, outcomes, and the day on which each outcome becomes known."""
    probability, defaulted, day = zip(*loans, strict=True)
    return np.array(probability), np.array(defaulted, dtype=float), np.array(day)


def known_on(loans: Loans, today: int) -> Realised | None:
    probability, defaulted, day = columns(loans)
    return performance_of("m", probability, np.where(day <= today, defaulted, np.nan), min_rows=1).realised


def final_ratio(loans: Loans) -> float:
    probability, defaulted, _ = columns(loans)
    return float(defaulted.sum() / probability.sum())


@given(LOANS, st.integers(0, 9))
def test_the_bounds_hold_the_final_ratio_whatever_is_known_so_far(loans: Loans, today: int) -> None:
    realised = known_on(loans, today)
    if realised is not None:
        assert realised.bounds.low <= final_ratio(loans) <= realised.bounds.high


@given(LOANS)
def test_the_bounds_only_narrow_as_labels_arrive(loans: Loans) -> None:
    seen = [realised.bounds for today in range(10) if (realised := known_on(loans, today)) is not None]
    assert [bounds.low for bounds in seen] == sorted(bounds.low for bounds in seen)
    assert [bounds.high for bounds in seen] == sorted((bounds.high for bounds in seen), reverse=True)


@given(LOANS)
def test_a_doubt_once_gone_does_not_come_back(loans: Loans) -> None:
    verdicts = [realised.calibration for today in range(10) if (realised := known_on(loans, today)) is not None]
    assert len({verdict for verdict in verdicts if verdict != "unknown"}) <= 1
    assert verdicts == sorted(verdicts, key=lambda verdict: verdict != "unknown")


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.1, 500))
def test_an_open_loan_moves_only_the_upper_bound(defaults: int, unlabelled: int, predicted: float) -> None:
    closed, opened = (bounds_of(defaults, still_open, predicted) for still_open in (unlabelled, unlabelled + 1))
    assert opened.low == closed.low
    assert opened.high > closed.high


@given(LOANS)
def test_every_interval_holds_its_point(loans: Loans) -> None:
    realised = known_on(loans, today=9)
    assert realised is not None
    assert holds(realised.default_rate_interval, realised.default_rate)
    if realised.auc is not None and realised.auc_interval is not None:
        assert holds(realised.auc_interval, realised.auc)


def holds(interval: Interval, point: float) -> bool:
    return 0 <= interval.low <= point + 1e-12 and point - 1e-12 <= interval.high <= 1


@given(LOANS)
def test_turning_the_outcomes_round_turns_the_auc_round(loans: Loans) -> None:
    probability, defaulted, _ = columns(loans)
    auc, other = (realised_auc(probability, truth) for truth in (defaulted == 1, defaulted == 0))
    assert (auc is None) == (other is None)
    if auc is not None and other is not None:
        assert auc + other == pytest.approx(1)


@pytest.mark.parametrize("stretch", [np.sqrt, np.square, lambda p: p / (1 - p)], ids=["root", "square", "odds"])
@given(LOANS)
def test_the_auc_knows_only_the_order(stretch: Callable[[np.ndarray], np.ndarray], loans: Loans) -> None:
    probability, defaulted, _ = columns(loans)
    grid = np.round(probability, 3)  # so that stretching makes no ties
    assert realised_auc(grid, defaulted == 1) == realised_auc(stretch(grid), defaulted == 1)


@given(LOANS)
def test_the_expected_auc_of_any_probabilities_is_at_least_a_half(loans: Loans) -> None:
    expected = expected_auc(columns(loans)[0])
    assert expected is None or expected >= 0.5 - 1e-9
