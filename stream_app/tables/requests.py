"""Rows of a user's table as loan requests."""

from __future__ import annotations

import datetime as dt
import hashlib

import msgspec
import pandas as pd

from models.contract import Contract
from models.errors import TrainingDataError
from models.tables.columns import need_columns
from stream_app.events import MAX_REQUEST_ID, LoanRequest
from stream_app.tables.columns import FeatureObject, Request, feature_objects, id_column, utc_dates


class RequestColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a request's ids and time; None: see :func:`requests_of`."""

    client_id: str
    request_id: str | None = None
    date: str | None = None
    date_format: str | None = None


def requests_of(table: pd.DataFrame, contract: Contract, columns: RequestColumns, now: dt.datetime) -> list[Request]:
    """One request a row.

    Columns that are features of the contract become the request's features, an empty cell null; features that are no
    columns are left to the client's profile. Without a request id column the id is made of client id, row number and
    a digest of features and date, so that sending the same file again repeats the same requests, which are decided
    once. Without a date column the requests are dated ``now``: sent again they are other requests. Raises
    TrainingDataError or InputFileError naming the columns and rows at fault.
    """
    required = [feature.name for feature in contract.features if feature.required]
    named = [name for name in (columns.client_id, columns.request_id, columns.date) if name]
    need_columns(table, [*named, *required])
    client_ids = id_column(table, columns.client_id)
    features = feature_objects(table, contract)
    if not features:
        raise TrainingDataError("The table has no column that is a feature of the contract.", do_next="Add some.")
    dates = (
        utc_dates(table[columns.date], columns.date_format, ", or leave --date out")
        if columns.date
        else [now] * len(table)
    )
    ids = (
        id_column(table, columns.request_id, MAX_REQUEST_ID)
        if columns.request_id
        else [_made_id(row, *content) for row, content in enumerate(zip(client_ids, dates, features, strict=True), 1)]
    )
    return [LoanRequest(*fields) for fields in zip(ids, client_ids, dates, features, strict=True)]


def _dates(table: pd.DataFrame, columns: RequestColumns) -> list[dt.datetime]:
    """None of them without a column of dates."""
    return utc_dates(table[columns.date], columns.date_format, ", or leave --date out") if columns.date else []


def _made_id(row: int, client_id: str, date: dt.datetime, features: FeatureObject) -> str:
    digest = hashlib.blake2b(msgspec.json.encode([date, features]), digest_size=4).hexdigest()
    return f"{client_id}-{row}-{digest}"
