"""Rows as labels: how a default may be written in a file, and what stops the whole file."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from models.errors import TrainingDataError
from stream_app.errors import InputFileError
from stream_app.events import Label
from stream_app.tables.labels import LabelColumns, labels_of

TABLE = pd.DataFrame(
    {"request_id": ["a", "b"], "client_id": [7, 8], "defaulted": [1, 0], "observed_at": ["2009-05-01", "2010-05-01"]}
)


def labels(table: pd.DataFrame = TABLE, **columns: str) -> list[Label]:
    return labels_of(table, LabelColumns(**columns))


def test_a_row_is_a_label() -> None:
    assert labels() == [
        Label("a", "7", True, dt.datetime(2009, 5, 1, tzinfo=dt.UTC)),
        Label("b", "8", False, dt.datetime(2010, 5, 1, tzinfo=dt.UTC)),
    ]


@pytest.mark.parametrize("written", [[1, 0], [1.0, 0.0], [True, False], ["true", "False"], ["1", "0"], ["Y", "n"]])
def test_a_default_may_be_a_number_or_a_word(written: list[Any]) -> None:
    assert [label.defaulted for label in labels(TABLE.assign(defaulted=written))] == [True, False]


@pytest.mark.parametrize("written", [None, "", 2, "maybe", 0.5])
def test_any_other_value_stops_the_file_and_names_the_row(written: Any) -> None:
    with pytest.raises(InputFileError, match="'defaulted' is neither 0, 1, true, false, yes nor no in row 2"):
        labels(TABLE.assign(defaulted=[1, written]))


@pytest.mark.parametrize("date", [None, "yesterday", "01/02/2007"])
def test_a_date_that_is_none_stops_the_file_and_names_the_row(date: Any) -> None:
    with pytest.raises(InputFileError, match="row 2"):
        labels(TABLE.assign(observed_at=["2009-05-01", date]))


@pytest.mark.parametrize("column", ["request_id", "client_id", "defaulted", "observed_at"])
def test_a_table_without_one_of_the_four_is_refused(column: str) -> None:
    with pytest.raises(TrainingDataError, match=f"'{column}'"):
        labels(TABLE.drop(columns=column))


def test_the_columns_may_have_other_names() -> None:
    renamed = TABLE.rename(columns={"request_id": "case", "client_id": "who", "defaulted": "bad", "observed_at": "on"})
    renamed_labels = labels(renamed, request_id="case", client_id="who", defaulted="bad", observed_at="on")
    assert renamed_labels == labels()


@pytest.mark.parametrize("column", ["request_id", "client_id"])
def test_a_row_without_an_id_stops_the_file(column: str) -> None:
    with pytest.raises(InputFileError, match="row 1"):
        labels(TABLE.assign(**dict[str, Any]({column: [None, "b"]})))


def test_two_rows_that_contradict_each_other_stop_the_file_and_the_same_label_twice_does_not() -> None:
    with pytest.raises(InputFileError, match="contrary of the same request in row 2"):
        labels(TABLE.assign(request_id=["a", "a"]))
    assert len(labels(TABLE.assign(request_id=["a", "a"], defaulted=[1, 1]))) == 2
