"""95 % confidence intervals for a share, a count and an area under the curve."""

from __future__ import annotations

from math import sqrt

from scipy.optimize import brentq
from scipy.special import gammaincinv

from stream_app.drift_events import Interval

TAIL = 0.025
"""Outside each end of a 95 % interval."""

Z = 1.959963984540054
"""The normal quantile of ``1 - TAIL``."""

_NEAR_END = 1e-9


def wilson(count: int, rows: int) -> Interval:
    """Of a share ``count / rows`` of at least one row; within 0..1 and of some width even at 0 and 1.

    Source: E. B. Wilson, J. American Statistical Association 22 (1927).

    >>> wilson(0, 10)
    Interval(low=0.0, high=0.2775327998628892)
    """
    share, weight = count / rows, Z * Z / rows
    middle = (share + weight / 2) / (1 + weight)
    reach = sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight)
    return Interval(max(0.0, middle - reach) if count else 0.0, min(1.0, middle + reach) if count < rows else 1.0)


def poisson_low(count: int) -> float:
    """The mean at which ``count`` or more are seen with a probability of 2.5 %; 0 for none."""
    return float(gammaincinv(count, TAIL)) if count else 0.0


def poisson_high(count: int) -> float:
    """The mean at which ``count`` or fewer are seen with a probability of 2.5 %.

    Both: F. Garwood, Biometrika 28 (1936).

    >>> round(poisson_high(0), 4)
    3.6889
    """
    return float(gammaincinv(count + 1, 1 - TAIL))


def auc_interval(auc: float, defaults: int, paid: int) -> Interval:
    """Of an AUC seen on ``defaults`` and ``paid`` loans, at least one of each.

    All areas ``a`` with ``|a - auc| <= 1.96 * sqrt(v(a))``, where ``v`` is Hanley and McNeil's variance (Radiology 143,
    1982) under the area in question, not the one seen: so an AUC of 1 on three defaults is not taken for certain.
    Method 5 of R. G. Newcombe, Statistics in Medicine 25 (2006).
    """
    inner = min(max(auc, _NEAR_END), 1 - _NEAR_END)  # at 0 and 1 the variance is 0, which solves the equation too
    low = brentq(lambda area: auc - area - Z * _auc_error(area, defaults, paid), 0.0, inner) if auc > 0 else 0.0
    high = brentq(lambda area: area - auc - Z * _auc_error(area, defaults, paid), inner, 1.0) if auc < 1 else 1.0
    return Interval(float(low), float(high))


def _auc_error(area: float, defaults: int, paid: int) -> float:
    others = (defaults + paid) / 2 - 1
    pairs_in_common = others * (1 - area) / (2 - area) + others * area / (1 + area)
    return sqrt(area * (1 - area) * (1 + pairs_in_common) / (defaults * paid))
