"""Probabilities of default to outcomes by the policy, with reason codes unless the outcome is *approved*.

Reasons are the features with the largest exact TreeSHAP contributions. They are computed only for the rows that need
them, since they cost many times the score. A lender owes about four specific reasons (Regulation B, 12 CFR 1002.9 and
its official interpretation).
"""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from models.contract import Contract, Feature
from models.policy import Policy
from models.scorer import Scorer
from stream_app.events import OutcomeName, Reason

Reasons = tuple[Reason, ...]

MAX_REASONS = 4
_NAMES: tuple[OutcomeName, ...] = get_args(OutcomeName)  # in the order of the policy's codes


def decide(
    policy: Policy,
    scorer: Scorer,
    contract: Contract,
    matrix: NDArray[np.float64],
    probabilities: NDArray[np.float64],
) -> tuple[list[OutcomeName], list[Reasons]]:
    """Outcome and reasons of each row; the reasons of an approved one are empty.

    ``matrix``: (n_rows, n_features); ``probabilities``: (n_rows,). Monotone: a riskier row never fares better.
    """
    codes = policy.outcomes(probabilities)
    reasons: list[Reasons] = [()] * len(codes)
    adverse = np.flatnonzero(codes)
    if len(adverse):
        for row, row_reasons in zip(adverse.tolist(), _reasons(scorer, contract, matrix[adverse]), strict=True):
            reasons[row] = row_reasons
    return [_NAMES[code] for code in codes.tolist()], reasons


def _reasons(scorer: Scorer, contract: Contract, matrix: NDArray[np.float64]) -> list[Reasons]:
    by_feature = scorer.contributions(matrix)
    order = np.argsort(-by_feature, axis=1, kind="stable")[:, :MAX_REASONS]
    strongest = np.take_along_axis(by_feature, order, axis=1)
    return [
        tuple(
            _reason(contract.features[position], contribution)
            for rank, (position, contribution) in enumerate(zip(positions, contributions, strict=True))
            if contribution > 0.0 or rank == 0  # an adverse outcome has a reason even if all speak for the applicant
        )
        for positions, contributions in zip(order.tolist(), strongest.tolist(), strict=True)
    ]


def _reason(feature: Feature, contribution: float) -> Reason:
    text = feature.reason_text or f"{feature.name} raises the risk"
    return Reason(feature.reason_code or feature.name, feature.name, round(contribution, 4), text)
