"""Columns that a model must not learn by accident: ids, and what is known only once the loan has ended."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models.tables.columns import numbers_in

Vector = NDArray[np.float64]

FEWEST_ROWS = 50
"""Below, chance alone makes a column look like an id or like the label."""
LEAK_AUC_ALONE = 0.9
"""No single fact known at the application separates defaults that well; what is known afterwards does."""
FEWEST_TELLTALES = 30
SURE_SHARE = 0.99

_CODE = r"[+-]?0\d.*|\+\d+|\d+[eE]\d+"


def is_code(column: pd.Series) -> bool:
    """Whether text of digits is a code and no number: with leading zeros, a plus, or an ``e`` as no program writes it.

    >>> is_code(pd.Series(["007", "7"])), is_code(pd.Series(["1e-05", "0.7"])), is_code(pd.Series(["1e5", "7"]))
    (True, False, True)
    """
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return False
    return bool(column.dropna().astype("str").str.strip().str.fullmatch(_CODE).any())


def suspicion(column: pd.Series, target: pd.Series, *, names_a_thing: bool) -> str | None:
    """Why a column should not be learned, None where nothing speaks against it.

    ``target``: 1 for a default, 0 for a paid loan. ``names_a_thing``: its name says that it is an id.
    """
    if len(column) < FEWEST_ROWS:
        return None
    numbers = numbers_in(column)
    if numbers is not None and _is_id(numbers, names_a_thing=names_a_thing):
        return "it seems to be an id (if it is none, add --keep for it)"
    if sign := _tells_the_outcome(column, numbers, target.to_numpy(dtype=np.float64)):
        return f"{sign}, as only what is known after the loan does (if this is none of it, add --keep for it)"
    return None


def _is_id(numbers: pd.Series, *, names_a_thing: bool) -> bool:
    """Whole numbers that nearly all differ, and are called an id, count the rows, or are too long to be amounts."""
    values = numbers.dropna().to_numpy(dtype=np.float64)
    different = len(np.unique(values))
    if not len(values) or not np.all(values == np.floor(values)) or different < len(values) / 2:
        return False
    counts_rows = different == len(values) and values.max() - values.min() == len(values) - 1
    return names_a_thing or counts_rows or float(np.median(np.abs(values))) > 2**53


def _tells_the_outcome(column: pd.Series, numbers: pd.Series | None, target: Vector) -> str | None:
    ranks = _ranks(column, numbers, target)
    auc = roc_auc_score(target, ranks) if 0 < target.mean() < 1 else 0.5
    if max(auc, 1 - auc) >= LEAK_AUC_ALONE:
        return f"alone it tells defaults from paid loans with an AUC of {max(auc, 1 - auc):.2f}"
    telltale = ranks != np.median(ranks)  # such as recoveries, which are 0 for all that were paid
    share = float(target[telltale].mean()) if telltale.sum() >= FEWEST_TELLTALES else 0.0
    if share >= SURE_SHARE > target.mean():
        return f"{share:.0%} of the {int(telltale.sum())} loans with another value than most have defaulted"
    return None


def _ranks(column: pd.Series, numbers: pd.Series | None, target: Vector) -> Vector:
    """Numbers as they are, missing ones below all; a category as its share of defaults."""
    if numbers is not None:
        values: Vector = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
        lowest = float(np.nanmin(values))
        return np.where(np.isnan(values), lowest - 1, values)
    shares: pd.Series = pd.Series(target).groupby(column.astype("str").fillna("").to_numpy()).transform("mean")
    return np.asarray(shares, dtype=np.float64)
