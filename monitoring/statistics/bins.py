"""Bins a distribution is counted in, taken from the reference once and used for every window.

Whatever the reference did not hold has a bin of its own, so that it moves the counts instead of vanishing: missing
values, unseen categories, numbers beyond the reference's range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]

QUANTILE_BINS = 10


class Bins(Protocol):
    """Where the values of one column belong."""

    @property
    def size(self) -> int:
        """Number of bins."""

    def positions(self, values: Vector) -> Counts:
        """``(rows,)`` encoded values, NaN where there is none, to the positions of their bins."""

    def counts(self, values: Vector, unseen: int = 0) -> Counts:
        """``(rows,)`` encoded values to ``(size,)`` counts; ``unseen`` of the NaN are categories nobody has seen, which
        are in the bin before the last. A number is never one.
        """
        counts = np.bincount(self.positions(values), minlength=self.size)
        counts[-2] += unseen
        counts[-1] -= unseen
        return counts


@dataclass(frozen=True)
class NumberBins(Bins):
    """Up to ten bins of about as many reference values each, one below and one above all of them, one for missing.

    ``edges``: rising; a value belongs to the first edge it does not exceed, to ``len(edges)`` beyond the last one, and
    to ``len(edges) + 1`` when it is missing.
    """

    edges: Vector

    @classmethod
    def of(cls, reference: Vector) -> NumberBins:
        """The bins of ``(n,)`` reference values: a bin for each value where there are ten or fewer, deciles otherwise.

        A decile that falls on the same value as the one before it (half of all businesses have no employee) makes no
        bin. Without any value there is one bin for all numbers, and one for missing.

        >>> NumberBins.of(np.array([0.0, 1.0, 1.0, np.nan])).positions(np.array([-1.0, 0.0, 1.0, 2.0, np.nan]))
        array([0, 1, 2, 3, 4])
        """
        distinct = np.unique(reference[~np.isnan(reference)])
        if not len(distinct):
            return cls(distinct)
        if len(distinct) > QUANTILE_BINS:
            shares = np.arange(1, QUANTILE_BINS + 1) / QUANTILE_BINS
            distinct = np.unique(np.nanquantile(reference, shares, method="inverted_cdf"))
        below_all = np.nextafter(np.nanmin(reference), -np.inf)
        return cls(np.concatenate(([below_all], distinct)))

    @property
    def size(self) -> int:
        """See :class:`Bins`."""
        return len(self.edges) + 2

    def positions(self, values: Vector) -> Counts:
        """See :class:`Bins`."""
        positions = np.searchsorted(self.edges, values, side="left")
        positions[np.isnan(values)] = self.size - 1
        return positions


@dataclass(frozen=True)
class CategoryBins(Bins):
    """A bin for each of the contract's ``categories`` (their number), one for unseen ones, one for missing.

    >>> CategoryBins(2).counts(np.array([0.0, 1.0, 1.0, np.nan, np.nan, np.nan]), unseen=1)
    array([1, 2, 1, 2])
    """

    categories: int

    @property
    def size(self) -> int:
        """See :class:`Bins`."""
        return self.categories + 2

    def positions(self, values: Vector) -> Counts:
        """See :class:`Bins`. An encoded category has lost its name: the unseen are among the missing here."""
        return np.where(np.isnan(values), self.size - 1, values).astype(np.int64)
