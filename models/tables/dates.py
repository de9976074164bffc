"""Dates of a column: ISO 8601, or in the format that the user names."""

from __future__ import annotations

import pandas as pd

KNOWN_FORMATS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%b-%Y", "%b-%y", "%d-%b-%y",
                 "%d%b%Y", "%m/%Y", "%Y-%m-%dT%H:%M:%S%z")  # fmt: skip
_SUGGESTED_FROM = 200
"""So many values show which formats fit."""


def dates_in(column: pd.Series, date_format: str | None = None) -> pd.Series:
    """Each value in UTC, NaT where it is no date. Without a zone it is UTC; a number is no ISO date."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.to_datetime(column, utc=True)
    text = column.astype("str").str.strip()
    if date_format is None:
        return pd.to_datetime(
            text.mask(text.str.fullmatch(r"[+-]?[\d.]+")), errors="coerce", format="ISO8601", utc=True
        )
    return pd.to_datetime(text, errors="coerce", format=date_format, utc=True)


def what_to_do(column: pd.Series, date_format: str | None) -> str:
    """What to tell the user about a column in which some values are no dates; names no value."""
    text = column.dropna().astype("str").head(_SUGGESTED_FROM)
    fitting = [known for known in KNOWN_FORMATS if dates_in(text, known).notna().all()] if len(text) else []
    if fitting and date_format is None:
        return f"Say how they are written: --date-format {' or '.join(fitting)}."
    return "Give dates as 2004-12-31, or say how they are written with --date-format %d/%m/%Y."
