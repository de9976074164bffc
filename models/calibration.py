"""Whether an isotonic map makes the probabilities of held-out rows better, and which one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss

from models.scorer import Calibration

FOLDS = 5

Vector = NDArray[np.float64]


def choose_calibration(raw: Vector, target: Vector, seed: int) -> tuple[Calibration, Vector]:
    """The calibration with the lower log-loss on rows it was not fitted on, and the probabilities that decided it.

    ``raw`` and ``target`` are ``(n,)`` held-out probabilities and outcomes. An isotonic map is fitted on four fifths
    and judged on the rest, five times. The returned ``(n,)`` probabilities are those cross-fitted ones, so figures
    made from them are not flattered by the calibration. On a tie nothing is calibrated.
    """
    cross_fitted = _cross_fitted(raw, target, np.random.default_rng(seed))
    if log_loss(target, cross_fitted, labels=[0, 1]) < log_loss(target, raw, labels=[0, 1]):
        return fit_isotonic(raw, target), cross_fitted
    return Calibration(method="none"), raw


def fit_isotonic(raw: Vector, target: Vector) -> Calibration:
    """The non-decreasing map with the least squared error, kept off 0 and 1.

    No finite sample shows that something never happens: values stay within ``1 / (n + 2)`` of the ends (Laplace's rule
    of succession), which also keeps the log-loss finite.
    """
    floor = 1.0 / (len(raw) + 2)
    isotonic = IsotonicRegression(y_min=floor, y_max=1.0 - floor).fit(raw, target)
    return Calibration(
        method="isotonic",
        raw=tuple(isotonic.X_thresholds_.tolist()),
        calibrated=tuple(isotonic.y_thresholds_.tolist()),
    )


def _cross_fitted(raw: Vector, target: Vector, rng: np.random.Generator) -> Vector:
    fold = rng.permutation(len(raw)) % FOLDS
    calibrated = np.empty_like(raw)
    for number in range(FOLDS):
        inside = fold == number
        calibrated[inside] = fit_isotonic(raw[~inside], target[~inside]).apply(raw[inside])
    return calibrated
