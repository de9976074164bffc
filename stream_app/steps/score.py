"""The feature matrix to probabilities of default: finite, in [0, 1], higher is riskier."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.scorer import Scorer, are_probabilities


def score(scorer: Scorer, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of default of each row of ``matrix`` (n_rows, n_features), as float64 (n_rows,).

    Raises ValueError if the scorer breaks its promise: another length, a NaN, or a value outside [0, 1].
    """
    if not len(matrix):
        return np.empty(0)
    probabilities = scorer.probability_of_default(matrix)
    if probabilities.shape != (len(matrix),):
        raise ValueError(f"the scorer gave shape {probabilities.shape} for {len(matrix)} rows")
    if not are_probabilities(probabilities):
        raise ValueError("the scorer gave a probability that is NaN or outside [0, 1]")
    return probabilities
