"""How good probabilities of default are, once the labels are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from models.manifest import CalibrationBin, Figures
from models.training.rows import LabelledRows

Vector = NDArray[np.float64]

LEAK_AUC = 0.95
"""Loan books do not separate this well: above it, a column most likely contains the label."""


def evaluate(probability_of_default: Vector, target: Vector) -> Figures:
    """Discrimination and calibration of ``(n,)`` probabilities ``p`` against ``(n,)`` labels ``y``, ``n`` at least 1.

    * AUC: chance that a random default has a higher ``p`` than a random paid loan, ties counting half; 0.5 is no use.
      None if all labels are the same. Source: Hanley and McNeil (1982), doi 10.1148/radiology.143.1.7063747.
    * Brier: mean of ``(p - y)²``; lower is better. Source: Brier (1950), Monthly Weather Review 78.
    * log-loss: mean of ``-ln(p)`` over defaults and ``-ln(1 - p)`` over paid loans; lower is better.
    """
    one_class = bool(np.all(target == target[:1]))
    return Figures(
        rows=len(target),
        defaults=int(target.sum()),
        observed=float(target.mean()),
        predicted=float(probability_of_default.mean()),
        auc=None if one_class else float(roc_auc_score(target, probability_of_default)),
        brier=float(brier_score_loss(target, probability_of_default)),
        log_loss=float(log_loss(target, probability_of_default, labels=[0, 1])),
    )


def evaluate_by_year(prefix: str, rows: LabelledRows, probability_of_default: Vector) -> dict[str, Figures]:
    """Figures for each calendar year, named ``"{prefix} {year}"``; empty without dates or rows."""
    if rows.dates is None or not len(rows):
        return {}
    years = rows.years()
    return {
        f"{prefix} {year}": evaluate(probability_of_default[years == year], rows.target[years == year])
        for year in np.unique(years)
    }


def calibration_table(probability_of_default: Vector, target: Vector, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Mean probability and observed default rate in ``bins`` groups of rising probability, of equal size (±1).

    ``(n,)`` probabilities and ``(n,)`` labels. Fewer than ``bins`` rows give one group each, no rows an empty table.
    """
    order = np.argsort(probability_of_default, kind="stable")
    return tuple(
        CalibrationBin(
            rows=len(group),
            predicted=float(probability_of_default[group].mean()),
            observed=float(target[group].mean()),
        )
        for group in np.array_split(order, bins)
        if len(group)
    )
