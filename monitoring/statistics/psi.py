"""The population stability index (PSI) of two binned samples, and the limit that chance alone rarely passes.

Sources: N. Siddiqi, *Credit Risk Scorecards* (2006), for the index and the customary 0.25 ("major shift"); B. Yurdakul
and J. Naranjo, *Statistical properties of the population stability index*, Journal of Risk Model Validation 14(4)
(2020), for its distribution when nothing moved.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from monitoring.statistics.bins import Counts

LEAST_EXPECTED = 5
"""A bin in which fewer are expected joins the rest: below it counts are too far from normal for a chi-squared limit."""


def psi_and_limit(
    reference_counts: Counts, counts: Counts, false_alarm_rate: float, floor: float
) -> tuple[float, float]:
    """The index of ``(bins,)`` counts, rare bins pooled, and what it must exceed to be more than chance and ``floor``.

    Each side holds one row or more.
    """
    before, now = with_rare_pooled(reference_counts, counts)
    rows_before, rows_now = int(before.sum()), int(now.sum())
    return psi(before, now), psi_limit(rows_before, rows_now, len(now), false_alarm_rate, floor)


def with_rare_pooled(reference_counts: Counts, counts: Counts) -> tuple[Counts, Counts]:
    """Both ``(bins,)`` counts with the rare bins added up into one last bin, and bins empty on both sides left out.

    Rare is what the reference holds fewer than :data:`LEAST_EXPECTED` times, or leads to expect less often than that
    in a window of this size. The rest keeps its bin however little is in it: what the reference never held (a value
    gone missing, a new category) shows there.

    >>> with_rare_pooled(np.array([90, 1, 9, 0]), np.array([95, 2, 3, 0]))
    (array([90,  9,  1]), array([95,  3,  2]))
    """
    expected = reference_counts * (min(1.0, counts.sum() / max(1, reference_counts.sum())))
    common = expected >= LEAST_EXPECTED
    both = np.stack([_pooled(reference_counts, common), _pooled(counts, common)])
    reference_pooled, pooled = both[:, both.any(axis=0)]
    return reference_pooled, pooled


def _pooled(counts: Counts, common: NDArray[np.bool_]) -> Counts:
    return np.append(counts[common], counts[~common].sum())


def psi(reference_counts: Counts, counts: Counts) -> float:
    """``sum((p - q) * ln(p / q))`` over bins, ``q`` and ``p`` being the shares of the reference and of the window.

    0 when the shares are equal, never negative, the same both ways round. A zero count enters as half a count, since
    the logarithm has no value there. Neither side may be empty of rows.

    >>> round(psi(np.array([50, 50]), np.array([80, 20])), 4)
    0.4159
    """
    there = (reference_counts > 0) | (counts > 0)
    q = np.maximum(reference_counts[there], 0.5) / reference_counts.sum()
    p = np.maximum(counts[there], 0.5) / counts.sum()
    return float(np.sum((p - q) * np.log(p / q)))


def psi_limit(reference_rows: int, rows: int, bins: int, false_alarm_rate: float, floor: float) -> float:
    """What a window that did not move exceeds with a probability of at most ``false_alarm_rate``; at least ``floor``.

    ``(1 / reference_rows + 1 / rows)`` times the chi-squared quantile of ``bins - 1`` degrees of freedom. The larger
    the window, the smaller the limit: ``floor`` is the shift that matters however sure it is. One bin is judged as two.

    >>> round(psi_limit(5_000, 500, 10, false_alarm_rate=0.001, floor=0.0), 4)
    0.0613
    """
    quantile = float(chdtri(max(1, bins - 1), false_alarm_rate))
    return max(floor, (1 / reference_rows + 1 / rows) * quantile)
