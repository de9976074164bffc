"""Columns of a user's table as values of requests, profiles and labels: features with their JSON types, ids, dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pandas as pd

from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE
from models.tables.columns import columns_from, texts_in
from models.tables.dates import dates_in, what_to_do
from stream_app.errors import InputFileError
from stream_app.events import MAX_CLIENT_ID, LoanRequest

SHOWN_ROWS = 10

FeatureObject = dict[str, object]

Request = LoanRequest[FeatureObject]

Profile = tuple[str, bytes]
"""Client id and JSON object of features, as the client store takes them."""


def read_contract(bundle: Path | None) -> Contract:
    """The contract of a bundle folder, of the shipped one without. Raises ContractError.

    Reads that one file and not the model: LightGBM takes seconds to import.
    """
    return Contract.read(bundle / "contract.json" if bundle else CONTRACT_FILE)


def feature_objects(frame: pd.DataFrame, contract: Contract) -> list[FeatureObject]:
    """One object a row with those features of the contract that are columns of the frame; an empty cell is None.

    Whole numbers are ints even where pandas made floats of them. Raises TrainingDataError when a column the contract
    calls a number holds text.
    """
    present = tuple(feature for feature in contract.features if feature.name in frame.columns)
    columns = columns_from(frame, msgspec.structs.replace(contract, features=present))
    names = [feature.name for feature in present]
    typed = [
        _whole(column) if feature.kind == "integer" else column
        for feature, column in zip(present, columns, strict=True)
    ]
    return [dict(zip(names, values, strict=True)) for values in zip(*typed, strict=True)]


def text_column(frame: pd.DataFrame, name: str) -> list[str | None]:
    """A column as text as written, None where empty; ``7.0``, which pandas makes of 7 above an empty cell, is ``7``."""
    return texts_in(frame[name])


def id_column(frame: pd.DataFrame, name: str, max_length: int = MAX_CLIENT_ID) -> list[str]:
    """A column of ids. Raises InputFileError naming the rows whose id is empty or longer than ``max_length``."""
    ids = [value or "" for value in text_column(frame, name)]
    require_rows(
        [0 < len(value) <= max_length for value in ids],
        f"{name!r} is empty or longer than {max_length} characters",
        do_next="Give each row an id, or name another column.",
    )
    return ids


def utc_dates(column: pd.Series, date_format: str | None = None, otherwise: str = "") -> list[dt.datetime]:
    """A column of dates, ISO 8601 without a format, UTC where they name no zone.

    ``otherwise``: what the user can do instead of correcting them. Raises InputFileError naming the rows without one.
    """
    dates = dates_in(column, date_format)
    if dates.isna().any():
        require_rows(
            dates.notna(),
            f"{column.name!r} is no {date_format or 'ISO 8601'} date",
            do_next=f"{what_to_do(column, date_format).removesuffix('.')}{otherwise}.",
        )
    return [date.to_pydatetime() for date in dates]


def require_rows(valid: Iterable[bool], fault: str, *, do_next: str) -> None:
    """Raise InputFileError unless every row is valid; ``fault`` is what the others have in common."""
    if broken := [row for row, is_valid in enumerate(valid, start=1) if not is_valid]:
        raise InputFileError(f"{fault} in {_rows_text(broken)}.", kept="Nothing was sent or stored.", do_next=do_next)


def _rows_text(rows: list[int]) -> str:
    """``row 3``, or ``rows 3, 4 and 5 more``: data rows, the first is 1."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    more = f" and {len(rows) - SHOWN_ROWS} more" if len(rows) > SHOWN_ROWS else ""
    return f"rows {', '.join(map(str, rows[:SHOWN_ROWS]))}{more}"


def _whole(column: list[object]) -> list[object]:
    return [int(value) if isinstance(value, float) and value.is_integer() else value for value in column]
