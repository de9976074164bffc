"""JSON objects as rows: Lines, or one array. Text stays text, numbers stay numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from models.errors import TrainingDataError
from models.tables.content import content_of
from models.tables.table_format import TableFormat

_Rows = Sequence[dict[str, Any]]
_decoder = msgspec.json.Decoder(dict[str, Any])
_array_decoder = msgspec.json.Decoder(list[dict[str, Any]])


def read_lines(path: Path, written: TableFormat) -> pa.Table:
    """One object a line. Raises ValueError for what is none, TrainingDataError naming a nested column."""
    return _table(_decoder.decode_lines(content_of(path)), path, written)


def read_array(path: Path, written: TableFormat) -> pa.Table:
    """An array of objects; a file of lines will do, too."""
    content = content_of(path)
    if bytes(content[:4096]).lstrip().startswith(b"{"):
        return read_lines(path, written)
    return _table(_array_decoder.decode(content), path, written)


def _table(rows: _Rows, path: Path, written: TableFormat) -> pa.Table:
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in written.drop]
    columns = {name: [row.get(name) for row in rows] for name in names}
    if nested := [name for name, column in columns.items() if any(isinstance(v, dict | list) for v in column)]:
        raise nested_columns(path, nested)
    return pa.table({name: _column(values) for name, values in columns.items()})


def nested_columns(path: Path, names: Sequence[str]) -> TrainingDataError:
    """Lists and objects are no values of a request."""
    return TrainingDataError(
        f"{path} has nested columns: {', '.join(map(repr, names))}.",
        do_next="Make a column of each value in them, or leave them out with --drop.",
    )


def _column(values: list[Any]) -> pa.Array:
    """Text if one value is text, else numbers; whole ones if all are, and fit into 64 bits."""
    kinds = {type(value) for value in values} - {type(None)}
    if str in kinds:
        return pa.array([None if value is None else _text(value) for value in values], pa.string())
    if float in kinds or any(isinstance(value, int) and abs(value) >= 2**63 for value in values):
        return pa.array([None if value is None else _float(value) for value in values], pa.float64())
    if kinds == {bool, int}:
        return pa.array([None if value is None else int(value) for value in values], pa.int64())
    return pa.array(values)


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf
