"""CSV as it comes: delimiter, character set and decimal comma found out, every cell kept as text as written."""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from models.errors import TrainingDataError
from models.tables.content import content_of
from models.tables.table_format import TableFormat

_DELIMITERS = ",;\t|"
_HEAD_BYTES = 256 * 1024
_HEAD_ROWS = 20
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NO_UTF8 = "cp1252"
"""What text that is no UTF-8 is read as: Latin-1 with the characters that Windows puts into its gaps."""

_COMMA_NUMBER = r"^\s*[+-]?\d+(,\d+)?\s*$"
_SURELY_DECIMAL = r"^\s*[+-]?(\d+,(\d{1,2}|\d{4,})|0,\d+)\s*$"  # 1,234 may be a thousand


def read_csv(path: Path, written: TableFormat) -> pa.Table:
    """All columns as text. Raises TrainingDataError for a row that has more or fewer cells than the header."""
    content = content_of(path)
    encoding = _encoding(content, path, written)
    head = codecs.getincrementaldecoder(encoding)("replace").decode(bytes(content[:_HEAD_BYTES]))
    delimiter = written.delimiter or _delimiter(head)
    names = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
    table = _parsed(content, path, encoding, delimiter, names)
    if _ends_within_quotes(table, content, encoding):
        raise TrainingDataError(
            f"{path} is damaged: a quote is never closed.", do_next="Correct it or export it again."
        )
    table = table.select([i for i, name in enumerate(table.column_names) if name not in written.drop])
    return _with_points(table, written.decimal, delimiter)


def _encoding(content: memoryview, path: Path, written: TableFormat) -> str:
    try:
        if written.encoding:
            return codecs.lookup(written.encoding).name
    except LookupError:
        raise TrainingDataError(
            f"No character set is called {written.encoding!r}.", do_next="Give --encoding as utf-8, cp1252, utf-16."
        ) from None
    head = bytes(content[:4])
    if mark := next((mark for mark in _MARKS if head.startswith(mark)), None):
        return _MARKS[mark]
    if b"\0" in head:
        raise TrainingDataError(
            f"{path} holds null bytes: it is no text, or UTF-16 without a mark.", do_next="Give --encoding utf-16-le."
        )
    return "utf-8" if _is_utf8(content) else _NO_UTF8


def _is_utf8(content: memoryview) -> bool:
    """In pieces: a file may be gigabytes."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    try:
        for start in range(0, len(content), 2**24):
            decode(bytes(content[start : start + 2**24]))
        decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(head: str) -> str:
    """The one that cuts the header into most cells, and if possible each row into as many."""

    def fit(delimiter: str) -> tuple[bool, bool, int]:
        rows = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
        lengths = [len(row) for _, row in zip(range(_HEAD_ROWS), rows, strict=False) if row]
        cells = lengths[0] if lengths else 0
        return cells > 1, len(set(lengths[:-1])) == 1, cells

    return max(_DELIMITERS, key=fit)


def _parsed(content: memoryview, path: Path, encoding: str, delimiter: str, names: list[str]) -> pa.Table:
    odd: list[pa_csv.InvalidRow] = []

    def stop(row: pa_csv.InvalidRow) -> str:
        odd.append(row)
        return "error"

    try:
        return pa_csv.read_csv(
            pa.BufferReader(content),
            pa_csv.ReadOptions(use_threads=False, encoding=encoding),  # threads do not know line numbers
            pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=stop),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        if not odd:
            raise
        raise TrainingDataError(
            f"Line {odd[0].number} of {path} has {odd[0].actual_columns} cells, the header {odd[0].expected_columns}.",
            do_next="Correct the line or the header, or name the file's --delimiter.",
        ) from error
    except UnicodeError as error:
        raise TrainingDataError(f"{path} is not written in {encoding}.", do_next="Give its --encoding.") from error


def _ends_within_quotes(table: pa.Table, content: memoryview, encoding: str) -> bool:
    """The parser takes what follows an open quote, to the end of the file, as one cell."""
    if not len(table) or "\n" not in (table.column(table.num_columns - 1)[-1].as_py() or ""):
        return False
    tail = bytes(content[-64:])
    return '"' not in tail.decode(encoding, "replace").rstrip("\r\n\0")[-1:]


def _with_points(table: pa.Table, decimal: str | None, delimiter: str) -> pa.Table:
    """Columns of numbers with a decimal comma get a point; other columns stay as written."""
    candidates = [] if decimal == "." else [i for i in range(table.num_columns) if _all_match(table[i], _COMMA_NUMBER)]
    if decimal is None and (delimiter == "," or not any(_any_matches(table[i], _SURELY_DECIMAL) for i in candidates)):
        return table
    for i in candidates:
        if _any_matches(table[i], ","):
            table = table.set_column(i, table.field(i), pc.replace_substring(table[i], ",", "."))
    return table


def _all_match(column: pa.ChunkedArray, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(column, pattern)).as_py() is True


def _any_matches(column: pa.ChunkedArray, pattern: str) -> bool:
    return pc.any(pc.match_substring_regex(column, pattern)).as_py() is True
