"""Which rows are held out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.training.rows import Mask, Rows

HOLD_OUT_SHARE = 0.2


def held_out(rows: Rows, seed: int) -> Mask:
    """True where held out: the latest fifth by date, or without dates a seeded fifth of each outcome."""
    if rows.dates is not None:
        return _latest(rows.dates)
    return _stratified(rows.target, np.random.default_rng(seed))


def _latest(dates: NDArray[np.datetime64]) -> Mask:
    """Whole days: no day is cut in two, so as to keep the past strictly before the held-out rows."""
    days = dates.astype("datetime64[D]")
    first_held = np.sort(days)[int(len(days) * (1 - HOLD_OUT_SHARE))]
    return np.asarray(days >= first_held)


def _stratified(target: NDArray[np.float64], rng: np.random.Generator) -> Mask:
    mask = np.zeros(len(target), dtype=bool)
    for outcome in (0.0, 1.0):
        positions = rng.permutation(np.flatnonzero(target == outcome))
        mask[positions[: round(len(positions) * HOLD_OUT_SHARE)]] = True
    return mask
