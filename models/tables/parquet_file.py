"""Parquet with the kinds of columns that databases write: decimals are numbers, bytes are text, dates are dates."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from models.errors import TrainingDataError
from models.tables.json_file import nested_columns
from models.tables.table_format import TableFormat


def read_parquet(path: Path, written: TableFormat) -> pa.Table:
    """Raises TrainingDataError naming nested columns, and bytes that are no text."""
    path.stat()  # a missing file is no damaged one
    file = pq.ParquetFile(path)
    names = [name for name in file.schema_arrow.names if name not in written.drop]
    if nested := [name for name in names if types.is_nested(file.schema_arrow.field(name).type)]:
        raise nested_columns(path, nested)
    table = file.read(columns=names).replace_schema_metadata(None)
    return pa.table({name: _plain(table.column(name), name) for name in names})


def _plain(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    kind = column.type
    if types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type), name)
    if types.is_decimal(kind):
        return column.cast(pa.float64())
    if types.is_date(kind):
        return column.cast(pa.timestamp("ms"))
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return _decoded(column, name)
    return column.cast(pa.string()) if types.is_time(kind) or types.is_large_string(kind) else column


def _decoded(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    try:
        return column.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid as error:
        raise TrainingDataError(
            f"Column {name!r} holds bytes that are no text.", do_next="Leave it out with --drop."
        ) from error
