"""How good the decisions of one window are: the performance the model expects, and what is realised so far.

A default is known after months, a loan that will be paid only when its time is over. Every figure of the
labelled rows is therefore of a biased part; the ``bounds`` alone hold for the whole window.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring.statistics.bins import Vector
from monitoring.statistics.intervals import auc_interval, poisson_high, poisson_low, wilson
from stream_app.drift_events import CalibrationVerdict, Interval, Performance, Realised

RATIO_LIMITS = (0.7, 1.4)
"""Observed over predicted defaults: below the first the model is too pessimistic, above the second too optimistic."""

_LEAST_PREDICTED = 1e-9  # a model that rules defaults out altogether: keeps the ratio a number


def performance_of(
    model_version: str,
    probability: Vector,
    defaulted: Vector,
    min_rows: int,
    ratio_limits: tuple[float, float] = RATIO_LIMITS,
) -> Performance:
    """Of the ``(n,)`` probabilities of default one model version gave, ``n`` at least 1.

    ``defaulted``: ``(n,)``; 1 defaulted, 0 paid, NaN not known yet. Of fewer than ``min_rows`` rows calibration is not
    judged; the figures stay, with their intervals.
    """
    labelled = int(np.count_nonzero(~np.isnan(defaulted)))
    limits = ratio_limits if len(probability) >= min_rows else None
    return Performance(
        model_version=model_version,
        rows=len(probability),
        expected_default_rate=float(probability.mean()),
        expected_auc=expected_auc(probability),
        labelled=labelled,
        labelled_share=labelled / len(probability),
        realised=_realised(probability, defaulted, limits) if labelled else None,
    )


def expected_auc(probability: Vector) -> float | None:
    """The AUC to expect if the ``(n,)`` probabilities of default are right: no label is needed.

    Over all ordered pairs ``i != j``: ``sum(p_i (1 - p_j) [p_i > p_j, or half of it when equal])`` over
    ``sum(p_i (1 - p_j))``. ``O(n log n)``. None when no pair can hold a default and a paid loan. It is as right as the
    calibration: a model that is off expects too much of itself.

    Source: confidence-based performance estimation, J. Bialek et al., *Estimating Model Performance Under Covariate
    Shift Without Labels* (2024).

    >>> expected_auc(np.array([1.0, 0.0])), expected_auc(np.array([0.3, 0.3])), expected_auc(np.array([0.3]))
    (1.0, 0.5, None)
    """
    distinct, rows = np.unique(probability, return_counts=True)
    defaults, paid = distinct * rows, (1 - distinct) * rows
    with_itself = float(np.sum(distinct * (1 - distinct) * rows))  # no loan is paired with itself
    pairs = defaults.sum() * paid.sum() - with_itself
    if pairs <= 0:
        return None
    return float(np.clip((_pairs_won(defaults, paid) - with_itself / 2) / pairs, 0.0, 1.0))


def realised_auc(probability: Vector, defaulted: NDArray[np.bool_]) -> float | None:
    """Share of the pairs of a default and a paid loan in which the default had the higher probability; ties are half.

    None when there are only defaults or only paid loans.
    """
    defaults, paid = _classes(defaulted)
    if not (defaults and paid):
        return None
    distinct, position = np.unique(probability, return_inverse=True)
    by_value = (np.bincount(position[members], minlength=len(distinct)) for members in (defaulted, ~defaulted))
    return float(_pairs_won(*by_value) / (defaults * paid))


def _pairs_won(defaults: NDArray[Any], paid: NDArray[Any]) -> float:
    """Pairs in which the default has the higher value, half of the ties: numbers of each by rising distinct value."""
    return float(np.sum(defaults * (np.cumsum(paid) - paid / 2)))


def bounds_of(defaults: int, unlabelled: int, predicted: float) -> Interval:
    """What observed over predicted defaults of the whole window can be, given ``defaults`` known and the rest open.

    Low: every open loan is paid. High: every open loan defaults. Each end with the exact 95 % limit of a Poisson count
    for chance. ``predicted``: the sum of the probabilities of all rows, labelled or not. Labels that arrive only narrow
    it, and it holds the point that will be known in the end. What can never have an outcome (a refused application)
    stays open: it keeps the bounds apart, and never makes a verdict wrong.
    """
    predicted = max(predicted, _LEAST_PREDICTED)
    return Interval(poisson_low(defaults) / predicted, poisson_high(defaults + unlabelled) / predicted)


def calibration_verdict(bounds: Interval, ratio_limits: tuple[float, float] | None) -> CalibrationVerdict:
    """Which side of the limits the bounds leave no doubt of; ``unknown`` while they leave some, or without limits."""
    if ratio_limits is None:
        return "unknown"
    lowest, highest = ratio_limits
    if bounds.low > highest:
        return "predicted_too_low"
    if bounds.high < lowest:
        return "predicted_too_high"
    return "in_line" if lowest <= bounds.low and bounds.high <= highest else "unknown"


def _realised(probability: Vector, defaulted: Vector, ratio_limits: tuple[float, float] | None) -> Realised:
    known = ~np.isnan(defaulted)
    labels, p = defaulted[known] == 1.0, probability[known]
    defaults, paid = _classes(labels)
    auc = realised_auc(p, labels)
    bounds = bounds_of(defaults, len(defaulted) - len(labels), float(probability.sum()))
    return Realised(
        default_rate=defaults / len(labels),
        default_rate_interval=wilson(defaults, len(labels)),
        auc=auc,
        auc_interval=None if auc is None else auc_interval(auc, defaults, paid),
        brier=float(np.mean((p - labels) ** 2)),
        log_loss=_log_loss(p, labels),
        observed_over_predicted=float(defaults / p.sum()) if p.sum() > 0 else None,
        bounds=bounds,
        calibration=calibration_verdict(bounds, ratio_limits),
    )


def _classes(labels: NDArray[np.bool_]) -> tuple[int, int]:
    defaults = int(np.count_nonzero(labels))
    return defaults, len(labels) - defaults


def _log_loss(probability: Vector, labels: NDArray[np.bool_]) -> float:
    """Mean of ``-ln`` of the probability given to what happened, which counts as at least 2.2e-16."""
    given = np.where(labels, probability, 1 - probability)
    return float(-np.mean(np.log(np.maximum(given, np.finfo(np.float64).eps))))
