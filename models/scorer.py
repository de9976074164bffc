"""From the encoded matrix to calibrated probabilities of default and to each feature's contribution."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.errors import ScoringError
from models.lightgbm_import import lightgbm
from models.single_row import CONTRIBUTIONS, PROBABILITY, SingleRowPredictor

Matrix = NDArray[np.float64]
FEW_ROWS = 8
"""Up to so many rows, one by one is faster than all at once: the set-up of a call costs as much as some ten rows."""


class Scorer(Protocol):
    """A model as the pipeline uses it. Stateless; safe to call from any thread."""

    def probability_of_default(self, matrix: Matrix) -> NDArray[np.float64]:
        """``(n, features)`` to ``(n,)`` calibrated probabilities in 0..1; no rows give ``(0,)``.

        Raises :class:`ScoringError` if the matrix has another width or a result is not a probability.
        """

    def contributions(self, matrix: Matrix) -> NDArray[np.float64]:
        """``(n, features)`` to ``(n, features)`` exact Shapley values, in log-odds before calibration.

        A positive value raises the risk; a row's values and the model's mean add up to the row's log-odds. Some ten
        times the price of a probability: ask only for rows that need reasons. Source: Lundberg, Erion, Lee (2018),
        "Consistent individualized feature attribution for tree ensembles", arXiv:1802.03888.
        """


class Calibration(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A non-decreasing map of the raw probability: linear between the knots ``raw`` to ``calibrated``, flat outside.

    The method "none" has no knots and returns the raw probability. Raises ValueError for knots that make no such map.

    >>> Calibration(method="isotonic", raw=(0.0, 0.5, 1.0), calibrated=(0.1, 0.2, 0.4)).apply(np.array([0.25, 1.0]))
    array([0.15, 0.4 ])
    """

    method: Literal["none", "isotonic"] = "none"
    raw: tuple[float, ...] = ()
    calibrated: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.raw) != len(self.calibrated) or (self.method == "isotonic") != bool(self.raw):
            raise ValueError("an isotonic calibration has as many raw as calibrated knots, another has none")
        if not (are_probabilities(knots := np.array([self.raw, self.calibrated])) and np.all(np.diff(knots) >= 0)):
            raise ValueError("the knots of a calibration must be probabilities that never fall")

    def apply(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """``(n,)`` raw to ``(n,)`` calibrated probabilities, both in 0..1."""
        if self.method == "none":
            return probability
        return np.interp(probability, *self._knots)

    @cached_property
    def _knots(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.array(self.raw), np.array(self.calibrated)


@dataclass(frozen=True)
class LightGBMScorer:
    """A :class:`Scorer` on LightGBM; ``threads`` is passed with each call, since LightGBM ignores the model's own."""

    booster: lightgbm.Booster
    calibration: Calibration
    threads: int = 1

    @classmethod
    def from_text(cls, model_text: str, calibration: Calibration, threads: int = 1) -> LightGBMScorer:
        """The scorer of a model in LightGBM's text format. Raises :class:`ScoringError` for other text.

        Only for text whose hash was checked: LightGBM does not validate it and may abort on altered text.
        """
        if not (_is_whole(model_text.encode()) and _is_acyclic(model_text)):
            raise ScoringError("The model text is cut short or is no LightGBM model.", do_next="Load another bundle.")
        return cls(lightgbm.Booster(model_str=model_text), calibration, threads)

    def probability_of_default(self, matrix: Matrix) -> NDArray[np.float64]:
        probability = self.calibration.apply(self._predict(PROBABILITY, matrix))
        if not are_probabilities(probability):
            raise ScoringError("The model returned a value that is no probability.", do_next="Load another bundle.")
        return probability

    def contributions(self, matrix: Matrix) -> NDArray[np.float64]:
        return self._predict(CONTRIBUTIONS, matrix)[:, :-1]  # without the model's mean

    @cached_property
    def _width(self) -> int:
        return int(self.booster.num_feature())

    @cached_property
    def _predictors(self) -> dict[int, SingleRowPredictor]:
        return {kind: SingleRowPredictor(self.booster, kind) for kind in (PROBABILITY, CONTRIBUTIONS)}

    def _predict(self, kind: int, matrix: Matrix) -> NDArray[np.float64]:
        if matrix.ndim != 2 or matrix.shape[1] != self._width:
            raise ScoringError(
                f"The model reads {self._width} features, the matrix has the shape {matrix.shape}.",
                do_next="Encode requests with the contract of the same bundle.",
            )
        if len(matrix) <= FEW_ROWS:
            return self._predictors[kind].predict(matrix)
        contributions = kind == CONTRIBUTIONS
        predicted = self.booster.predict(matrix, num_threads=self.threads, pred_contrib=contributions)
        return np.asarray(predicted, dtype=np.float64)


def are_probabilities(values: NDArray[np.float64]) -> bool:
    """Whether all of ``values`` are in 0..1; false for NaN, true for no values."""
    return bool(np.all((values >= 0.0) & (values <= 1.0)))


def _is_whole(model_text: bytes) -> bool:
    """Whether the trees have the lengths stated in the header. LightGBM relies on them and aborts if they are wrong."""
    sizes = re.search(rb"^tree_sizes=([\d ]+)$", model_text, re.MULTILINE)
    first, end = model_text.find(b"\nTree=0\n") + 1, model_text.find(b"end of trees\n")
    return sizes is not None and sum(int(size) for size in sizes[1].split()) == end - first


def _is_acyclic(model_text: str) -> bool:
    """Whether each node comes before its children, as LightGBM numbers them. In a cycle a prediction never ends."""
    children_of_trees = re.findall(r"^(?:left|right)_child=(.*)$", model_text, re.MULTILINE)
    return all(
        int(child) < 0 or int(child) > parent  # a negative number is a leaf
        for children in children_of_trees
        for parent, child in enumerate(children.split())
    )
