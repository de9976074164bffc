"""How good probabilities are, once the outcomes are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from models.manifest import CalibrationBin, Figures
from models.training.rows import Rows

Vector = NDArray[np.float64]

LEAK_AUC = 0.95
"""Loan books do not separate this well: above it, a column most likely tells the outcome."""


def figures(probability_of_default: Vector, target: Vector) -> Figures:
    """Discrimination and calibration of ``(n,)`` probabilities against ``(n,)`` outcomes of 0 and 1, ``n`` at least 1.

    AUC is the chance that a random default has a higher probability than a random paid loan (0.5: no use); null when
    there is only one outcome. Brier is the mean squared error, log-loss the mean of ``-ln`` of the probability given to
    what happened; for both lower is better.
    """
    one_outcome = bool(np.all(target == target[:1]))
    return Figures(
        rows=len(target),
        defaults=int(target.sum()),
        observed=float(target.mean()),
        predicted=float(probability_of_default.mean()),
        auc=None if one_outcome else float(roc_auc_score(target, probability_of_default)),
        brier=float(brier_score_loss(target, probability_of_default)),
        log_loss=float(log_loss(target, probability_of_default, labels=[0, 1])),
    )


def figures_by_year(prefix: str, rows: Rows, probability_of_default: Vector) -> dict[str, Figures]:
    """Figures for each calendar year, named ``"{prefix} {year}"``; empty without dates or rows."""
    if rows.dates is None or not len(rows):
        return {}
    years = rows.years()
    return {
        f"{prefix} {year}": figures(probability_of_default[years == year], rows.target[years == year])
        for year in np.unique(years)
    }


def calibration_table(probability_of_default: Vector, target: Vector, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Rows in ``bins`` equally large groups by probability: what was predicted there and what was observed.

    Fewer groups than ``bins`` when there are fewer rows.
    """
    order = np.argsort(probability_of_default, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    return tuple(
        CalibrationBin(
            rows=len(group),
            predicted=float(probability_of_default[group].mean()),
            observed=float(target[group].mean()),
        )
        for group in groups
    )
