"""Calibration is kept only where it helps on rows it has not seen."""

import numpy as np
import pytest

from models.training.calibrate import choose_calibration, fit_isotonic
from models.training.evaluate import calibration_table, evaluate


def labels(probability: np.ndarray, seed: int = 3) -> np.ndarray:
    return (np.random.default_rng(seed).random(len(probability)) < probability).astype(float)


TRUE = np.linspace(0.01, 0.4, 4_000)


def test_probabilities_that_are_right_already_are_left_alone() -> None:
    calibration, judged = choose_calibration(TRUE, labels(TRUE), seed=1)
    assert calibration.method == "none"
    assert judged is TRUE


def test_probabilities_twice_too_low_are_corrected() -> None:
    calibration, judged = choose_calibration(TRUE / 2, labels(TRUE), seed=1)
    assert calibration.method == "isotonic"
    assert judged.mean() == pytest.approx(labels(TRUE).mean(), rel=0.02)


def test_a_calibrated_probability_never_falls_as_the_raw_one_rises() -> None:
    calibration = fit_isotonic(TRUE / 2, labels(TRUE))
    assert (np.diff(calibration.apply(np.linspace(0, 1, 1_000))) >= 0).all()


def test_between_its_ends_the_map_keeps_applicants_apart() -> None:
    calibration = fit_isotonic(TRUE / 2, labels(TRUE))
    inside = np.linspace(calibration.raw[0], calibration.raw[-1], 1_000)
    assert (np.diff(calibration.apply(inside)) > 0).all()


def test_nothing_is_ever_certain() -> None:
    calibration = fit_isotonic(np.array([0.1, 0.9]), np.array([0.0, 1.0]))
    assert calibration.apply(np.array([0.0, 1.0])).tolist() == [0.25, 0.75]


def test_equal_raw_probabilities_make_one_knot() -> None:
    calibration = fit_isotonic(np.full(8, 0.3), np.array([1.0, 0, 0, 0, 0, 0, 1, 0]))
    assert calibration.apply(np.array([0.0, 0.3, 1.0])).tolist() == [0.25, 0.25, 0.25]


def test_figures_of_a_small_table_by_hand() -> None:
    computed = evaluate(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
    assert (computed.rows, computed.defaults, computed.observed, computed.auc) == (4, 2, 0.5, 0.75)
    assert computed.predicted == pytest.approx(0.4125)
    assert computed.brier == pytest.approx((0.01 + 0.16 + 0.65**2 + 0.04) / 4)
    assert computed.log_loss == pytest.approx(-np.log([0.9, 0.6, 0.35, 0.8]).mean())


def test_with_one_label_only_there_is_no_auc() -> None:
    assert evaluate(np.array([0.1, 0.2]), np.zeros(2)).auc is None


def test_the_calibration_table_has_every_row_once_in_rising_groups() -> None:
    table = calibration_table(TRUE, labels(TRUE))
    assert [group.rows for group in table] == [400] * 10
    assert np.diff([group.predicted for group in table]).min() > 0


def test_fewer_rows_than_groups_make_fewer_groups() -> None:
    assert len(calibration_table(np.array([0.1, 0.2]), np.array([0.0, 1.0]))) == 2
