"""Rows of a user's table as labels: which decided requests defaulted."""

from __future__ import annotations

import msgspec
import pandas as pd

from models.tables.columns import need_columns
from models.tables.target import TRUTH
from stream_app.events import MAX_REQUEST_ID, Label
from stream_app.tables.columns import id_column, require_rows, text_column, utc_dates


class LabelColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a label's four fields, and how the dates are written."""

    request_id: str = "request_id"
    client_id: str = "client_id"
    defaulted: str = "defaulted"
    observed_at: str = "observed_at"
    date_format: str | None = None


def labels_of(table: pd.DataFrame, columns: LabelColumns) -> list[Label]:
    """One label a row. Raises TrainingDataError or InputFileError naming the columns and rows at fault."""
    need_columns(table, [columns.request_id, columns.client_id, columns.defaulted, columns.observed_at])
    request_ids = id_column(table, columns.request_id, MAX_REQUEST_ID)
    client_ids = id_column(table, columns.client_id)
    defaulted = _defaulted(table, columns.defaulted)
    dates = utc_dates(table[columns.observed_at], columns.date_format)
    first = dict(zip(reversed(request_ids), reversed(defaulted), strict=True))
    require_rows(
        [first[request_id] is value for request_id, value in zip(request_ids, defaulted, strict=True)],
        "An earlier row says the contrary of the same request",
        do_next="Leave one row for each request.",
    )
    return [Label(*fields) for fields in zip(request_ids, client_ids, defaulted, dates, strict=True)]


def _defaulted(table: pd.DataFrame, name: str) -> list[bool]:
    texts = [(text or "").lower() for text in text_column(table, name)]
    require_rows(
        [text in TRUTH for text in texts],
        f"{name!r} is neither 0, 1, true, false, yes nor no",
        do_next="Give 1 for a default and 0 for none, and leave out the rows whose label is not known yet.",
    )
    return [TRUTH[text] == 1.0 for text in texts]
