"""Reads the user's table and turns its columns into the lists of values that the contract encodes."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from models.contract import Contract, Feature
from models.errors import TrainingDataError


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV, Parquet or JSON Lines file; infinities become missing values.

    Raises :class:`TrainingDataError` if the file is missing, of another kind, damaged or empty.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise TrainingDataError(f"{path} is no table.", do_next=f"Name a file that ends in {', '.join(_READERS)}.")
    try:
        frame = reader(path)
    except OSError as error:
        raise TrainingDataError(f"Cannot read {path}: {error.strerror or error}.", do_next="Name another.") from error
    except ValueError as error:  # raised by pandas and pyarrow for damaged content; UnicodeDecodeError is one too
        raise TrainingDataError(
            f"{path} is damaged or not of the kind its name ends in.", do_next="Export it again."
        ) from error
    if frame.empty:
        raise TrainingDataError(f"{path} has no rows.", do_next="Name a table with rows.")
    return frame.replace([np.inf, -np.inf], np.nan)


def need_columns(frame: pd.DataFrame, names: list[str]) -> None:
    """Raise :class:`TrainingDataError` naming every column that is missing and the one with the most similar name."""
    columns = [str(column) for column in frame.columns]
    if lacking := [name for name in names if name not in columns]:
        raise TrainingDataError(
            f"The table has no column {'; '.join(_with_nearest(name, columns) for name in lacking)}.",
            do_next="Correct the name, the table or the contract.",
        )


def columns_from(frame: pd.DataFrame, contract: Contract) -> list[list[object]]:
    """Columns in contract order with values as in a request: str, int, float, or ``None`` for missing.

    Raises :class:`TrainingDataError` if a column that the contract calls a number holds text.
    """
    return [_values(frame[feature.name], feature) for feature in contract.features]


def _values(column: pd.Series, feature: Feature) -> list[object]:
    if feature.kind == "category":
        return [None if missing else _text(value) for value, missing in _values_and_missing(column)]
    if pd.api.types.is_bool_dtype(column):
        column = column.astype("Int8")
    if not pd.api.types.is_numeric_dtype(column) and not column.isna().all():
        raise TrainingDataError(
            f"The contract calls {feature.name!r} a {feature.kind}, the table holds text there.",
            do_next="Correct the column, or make it a category in the contract.",
        )
    return [None if missing else value for value, missing in _values_and_missing(column)]


def _values_and_missing(column: pd.Series) -> Iterable[tuple[object, bool]]:
    """Each value as a Python object, and whether it is missing."""
    return zip(column.tolist(), column.isna().tolist(), strict=True)


def _text(value: object) -> str:
    """A category as in a request: without the ``.0`` that pandas gives whole numbers if some are missing."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _with_nearest(name: str, columns: list[str]) -> str:
    near = difflib.get_close_matches(name, columns, n=1)
    return f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name)


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": lambda path: pd.read_csv(path, low_memory=False),  # whole columns at once: one type per column
    ".parquet": pd.read_parquet,
    ".jsonl": lambda path: pd.read_json(path, lines=True, convert_dates=False),
}
