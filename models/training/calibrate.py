"""Chooses whether and how raw probabilities are calibrated."""

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

    ``raw``: ``(n,)`` held-out probabilities; ``target``: ``(n,)`` labels, 0 or 1. An isotonic map is fitted on four
    fifths and applied to the rest, five times. The returned ``(n,)`` probabilities are those cross-fitted ones (or
    ``raw``), so that figures computed from them are not too good. On a tie nothing is calibrated.
    """
    cross_fitted = _cross_fitted(raw, target, np.random.default_rng(seed))
    if log_loss(target, cross_fitted, labels=[0, 1]) < log_loss(target, raw, labels=[0, 1]):
        return fit_isotonic(raw, target), cross_fitted
    return Calibration(method="none"), raw


def fit_isotonic(raw: Vector, target: Vector) -> Calibration:
    """The non-decreasing map with the least squared error, linear between the centres of its steps, away from 0 and 1.

    ``raw`` and ``target`` are ``(n,)``. Isotonic regression gives steps; one knot at the mean raw probability of each
    step keeps the map rising between them, so that applicants with different raw probabilities stay different (centred
    isotonic regression, Oron and Flournoy 2017, doi 10.1080/19466315.2017.1286256). Values stay ``1 / (n + 2)`` away
    from 0 and 1 (Laplace's rule of succession): no finite sample shows that something never happens, and the log-loss
    stays finite.
    """
    margin = 1.0 / (len(raw) + 2)
    steps = IsotonicRegression(y_min=margin, y_max=1.0 - margin).fit_transform(raw, target)
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
