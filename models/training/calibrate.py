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
    """The non-decreasing map with the least squared error, joined through the middle of its steps, kept off 0 and 1.

    Isotonic regression gives steps; one knot at each step's mean raw probability keeps the map rising between them, so
    that applicants the trees tell apart stay apart (centred isotonic regression, Oron and Flournoy 2017,
    doi 10.1080/19466315.2017.1286256). No finite sample shows that something never happens: values stay ``1 / (n + 2)``
    away from the ends (Laplace's rule of succession), which also keeps the log-loss finite.
    """
    nearest = 1.0 / (len(raw) + 2)
    steps = IsotonicRegression(y_min=nearest, y_max=1.0 - nearest).fit_transform(raw, target)
    values, step = np.unique(steps, return_inverse=True)
    centres = np.bincount(step, weights=raw) / np.bincount(step)
    return Calibration(method="isotonic", raw=tuple(centres.tolist()), calibrated=tuple(values.tolist()))


def _cross_fitted(raw: Vector, target: Vector, rng: np.random.Generator) -> Vector:
    fold = rng.permutation(len(raw)) % FOLDS
    calibrated = np.empty_like(raw)
    for number in range(FOLDS):
        inside = fold == number
        calibrated[inside] = fit_isotonic(raw[~inside], target[~inside]).apply(raw[inside])
    return calibrated
