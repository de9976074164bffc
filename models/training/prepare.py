"""From the user's table to one with a target of 0 and 1 and with dates, without rows whose label is not known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.errors import TrainingDataError
from models.tables.columns import need_columns
from models.tables.dates import dates_in, what_to_do
from models.tables.target import TargetWords, labels_in


@dataclass(frozen=True)
class Prepared:
    """The rows to train on, and a sentence for each thing the user should know of them."""

    frame: pd.DataFrame
    notes: tuple[str, ...]


def prepare(
    frame: pd.DataFrame, target: str, date_column: str | None, words: TargetWords, date_format: str | None
) -> Prepared:
    """Raises TrainingDataError if a column is missing, the target's values do not tell, or some dates are none."""
    need_columns(frame, [target, *([date_column] if date_column else [])])
    labels = labels_in(frame[target], words)
    known = ~np.isnan(labels)
    if not known.any():
        raise TrainingDataError(f"The target {target!r} is empty in every row.", do_next="Name another column.")
    prepared = frame[known].assign(**{target: labels[known]})
    if date_column:
        prepared[date_column] = _dates(prepared[date_column], date_format)
    left_out = int((~known).sum())
    notes = (f"{left_out} of {len(frame)} rows are left out: their target says neither default nor paid.",)
    return Prepared(prepared.reset_index(drop=True), notes if left_out else ())


def _dates(column: pd.Series, date_format: str | None) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        raise TrainingDataError(
            f"The date column {column.name!r} holds numbers.", do_next="Give dates as 2004-12-31, or name another."
        )
    dates = dates_in(column, date_format)
    if wrong := int(dates.isna().sum()):
        raise TrainingDataError(
            f"The date column {column.name!r} is no {date_format or 'ISO 8601'} date in {wrong} of {len(dates)} rows.",
            do_next=what_to_do(column, date_format),
        )
    return dates
