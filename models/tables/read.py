"""Reads a table: CSV, JSON Lines, a JSON array or Parquet, the text ones also as .gz or .zst."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from models.errors import TrainingDataError
from models.tables.csv_file import read_csv
from models.tables.json_file import read_array, read_lines
from models.tables.parquet_file import read_parquet
from models.tables.table_format import AS_IT_IS, TableFormat

_INDEX_NAMES = ("", "Unnamed: 0", "__index_level_0__")
"""Of a column of row numbers, as pandas and R write it."""


def read_table(path: Path, written: TableFormat = AS_IT_IS) -> pd.DataFrame:
    """The rows of a file. Cells of a CSV file stay text as written, an empty one is missing; infinities are missing.

    What a column means is decided later, by the contract: :mod:`models.tables.columns`. A column without a name, which
    numbers the rows, is left out. Raises :class:`TrainingDataError` if the file is missing, of another kind, damaged or
    empty, has a row of another length than its header, or names a column twice.
    """
    reader = _reader(path)
    try:
        table = reader(path, written)
    except OSError as error:
        if error.errno is None:  # pyarrow's, for compressed data
            raise _damaged(path) from error
        raise TrainingDataError(f"Cannot read {path}: {error.strerror}.", do_next="Name another.") from error
    except (ValueError, pa.ArrowException) as error:  # damaged content; UnicodeDecodeError is a ValueError
        raise _damaged(path) from error
    frame = _with_single_names(table, path)
    if frame.empty:
        raise TrainingDataError(f"{path} has no rows.", do_next="Name a table with rows.")
    floats = [str(name) for name, kind in frame.dtypes.items() if pd.api.types.is_float_dtype(kind)]
    return frame.assign(**{name: frame[name].replace([np.inf, -np.inf], np.nan) for name in floats})


def _reader(path: Path) -> Callable[[Path, TableFormat], pa.Table]:
    name = path.name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    reader = _READERS.get(Path(name).suffix)
    if reader is None:
        raise TrainingDataError(f"{path} is no table.", do_next=f"Name a file that ends in {', '.join(_READERS)}.")
    return reader


def _with_single_names(table: pa.Table, path: Path) -> pd.DataFrame:
    """As a data frame, without the columns that only number the rows."""
    kept = [i for i, name in enumerate(table.column_names) if name not in _INDEX_NAMES]
    table = table.select(kept)
    if twice := [name for name, count in Counter(table.column_names).items() if count > 1]:
        raise TrainingDataError(
            f"{path} names a column twice: {', '.join(map(repr, twice))}.",
            do_next="Rename one of the two, or leave both out with --drop.",
        )
    gaps = {field.type for field in table.schema if table.column(field.name).null_count}
    frame: pd.DataFrame = table.to_pandas(types_mapper=lambda kind: _WITH_GAPS.get(kind) if kind in gaps else None)
    return frame


def _damaged(path: Path) -> TrainingDataError:
    return TrainingDataError(f"{path} is damaged or not of the kind its name ends in.", do_next="Export it again.")


_WITH_GAPS = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
_COMPRESSED = (".gz", ".zst", ".bz2")
_READERS: dict[str, Callable[[Path, TableFormat], pa.Table]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".parquet": read_parquet,
    ".jsonl": read_lines,
    ".ndjson": read_lines,
    ".json": read_array,
}
