"""Rows of a user's table as outcomes: the truth about decided requests."""

from __future__ import annotations

import msgspec
import pandas as pd

from models.contract import Contract
from models.table import need_columns
from stream_app.errors import InputFileError
from stream_app.events import MAX_REQUEST_ID, Label
from stream_app.tables.columns import id_column, rows_text, text_column, utc_dates

_TRUTH = {"1": True, "0": False, "true": True, "false": False}


class OutcomeColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of an outcome's four fields."""

    request_id: str = "request_id"
    client_id: str = "client_id"
    defaulted: str = "defaulted"
    observed_at: str = "observed_at"


def outcomes_of(table: pd.DataFrame, contract: Contract, columns: OutcomeColumns) -> list[Label]:
    """One outcome a row. Raises TrainingDataError or InputFileError naming the columns and rows at fault."""
    need_columns(table, list(msgspec.structs.astuple(columns)))
    requests = id_column(table, columns.request_id, contract, MAX_REQUEST_ID)
    clients = id_column(table, columns.client_id, contract)
    defaulted = _defaulted(table, columns.defaulted, contract)
    dates = utc_dates(table[columns.observed_at])
    _require_one_truth(requests, defaulted)
    return [Label(*parts) for parts in zip(requests, clients, defaulted, dates, strict=True)]


def _defaulted(table: pd.DataFrame, name: str, contract: Contract) -> list[bool]:
    told = [_TRUTH.get((text or "").lower()) for text in text_column(table, name, contract)]
    if broken := [row for row, truth in enumerate(told, start=1) if truth is None]:
        raise InputFileError(
            f"{name!r} is neither 0, 1, true nor false in {rows_text(broken)}.",
            kept="Nothing was sent.",
            do_next="Give 1 for a default and 0 for none, and leave out the rows whose truth is not known yet.",
        )
    return [bool(truth) for truth in told]


def _require_one_truth(request_ids: list[str], defaulted: list[bool]) -> None:
    first: dict[str, bool] = {}
    rows = enumerate(zip(request_ids, defaulted, strict=True), start=1)
    if broken := [row for row, (each, truth) in rows if first.setdefault(each, truth) is not truth]:
        raise InputFileError(
            f"An earlier row says the contrary of the same request in {rows_text(broken)}.",
            kept="Nothing was sent.",
            do_next="Leave one row for each request.",
        )
