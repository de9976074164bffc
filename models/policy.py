"""The decision policy: from a probability of default to an outcome, with cut-offs derived from costs."""

from __future__ import annotations

from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

OUTCOMES = ("approved", "review", "refused")
"""Mildest first. :meth:`Policy.outcomes` returns positions in this tuple."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Two cut-offs on the probability of default, and the costs they are derived from.

    Costs are in units of one lost good loan. ``cost_ratio``: cost of a missed default. ``review_cost``: that of a
    manual review. ``review_at`` and ``refuse_at``: probabilities of default in 0..1, each the lowest of its outcome.
    Raises ValueError for others, which msgspec makes a ValidationError of.
    """

    id: str
    cost_ratio: float
    review_cost: float
    review_at: float
    refuse_at: float

    def __post_init__(self) -> None:
        if not 0 <= self.review_at <= self.refuse_at <= 1:
            raise ValueError(
                f"the cut-offs must be 0 <= review_at <= refuse_at <= 1, not {self.review_at:g} and {self.refuse_at:g}"
            )

    @classmethod
    def from_costs(cls, cost_ratio: float = 10.0, review_cost: float = 0.25) -> Self:
        """The policy with the least expected cost.

        At a probability of default ``p``, approving costs ``p * ratio`` (a missed default) and refusing ``1 - p`` (a
        lost good loan); they are equal at ``p = 1 / (1 + ratio)``. A review pays where the two differ by less than its
        cost ``c``: ``|p * ratio - (1 - p)| < c``, that is from ``(1 - c) / (1 + ratio)`` to ``(1 + c) / (1 + ratio)``.
        Source: Elkan (2001), "The foundations of cost-sensitive learning", IJCAI, for the case without review.

        Raises :class:`ModelError` unless ``cost_ratio > 0`` and ``0 <= review_cost < min(1, cost_ratio)``; with other
        costs no request would be approved, or none refused, without a review.

        >>> policy = Policy.from_costs(cost_ratio=9.0, review_cost=0.5)
        >>> policy.review_at, policy.refuse_at
        (0.05, 0.15)
        """
        if not (0 < cost_ratio < float("inf") and 0 <= review_cost < min(1.0, cost_ratio)):
            raise ModelError(
                f"No policy follows from a cost ratio of {cost_ratio:g} and a review cost of {review_cost:g}.",
                do_next="Give a cost ratio above 0 and a review cost from 0 to below both 1 and the cost ratio.",
            )
        return cls(
            id=f"cost-{cost_ratio:g}-review-{review_cost:g}",
            cost_ratio=cost_ratio,
            review_cost=review_cost,
            review_at=(1 - review_cost) / (1 + cost_ratio),
            refuse_at=(1 + review_cost) / (1 + cost_ratio),
        )

    def outcomes(self, probability_of_default: NDArray[np.float64]) -> NDArray[np.int8]:
        """``(n,)`` probabilities to ``(n,)`` positions in :data:`OUTCOMES`.

        0 below ``review_at``, 1 from there, 2 from ``refuse_at``: a higher probability never gets a milder outcome.
        """
        below_review = probability_of_default < self.review_at
        below_refusal = probability_of_default < self.refuse_at
        return np.where(below_review, 0, np.where(below_refusal, 1, 2)).astype(np.int8)
