"""What a target column says: which rows are defaults, which are paid loans, and which are not known yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.errors import TrainingDataError
from models.tables.columns import NO_NUMBERS, texts_in

TRUTH = {"1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "y": 1.0, "n": 0.0, "t": 1.0, "f": 0.0,
         "1.0": 1.0, "0.0": 0.0}  # fmt: skip
"""Answers to "did it default?", in lower case."""
_SHOWN_VALUES = 10


@dataclass(frozen=True)
class TargetWords:
    """The values that mean a default, and a paid loan. Without any, the answers in :data:`TRUTH` do.

    With values for a default alone, the target may have one other value, which then is a paid loan.
    """

    default: tuple[str, ...] = ()
    paid: tuple[str, ...] = ()


def labels_in(column: pd.Series, words: TargetWords) -> NDArray[np.float64]:
    """``(n,)`` 1 for a default, 0 for a paid loan, NaN where neither is known: an empty cell, a value not named.

    Raises TrainingDataError with what to say if the values do not tell.
    """
    texts = [None if text is None or text.strip().lower() in NO_NUMBERS else text.strip() for text in texts_in(column)]
    values = list(dict.fromkeys(text for text in texts if text is not None))
    meaning = _meaning(values, words, str(column.name))
    return np.array([meaning.get(text, np.nan) if text is not None else np.nan for text in texts], dtype=np.float64)


def _meaning(values: list[str], words: TargetWords, name: str) -> dict[str, float]:
    if not words.default:
        return _usual(values, name)
    if lacking := [value for value in words.default + words.paid if value not in values]:
        raise _unclear(name, f"holds no {' and no '.join(map(repr, lacking))}{_listed(values)}")
    others = [value for value in values if value not in words.default]
    if not words.paid and len(others) > 1:
        raise _unclear(name, f"holds {len(others)} other values{_listed(others)}: add --paid-value for those paid")
    return dict.fromkeys(words.paid or others, 0.0) | dict.fromkeys(words.default, 1.0)


def _usual(values: list[str], name: str) -> dict[str, float]:
    if all(value.lower() in TRUTH for value in values):
        return {value: TRUTH[value.lower()] for value in values}
    raise _unclear(name, f"is not 0 or 1{_listed(values)}")


def _unclear(name: str, what: str) -> TrainingDataError:
    return TrainingDataError(
        f"The target {name!r} {what}.", do_next="Say which value is a default: --default-value VALUE."
    )


def _listed(values: list[str]) -> str:
    """Only of a column that looks like a target: another one may hold personal data."""
    return (
        f" (it holds {', '.join(map(repr, values))})" if len(values) <= _SHOWN_VALUES else f" (in {len(values)} ways)"
    )
