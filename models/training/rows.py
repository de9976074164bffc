"""The rows a model is trained on: encoded, with label and date, without those that the service would reject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.contract import Contract, Feature
from models.errors import TrainingDataError
from models.tables.columns import columns_from, need_columns, with_numbers

Mask = NDArray[np.bool_]

HOLD_OUT_SHARE = 0.2
SLICE_ROWS = 20_000


@dataclass(frozen=True)
class LabelledRows:
    """``n`` applications: raw features, matrix ``(n, features)``, target ``(n,)`` of 0 or 1, dates ``(n,)`` if any."""

    features: pd.DataFrame
    matrix: NDArray[np.float64]
    target: NDArray[np.float64]
    dates: NDArray[np.datetime64] | None

    def __len__(self) -> int:
        return len(self.target)

    def where(self, mask: Mask) -> Self:
        """The rows that the mask selects, in their order."""
        dates = None if self.dates is None else self.dates[mask]
        return type(self)(self.features[mask], self.matrix[mask], self.target[mask], dates)

    def years(self) -> NDArray[np.int64]:
        """The calendar year of each row; :class:`TrainingDataError` without dates."""
        if self.dates is None:
            raise TrainingDataError("These rows have no dates.", do_next="Name a date column.")
        return self.dates.astype("datetime64[Y]").astype(np.int64) + 1970


def labelled_rows(frame: pd.DataFrame, contract: Contract) -> tuple[LabelledRows, int]:
    """The rows of the table that the service would accept, and the number of those it would reject.

    Rejected: a required feature is missing, or a number is outside its range. Raises :class:`TrainingDataError` if a
    column is missing, the target is not 0 or 1, or a date is not ISO 8601.
    """
    date_columns = [contract.date_column] if contract.date_column else []
    need_columns(frame, [contract.target, contract.id_column, *date_columns, *contract.names()])
    features = with_numbers(frame, contract)
    matrix = _encoded(features, contract)
    dates = _dates(frame[contract.date_column]) if contract.date_column else None
    rows = LabelledRows(features, matrix, _target(frame[contract.target]), dates)
    accepted = _accepted(matrix, contract.features)
    return rows.where(accepted), int((~accepted).sum())


def need_both_labels(rows: LabelledRows, which: str) -> None:
    """Raise :class:`TrainingDataError` unless ``rows`` hold at least two defaults and two paid loans."""
    defaults = int(rows.target.sum())
    if min(defaults, len(rows) - defaults) < 2:
        raise TrainingDataError(
            f"The {which} rows hold {defaults} defaults among {len(rows)}: at least two defaults and two paid loans are"
            " needed.",
            do_next="Give a table with both in each period, target 1 for a default and 0 for a paid loan.",
        )


def held_out(rows: LabelledRows, seed: int) -> Mask:
    """True where held out: the latest fifth by date, or without dates a random fifth of each label.

    No day is split: the training rows are strictly before the held-out ones, which may be more than a fifth.
    """
    if rows.dates is not None:
        days = rows.dates.astype("datetime64[D]")
        first_day = np.sort(days)[int(len(days) * (1 - HOLD_OUT_SHARE))]
        return np.asarray(days >= first_day)
    rng = np.random.default_rng(seed)
    mask = np.zeros(len(rows), dtype=bool)
    for label in (0.0, 1.0):
        positions = rng.permutation(np.flatnonzero(rows.target == label))
        mask[positions[: round(len(positions) * HOLD_OUT_SHARE)]] = True
    return mask


def _encoded(frame: pd.DataFrame, contract: Contract) -> NDArray[np.float64]:
    """In slices: as Python objects a whole table of 300,000 rows and 120 columns would take gigabytes."""
    slices = [frame.iloc[start : start + SLICE_ROWS] for start in range(0, len(frame), SLICE_ROWS)]
    return np.vstack([contract.encode(columns_from(part, contract))[0] for part in slices])


def _target(column: pd.Series) -> NDArray[np.float64]:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isin(values, (0.0, 1.0))
    if wrong.any():
        raise TrainingDataError(
            f"The target {column.name!r} is not 0 or 1 in {int(wrong.sum())} of {len(values)} rows.",
            do_next="Give 1 for a default, 0 for a paid loan, and leave out rows whose label is not known yet.",
        )
    return values


def _dates(column: pd.Series) -> NDArray[np.datetime64]:
    if pd.api.types.is_numeric_dtype(column):
        raise _no_date(column, "holds numbers")
    parsed = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True)
    if parsed.isna().any():
        raise _no_date(column, f"is no ISO 8601 date in {int(parsed.isna().sum())} of {len(parsed)} rows")
    return parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[s]")


def _no_date(column: pd.Series, what: str) -> TrainingDataError:
    return TrainingDataError(f"The date column {column.name!r} {what}.", do_next="Give dates as 2004-12-31.")


def _accepted(matrix: NDArray[np.float64], features: tuple[Feature, ...]) -> Mask:
    accepted = np.ones(len(matrix), dtype=bool)
    for values, feature in zip(matrix.T, features, strict=True):
        if feature.required:
            accepted &= ~np.isnan(values)
        if feature.minimum is not None:
            accepted &= ~(values < feature.minimum)  # false for NaN: missing is not out of range
        if feature.maximum is not None:
            accepted &= ~(values > feature.maximum)
    return accepted
