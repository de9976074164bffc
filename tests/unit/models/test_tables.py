"""Reading a table, and its columns with values as in a request."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.contract import Feature
from models.errors import TrainingDataError
from models.tables.columns import columns_from, texts_in
from models.tables.dates import dates_in, what_to_do
from models.tables.read import read_table
from models.tables.table_format import AS_IT_IS, TableFormat
from models.tables.target import TargetWords, labels_in
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
        ("t.csv", b"a,b\n1,2,\n", "Line 2 of .* has 3 cells, the header 2"),
        ("t.csv", b"a,b\n1,2\n3\n", "Line 3 of .* has 1 cells, the header 2"),
        ("t.csv", b"a,b,a\n1,2,3\n", "names a column twice: 'a'"),
        ("t.csv", b"a\0,\0b\0\n\0", "null bytes"),
        ("t.csv.gz", b"a,b\n1,2\n", "damaged"),
        ("t.json", b'[{"a": 1}, 2]', "damaged"),
        ("t.jsonl", b'{"a": {"b": 1}, "c": [1], "d": 2}', "nested columns: 'a', 'c'"),
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
    assert values_of(read_table(tmp_path / "t.csv")["a"], kind="number") == [None, 1.0, None]


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


WRITTEN = "id,sum,zip\n007,1.5,02625\n7,,NA\n+49,1e3,00e10\n"


def rows_of(file: Path, written: TableFormat = AS_IT_IS) -> list[list[str | None]]:
    frame = read_table(file, written)
    return [texts_in(frame[name]) for name in frame.columns]


AS_WRITTEN = [["007", "7", "+49"], ["1.5", None, "1e3"], ["02625", "NA", "00e10"]]


@pytest.mark.parametrize(
    "content",
    [
        WRITTEN.encode(),
        WRITTEN.replace(",", ";").encode(),
        WRITTEN.replace(",", "\t").encode(),
        WRITTEN.replace(",", "|").replace("\n", "\r\n").encode(),
        WRITTEN.encode("utf-8-sig"),
        WRITTEN.encode("utf-16"),
        ("," + WRITTEN.replace("\n7", "\n1,7").replace("\n0", "\n0,0").replace("\n+", "\n2,+")).encode(),
    ],
    ids=["plain", "semicolon", "tab", "bar", "mark", "utf-16", "row-numbers"],
)
def test_cells_of_a_csv_file_are_text_as_written_however_it_is_written(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    assert rows_of(tmp_path / "t.csv") == AS_WRITTEN


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_compressed_file_is_read(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"t.csv{ending}"
    with pa.output_stream(str(file), compression="detect") as stream:
        stream.write(WRITTEN.encode())
    assert rows_of(file) == AS_WRITTEN


def test_text_that_is_no_utf8_is_read_as_western(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("name,city\nAndré,Köln\n".encode("latin-1"))
    assert rows_of(tmp_path / "t.csv") == [["André"], ["Köln"]]


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("id;a;b\n1;1,50;0,826\n2;3;1,0\n", [[1.5, 3.0], [0.826, 1.0]]),  # decimal, since 0,826 is no thousand
        ("id;a;b\n1;1.50;2\n2;3;4\n", [[1.5, 3.0], [2, 4]]),
    ],
)
def test_a_decimal_comma_is_recognised(tmp_path: Path, written: str, numbers: list[list[float]]) -> None:
    (tmp_path / "t.csv").write_text(written)
    frame = read_table(tmp_path / "t.csv")
    assert [values_of(frame[name].rename("x"), kind="number") for name in ("a", "b")] == numbers


def test_what_may_be_a_thousand_is_a_decimal_comma_only_if_the_user_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id;a\n1;1,234\n2;5,678\n")
    assert rows_of(tmp_path / "t.csv")[1] == ["1,234", "5,678"]
    assert rows_of(tmp_path / "t.csv", TableFormat(decimal=","))[1] == ["1.234", "5.678"]


def test_a_json_array_is_a_table_whose_text_stays_text(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('[{"id": "007", "n": 1}, {"id": "1e5", "m": 99999999999999999999999}]')
    frame = read_table(tmp_path / "t.json")
    assert texts_in(frame["id"]) == ["007", "1e5"]
    assert values_of(frame["n"].rename("x"), kind="integer") == [1, None]
    assert values_of(frame["m"].rename("x"), kind="number") == [None, 1e23]


def test_parquet_decimals_are_numbers_and_bytes_are_text(tmp_path: Path) -> None:
    table = pa.table({"d": pa.array([Decimal("1.50"), None]), "b": pa.array([b"007", b"8"]), "n": [[1], [2]]})
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(TrainingDataError, match="nested columns: 'n'"):
        read_table(tmp_path / "t.parquet")
    frame = read_table(tmp_path / "t.parquet", TableFormat(drop=("n",)))
    assert values_of(frame["d"].rename("x"), kind="number") == [1.5, None]
    assert texts_in(frame["b"]) == ["007", "8"]


def test_what_stands_for_a_missing_number_is_a_category_like_others() -> None:
    words = pd.Series(["NA", "None", "n/a", "7"])
    assert texts_in(words) == ["NA", "None", "n/a", "7"]
    assert values_of(words, kind="number") == [None, None, None, 7]


@pytest.mark.parametrize(
    ("written", "words", "labels"),
    [
        (["Y", "n", None], TargetWords(), [1, 0, None]),
        (["True", "false", "NA"], TargetWords(), [1, 0, None]),
        (["1", "2"], TargetWords(default=("2",)), [0, 1]),
        (["Charged Off", "Fully Paid", "Current"], TargetWords(("Charged Off",), ("Fully Paid",)), [1, 0, None]),
    ],
)
def test_a_target_may_be_written_in_words(
    written: list[str | None], words: TargetWords, labels: list[int | None]
) -> None:
    found = labels_in(pd.Series(written, name="bad"), words).tolist()
    assert [None if label != label else label for label in found] == labels


@pytest.mark.parametrize(
    ("written", "words", "message"),
    [
        (["1", "2"], TargetWords(), r"holds '1', '2'.*--default-value"),
        (["a", "b", "c"], TargetWords(default=("a",)), "add --paid-value"),
        (["a", "b"], TargetWords(default=("z",)), "holds no 'z'"),
    ],
)
def test_a_target_whose_words_do_not_tell_is_refused_with_the_option(
    written: list[str], words: TargetWords, message: str
) -> None:
    with pytest.raises(TrainingDataError, match=message):
        labels_in(pd.Series(written, name="bad"), words)


def test_dates_in_another_form_are_refused_with_the_option_that_reads_them() -> None:
    column = pd.Series(["31/12/2011", "01/02/2012"], name="day")
    assert dates_in(column).isna().all()
    assert what_to_do(column, None) == "Say how they are written: --date-format %d/%m/%Y."
    assert dates_in(column, "%d/%m/%Y").dt.day.tolist() == [31, 1]
