"""What a window expects of itself, and what came true of it."""

import numpy as np
import pytest

from models.training.evaluate import evaluate
from monitoring.statistics.performance import bounds_of, calibration_verdict, expected_auc, performance_of, realised_auc
from stream_app.drift_events import Interval

NAN = np.nan
LIMITS = (0.7, 1.4)


def predictions(rows: int, seed: int = 1) -> np.ndarray:
    """Probabilities of default with some ties."""
    return np.random.default_rng(seed).beta(1, 15, rows).round(3)


def truth_of(probability: np.ndarray, factor: float = 1.0, seed: int = 2) -> np.ndarray:
    """Outcomes of a model that is right, or wrong by this factor."""
    return (np.random.default_rng(seed).random(len(probability)) < factor * probability).astype(float)


def brute_force_auc(probability: np.ndarray) -> float:
    """Every ordered pair of two loans: chance that the first defaults and the second is paid, and who was ahead."""
    chance = np.outer(probability, 1 - probability)
    ahead = np.greater.outer(probability, probability) + 0.5 * np.equal.outer(probability, probability)
    others = ~np.eye(len(probability), dtype=bool)
    return float((chance * ahead)[others].sum() / chance[others].sum())


@pytest.mark.parametrize("rows", [2, 3, 50, 400])
def test_the_expected_auc_is_that_of_all_pairs(rows: int) -> None:
    probability = predictions(rows) + 0.001
    assert expected_auc(probability) == pytest.approx(brute_force_auc(probability), rel=1e-12)


def test_the_expected_auc_is_the_mean_of_the_realised_ones_when_the_model_is_right() -> None:
    probability = predictions(2_000)
    realised = [realised_auc(probability, truth_of(probability, seed=seed) == 1) for seed in range(60)]
    assert None not in realised
    assert expected_auc(probability) == pytest.approx(np.mean(np.array(realised, dtype=float)), abs=0.01)


@pytest.mark.parametrize("probability", [[], [0.4], [0.0, 0.0], [1.0, 1.0]])
def test_without_a_possible_pair_there_is_no_expected_auc(probability: list[float]) -> None:
    assert expected_auc(np.array(probability)) is None


def test_with_all_labels_the_figures_are_those_of_the_hold_out() -> None:
    probability = predictions(3_000)
    truth = truth_of(probability)
    found, expected = performance_of("m", probability, truth, min_rows=500), evaluate(probability, truth)
    assert found.realised is not None
    assert (found.rows, found.labelled, found.labelled_share) == (3_000, 3_000, 1.0)
    assert found.expected_default_rate == pytest.approx(expected.predicted)
    assert found.realised.default_rate == pytest.approx(expected.observed)
    assert found.realised.auc == pytest.approx(expected.auc)
    assert found.realised.brier == pytest.approx(expected.brier)
    assert found.realised.log_loss == pytest.approx(expected.log_loss)
    assert found.realised.observed_over_predicted == pytest.approx(expected.observed / expected.predicted)


def test_with_some_labels_the_figures_are_those_of_the_labelled() -> None:
    probability, truth = predictions(3_000), truth_of(predictions(3_000))
    some = np.where(np.arange(3_000) < 1_200, truth, NAN)
    found, alone = (
        performance_of("m", p, y, 500) for p, y in ((probability, some), (probability[:1_200], truth[:1_200]))
    )
    assert (found.rows, found.labelled, found.labelled_share) == (3_000, 1_200, 0.4)
    assert found.realised is not None
    assert alone.realised is not None
    for name in ("default_rate", "default_rate_interval", "auc", "auc_interval", "brier", "log_loss"):
        assert getattr(found.realised, name) == getattr(alone.realised, name), name
    assert found.realised.observed_over_predicted == alone.realised.observed_over_predicted


def test_the_bounds_are_of_the_whole_window_not_of_the_labelled() -> None:
    found = performance_of("m", np.full(1_000, 0.1), np.array([1.0] * 50 + [NAN] * 950), min_rows=500)
    assert found.realised is not None
    assert found.realised.observed_over_predicted == pytest.approx(10)  # defaults are known first
    # R: qchisq(0.025, 100) / 2 = 37.11, qchisq(0.975, 2002) / 2 = 1063.9
    assert found.realised.bounds.low == pytest.approx(0.3711, abs=1e-4)
    assert found.realised.bounds.high == pytest.approx(10.639, abs=1e-3)
    assert found.realised.calibration == "unknown"


def test_without_a_label_nothing_is_realised() -> None:
    found = performance_of("m", predictions(1_000), np.full(1_000, NAN), min_rows=500)
    assert (found.labelled, found.labelled_share, found.realised) == (0, 0.0, None)
    assert found.expected_auc is not None


@pytest.mark.parametrize(("truth", "rate"), [(0.0, 0.0), (1.0, 1.0)])
def test_one_kind_of_outcome_has_no_auc(truth: float, rate: float) -> None:
    realised = performance_of("m", predictions(800), np.full(800, truth), min_rows=500).realised
    assert realised is not None
    assert (realised.default_rate, realised.auc, realised.auc_interval) == (rate, None, None)


def test_a_model_that_rules_defaults_out_is_refuted_by_them() -> None:
    realised = performance_of("m", np.zeros(800), np.array([1.0] * 5 + [0.0] * 795), min_rows=500).realised
    assert realised is not None
    assert (realised.observed_over_predicted, realised.calibration) == (None, "predicted_too_low")
    assert np.isfinite([realised.bounds.low, realised.bounds.high, realised.log_loss]).all()


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, "in_line"), (2.5, "predicted_too_low"), (0.3, "predicted_too_high")]
)
def test_calibration_is_judged_once_the_labels_leave_no_doubt(factor: float, verdict: str) -> None:
    probability = predictions(6_000)
    realised = performance_of("m", probability, truth_of(probability, factor), min_rows=500).realised
    assert realised is not None
    assert realised.calibration == verdict


def test_too_low_a_prediction_is_known_before_the_last_loan_is_paid() -> None:
    probability = predictions(6_000)
    truth = truth_of(probability, 3.0)
    early = np.where(truth == 1, truth, NAN)  # the paid loans run on
    realised = performance_of("m", probability, early, min_rows=500).realised
    assert realised is not None
    assert realised.calibration == "predicted_too_low"


def test_of_too_few_rows_calibration_is_not_judged() -> None:
    realised = performance_of("m", np.full(499, 0.01), np.ones(499), min_rows=500).realised
    assert realised is not None
    assert realised.bounds.low > 50
    assert realised.calibration == "unknown"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.8, 1.3, "in_line"),
        (0.7, 1.4, "in_line"),
        (0.6, 1.3, "unknown"),
        (0.8, 1.5, "unknown"),
        (0.0, 9.0, "unknown"),
        (1.4, 2.0, "unknown"),
        (1.41, 2.0, "predicted_too_low"),
        (0.1, 0.7, "unknown"),
        (0.1, 0.69, "predicted_too_high"),
    ],
)
def test_the_verdict_follows_from_the_bounds_and_the_limits(low: float, high: float, verdict: str) -> None:
    assert calibration_verdict(Interval(low, high), LIMITS) == verdict


def test_no_defaults_yet_leave_the_low_bound_at_nothing() -> None:
    assert bounds_of(0, 100, 10.0).low == 0.0
