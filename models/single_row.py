"""Predictions of single rows through LightGBM's C API, prepared once for all calls.

``Booster.predict`` sets up a predictor in every call, which takes some 50 µs (measured); a row here takes 3 µs. At low
load the scorer predicts one or two rows at a time. The arithmetic is LightGBM's own: the values are the same to the
last bit, as a test states.
"""

from __future__ import annotations

import ctypes
import weakref

import numpy as np
from numpy.typing import NDArray

from models.errors import ScoringError
from models.lightgbm_import import lightgbm

# C_API_PREDICT_* and C_API_DTYPE_FLOAT64 of LightGBM's c_api.h
PROBABILITY, CONTRIBUTIONS = 0, 3
_FLOAT64 = 1

# PyDLL keeps the interpreter lock: to release it and wait for it again takes longer than these calls.
_api = ctypes.PyDLL(lightgbm.basic._LIB._name)  # type: ignore[attr-defined]  # the file that LightGBM loaded
_prepare = _api.LGBM_BoosterPredictForMatSingleRowFastInit
_one_row = _api.LGBM_BoosterPredictForMatSingleRowFast
_one_row.argtypes = [ctypes.c_void_p] * 4
_free = _api.LGBM_FastConfigFree
_free.argtypes = [ctypes.c_void_p]


class SingleRowPredictor:
    """One kind of prediction of one booster, row by row in the calling thread."""

    def __init__(self, booster: lightgbm.Booster, kind: int) -> None:
        self._booster = booster  # must not be freed before the prepared call
        self._columns = int(booster.num_feature()) + 1 if kind == CONTRIBUTIONS else 1
        self._prepared = ctypes.c_void_p()
        width, first, trees = booster.num_feature(), 0, booster.best_iteration
        _check(
            _prepare(
                booster._handle, kind, first, trees, _FLOAT64, width, b"num_threads=1", ctypes.byref(self._prepared)
            )
        )
        weakref.finalize(self, _free, self._prepared)

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """``(n, features)`` to ``(n,)`` probabilities, or to ``(n, features + 1)`` contributions with the mean last.

        The caller has checked the width.
        """
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        values = np.empty((len(rows), self._columns))
        length = ctypes.c_int64()
        source, target = rows.ctypes.data, values.ctypes.data
        for _ in range(len(rows)):
            _check(_one_row(self._prepared, source, ctypes.addressof(length), target))
            source, target = source + rows.strides[0], target + values.strides[0]
        return values[:, 0] if self._columns == 1 else values


def _check(status: int) -> None:
    if status:
        raise ScoringError("LightGBM refused a prediction.", do_next="Load another bundle.")
