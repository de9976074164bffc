"""From the encoded matrix to calibrated probabilities of default, and to each feature's part in them."""

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
from models.single_row import CONTRIBUTIONS, PROBABILITY, FewRows

Matrix = NDArray[np.float64]
FEW = 8
"""Rows up to which one by one is faster than all at once: the set-up of a call costs as much as some ten rows."""


class Scorer(Protocol):
    """What the stream needs of a model. Rows in, rows out; no state, safe to call from any thread."""

    def probability_of_default(self, matrix: Matrix) -> NDArray[np.float64]:
        """``(n, features)`` to ``(n,)`` calibrated probabilities, finite and in 0..1; :class:`ScoringError` if not."""

    def contributions(self, matrix: Matrix) -> NDArray[np.float64]:
        """``(n, features)`` to ``(n, features)`` exact Shapley values in log-odds; positive raises the risk."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A non-decreasing map of the raw probability: straight lines between the knots, flat outside; none without knots.

    >>> Calibration(method="isotonic", raw=(0.0, 0.5, 1.0), calibrated=(0.1, 0.2, 0.4)).apply(np.array([0.25, 1.0]))
    array([0.15, 0.4 ])
    """

    method: Literal["none", "isotonic"] = "none"
    raw: tuple[float, ...] = ()
    calibrated: tuple[float, ...] = ()

    def apply(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """``(n,)`` raw to ``(n,)`` calibrated probabilities."""
        if self.method == "none":
            return probability
        return np.interp(probability, *self._knots)

    @cached_property
    def _knots(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.array(self.raw), np.array(self.calibrated)


@dataclass(frozen=True)
class LightGBMScorer:
    """A LightGBM booster on ``threads`` threads. LightGBM ignores a count stored in the model: each call states it."""

    booster: lightgbm.Booster
    calibration: Calibration
    threads: int = 1

    @classmethod
    def from_text(cls, model_text: str, calibration: Calibration, threads: int = 1) -> LightGBMScorer:
        """The scorer of LightGBM's text format. Raises :class:`ScoringError` when the text is none.

        Only for text whose hash was checked: LightGBM trusts what it reads and may abort on text that was altered.
        """
        if not _is_whole(model_text.encode()):
            raise ScoringError("The model text is cut short or is no LightGBM model.")
        return cls(lightgbm.Booster(model_str=model_text), calibration, threads)

    def probability_of_default(self, matrix: Matrix) -> NDArray[np.float64]:
        """See :class:`Scorer`."""
        if not len(matrix):
            return np.empty(0)
        self._check_width(matrix)
        raw = self._few_probabilities.predict(matrix) if len(matrix) <= FEW else self._predict(matrix)
        probability = self.calibration.apply(raw)
        if not are_probabilities(probability):
            raise ScoringError("The model returned a value that is no probability.", do_next="Load another bundle.")
        return probability

    def contributions(self, matrix: Matrix) -> NDArray[np.float64]:
        """See :class:`Scorer`. Some ten times the price of a probability: ask only for the rows that need reasons."""
        if not len(matrix):
            return np.empty((0, self._width))
        self._check_width(matrix)
        few = len(matrix) <= FEW
        with_bias = self._few_contributions.predict(matrix) if few else self._predict(matrix, pred_contrib=True)
        return with_bias[:, :-1]

    @cached_property
    def _width(self) -> int:
        return int(self.booster.num_feature())

    @cached_property
    def _few_probabilities(self) -> FewRows:
        return FewRows(self.booster, PROBABILITY)

    @cached_property
    def _few_contributions(self) -> FewRows:
        return FewRows(self.booster, CONTRIBUTIONS)

    def _check_width(self, matrix: Matrix) -> None:
        if matrix.ndim != 2 or matrix.shape[1] != self._width:
            raise ScoringError(f"The model reads {self._width} features, the matrix has the shape {matrix.shape}.")

    def _predict(self, matrix: Matrix, **options: bool) -> NDArray[np.float64]:
        return np.asarray(self.booster.predict(matrix, num_threads=self.threads, **options), dtype=np.float64)


def are_probabilities(values: NDArray[np.float64]) -> bool:
    """Whether all of ``values`` are finite and in 0..1."""
    return bool(np.all((values >= 0.0) & (values <= 1.0)))  # also false for NaN


def _is_whole(model_text: bytes) -> bool:
    """Whether the trees fill the bytes the header gives them. LightGBM finds each by its size, reads on and aborts."""
    sizes = re.search(rb"^tree_sizes=([\d ]+)$", model_text, re.MULTILINE)
    first, end = model_text.find(b"\nTree=0\n") + 1, model_text.find(b"end of trees\n")
    return sizes is not None and sum(int(size) for size in sizes[1].split()) == end - first
