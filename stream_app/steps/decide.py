"""Probabilities and policy to outcomes, and the principal reasons where the answer is not *approved*.

Reasons are exact TreeSHAP contributions, computed only for the rows that need them: they cost many times the score.
A lender owes about four specific reasons (Regulation B, 12 CFR 1002.9 and its official interpretation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from models.contract import Contract
from models.policy import Policy
from models.scorer import Scorer
from stream_app.events import OutcomeName, Reason

MAX_REASONS = 4
_NAMES: tuple[OutcomeName, ...] = get_args(OutcomeName)  # in the order of the policy's codes


@dataclass(frozen=True, slots=True)
class Decided:
    """Outcome names and reasons, one of each a row; reasons are empty where approved."""

    outcomes: list[OutcomeName]
    reasons: list[tuple[Reason, ...]]


def decide(
    policy: Policy,
    scorer: Scorer,
    contract: Contract,
    matrix: NDArray[np.float64],
    probabilities: NDArray[np.float64],
) -> Decided:
    """``matrix``: (n_rows, n_features); ``probabilities``: (n_rows,). Monotone: a riskier row never fares better."""
    codes = policy.outcomes(probabilities)
    reasons: list[tuple[Reason, ...]] = [()] * len(codes)
    adverse = np.flatnonzero(codes)
    if len(adverse):
        for row, found in zip(adverse.tolist(), _reasons(scorer, contract, matrix[adverse]), strict=True):
            reasons[row] = found
    return Decided([_NAMES[code] for code in codes.tolist()], reasons)


def _reasons(scorer: Scorer, contract: Contract, matrix: NDArray[np.float64]) -> list[tuple[Reason, ...]]:
    contributions = scorer.contributions(matrix)
    order = np.argsort(-contributions, axis=1, kind="stable")[:, :MAX_REASONS]
    strongest = np.take_along_axis(contributions, order, axis=1)
    return [
        tuple(
            _reason(contract, feature, value)
            for rank, (feature, value) in enumerate(zip(features, values, strict=True))
            if value > 0.0 or rank == 0  # an adverse answer always has a reason, even if all speak for the applicant
        )
        for features, values in zip(order.tolist(), strongest.tolist(), strict=True)
    ]


def _reason(contract: Contract, feature: int, contribution: float) -> Reason:
    of = contract.features[feature]
    return Reason(
        of.reason_code or of.name, of.name, round(contribution, 4), of.reason_text or f"{of.name} raises the risk"
    )
