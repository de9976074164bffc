"""Reading a table, and its columns with values as in a request."""

from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest

from models.contract import Feature
from models.errors import TrainingDataError
from models.table import columns_from, read_table
from tests.builders.loans import CONTRACT, loans


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_each_kind_of_file_gives_the_same_columns(tmp_path: Path, suffix: str) -> None:
    frame, file = loans(50), tmp_path / f"loans{suffix}"
    frame.loc[3, ["children", "home, kind"]] = None
    if suffix == ".csv":
        frame.to_csv(file, index=False)
    elif suffix == ".parquet":
        frame.to_parquet(file)
    else:
        frame.to_json(file, orient="records", lines=True)
    assert columns_from(read_table(file), CONTRACT) == columns_from(frame, CONTRACT)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("t.xlsx", b"", "is no table"),
        ("t.csv", b"", "damaged"),
        ("t.csv", b"a,b\n", "has no rows"),
        ("t.csv", b'a,b\n1,"2\n', "damaged"),
        ("t.csv", b"a,b\n\xff\xfe,2\n", "damaged"),
        ("t.parquet", b"PAR1 no more", "damaged"),
        ("t.jsonl", b"{", "damaged"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainingDataError, match=problem):
        read_table(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"Cannot read .*nowhere\.csv: No such file"):
        read_table(tmp_path / "nowhere.csv")


def test_infinity_is_a_missing_value(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\ninf\n1\n-inf\n")
    assert read_table(tmp_path / "t.csv")["a"].isna().tolist() == [True, False, True]


def values_of(series: pd.Series, **fields: Any) -> list[object]:
    contract = msgspec.structs.replace(CONTRACT, features=(Feature(name="x", **fields),))
    return columns_from(pd.DataFrame({"x": series}), contract)[0]


def test_a_number_read_as_a_category_is_written_as_a_request_writes_it() -> None:
    codes = pd.Series([44.0, None, 7.5])  # the gap made 44 a float
    assert values_of(codes, kind="category", categories=("44",)) == ["44", None, "7.5"]


def test_yes_and_no_are_one_and_zero() -> None:
    assert values_of(pd.Series([True, False]), kind="integer") == [1, 0]


def test_missing_is_none_whatever_pandas_calls_it() -> None:
    assert values_of(pd.Series([1, None], dtype="Int8"), kind="integer") == [1, None]
    assert values_of(pd.Series([1.0, float("nan")]), kind="number") == [1.0, None]
    assert values_of(pd.Series([None, None], dtype=object), kind="number") == [None, None]
