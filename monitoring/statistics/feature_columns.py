"""The features in stored decisions, as the columns a contract encodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract import Contract
from stream_app.feature_struct import feature_struct

Row = tuple[object, ...]
Record = str | bytes

ROWS_AT_ONCE = 512
"""Turned from rows into columns together: few enough to stay in the processor's cache."""


def feature_columns(contract: Contract, records: Sequence[Record]) -> tuple[list[list[object]], NDArray[np.bool_]]:
    """Decision records (JSON) to a list for each feature, in contract order, of those records that fit the contract.

    Also ``(records,)``: which ones these are. A record fits when its ``features`` are all in the contract, each null or
    of the kind and in the range stated there; one that is absent is missing. Nothing else of the record is looked at.
    """
    row_of = _row_reader(contract)
    fits = np.ones(len(records), dtype=np.bool_)
    columns: list[list[object]] = [[] for _ in contract.features]
    for start in range(0, len(records), ROWS_AT_ONCE):
        rows = [row_of(record) for record in records[start : start + ROWS_AT_ONCE]]
        fits[start : start + len(rows)] = [row is not None for row in rows]
        fitting = [row for row in rows if row is not None]
        for position, values in enumerate(zip(*fitting, strict=True)):
            columns[position].extend(values)
    return columns, fits


def _row_reader(contract: Contract) -> Callable[[Record], Row | None]:
    """A record to its features in contract order; to None when it does not fit."""
    decode, in_order = msgspec.json.Decoder(_decision_struct(contract)).decode, msgspec.structs.astuple

    def row_of(record: Record) -> Row | None:
        try:
            return in_order(decode(record).features)
        except (ValueError, RecursionError):  # msgspec's errors, text that is no UTF-8, nesting without end
            return None

    return row_of


def _decision_struct(contract: Contract) -> type[Any]:
    """A decision of which only the features are read; absent ones become null."""
    fields = msgspec.structs.fields(feature_struct(contract))
    features = msgspec.defstruct(
        "Features",
        [(field.name, field.type, None) for field in fields],
        rename={field.name: field.encode_name for field in fields},
        forbid_unknown_fields=True,
        gc=False,  # thousands of them, and no cycles
    )
    return msgspec.defstruct("FeaturesOfDecision", [("features", features)], gc=False)
