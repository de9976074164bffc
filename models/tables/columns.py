"""Columns of a table as the lists of values that the contract encodes.

A CSV file holds text. What the contract calls a category is that text as written; what it calls a number is read as
one, and there alone are ``NA``, ``None`` and the like missing values.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from models.contract import Contract, Feature
from models.errors import TrainingDataError

NO_NUMBERS = frozenset({
    "", "#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "-nan", "1.#ind", "1.#qnan", "<na>", "n/a", "na", "nan",
    "null", "none", "?", ".", "-",
})  # fmt: skip
"""What a missing number is written as, in lower case."""

_WHOLE = r"\s*[+-]?\d{1,15}\s*"
_TRUTH = {"true": 1, "false": 0}


def need_columns(frame: pd.DataFrame, names: list[str]) -> None:
    """Raise :class:`TrainingDataError` naming every column that is missing and the one with the most similar name."""
    columns = [str(column) for column in frame.columns]
    if lacking := [name for name in names if name not in columns]:
        only = f" Its only column is {columns[0]!r}: name the file's --delimiter." if len(columns) == 1 else ""
        raise TrainingDataError(
            f"The table has no column {'; '.join(_with_nearest(name, columns) for name in lacking)}.{only}",
            do_next="Correct the name, the table or the contract.",
        )


def columns_from(frame: pd.DataFrame, contract: Contract) -> list[list[object]]:
    """Columns in contract order with values as in a request: str, int, float, or ``None`` for missing.

    Raises :class:`TrainingDataError` if a column that the contract calls a number holds text.
    """
    return [_values(frame[feature.name], feature) for feature in contract.features]


def with_numbers(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The contract's columns alone; text in those that it calls numbers is read as such. Raises as above."""
    text = [f for f in contract.features if f.kind != "category" and not _is_number(frame[f.name])]
    return frame[list(contract.names())].assign(**{f.name: _numbers(frame[f.name], f) for f in text})


def numbers_in(column: pd.Series) -> pd.Series | None:
    """The column as numbers, missing ones included, or None if it holds text or dates.

    Text of whole numbers becomes Int64, of truth values 1 and 0, of other numbers float64; infinities become missing.
    """
    if _is_number(column):
        return column.astype("Int8") if pd.api.types.is_bool_dtype(column) else column
    if column.isna().all():
        return column.astype("float64")
    return None if pd.api.types.is_datetime64_any_dtype(column) else _parsed(column.astype("str"))


def texts_in(column: pd.Series) -> list[str | None]:
    """The column as text as written, ``None`` where missing."""
    return [None if missing else _text(value) for value, missing in _values_and_missing(column)]


def _values(column: pd.Series, feature: Feature) -> list[object]:
    if feature.kind == "category":
        return list(texts_in(column))
    numbers = _numbers(column, feature)
    return [None if missing else value for value, missing in _values_and_missing(numbers)]


def _numbers(column: pd.Series, feature: Feature) -> pd.Series:
    numbers = numbers_in(column)
    if numbers is None:
        raise TrainingDataError(
            f"The contract calls {feature.name!r} a {feature.kind}, the table holds text there.",
            do_next="Correct the column, or make it a category in the contract.",
        )
    return numbers


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column)  # truth values are, too


def _parsed(text: pd.Series) -> pd.Series | None:
    lower = text.str.strip().str.lower()
    text = text.mask(lower.isin(NO_NUMBERS))
    if set(lower[text.notna()].unique()) <= set(_TRUTH):
        return lower.map(_TRUTH).astype("Int8")
    numbers = pd.to_numeric(text.astype(object), errors="coerce").astype("float64")
    if (numbers.isna() & text.notna()).any():
        return None
    if text.str.fullmatch(_WHOLE).fillna(value=True).all():  # all of them exact in a float
        return numbers.astype("Int64")
    return numbers.replace([np.inf, -np.inf], np.nan)


def _values_and_missing(column: pd.Series) -> Iterable[tuple[object, bool]]:
    """Each value as a Python object, and whether it is missing."""
    return zip(column.tolist(), column.isna().tolist(), strict=True)


def _text(value: object) -> str:
    """A category as in a request: without the ``.0`` that pandas gives whole numbers if some are missing."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _with_nearest(name: str, columns: list[str]) -> str:
    near = difflib.get_close_matches(name, columns, n=1)
    return f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name)
