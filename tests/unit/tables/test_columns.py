"""Rows of a table as feature objects and ids: the JSON types are right whatever pandas made of the cells."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from models.errors import ContractError, TrainingDataError
from models.tables.read import read_table
from stream_app.errors import InputFileError
from stream_app.tables.columns import _rows_text, feature_objects, id_column, read_contract
from tests.builders.records import TOY


def test_only_features_of_the_contract_are_taken_in_its_order() -> None:
    table = pd.DataFrame({"home": ["own"], "colour": ["red"], "amount": [1.5]})
    assert feature_objects(table, TOY) == [{"amount": 1.5, "home": "own"}]


def test_a_whole_number_beside_an_empty_cell_is_still_whole() -> None:
    [first, second] = feature_objects(pd.DataFrame({"employees": [3.0, None]}), TOY)
    assert (first, second) == ({"employees": 3}, {"employees": None})
    assert isinstance(first["employees"], int)


def test_a_number_that_is_not_whole_is_left_for_the_scorer_to_reject() -> None:
    assert feature_objects(pd.DataFrame({"employees": [2.5]}), TOY) == [{"employees": 2.5}]


def test_a_category_written_as_a_number_is_text() -> None:
    assert feature_objects(pd.DataFrame({"home": [1.0, None]}), TOY) == [{"home": "1"}, {"home": None}]


def test_text_in_a_number_column_is_an_error_that_names_the_column() -> None:
    with pytest.raises(TrainingDataError, match="'amount'"):
        feature_objects(pd.DataFrame({"amount": ["lots"]}), TOY)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", "id,employees,home\n7,3,own\n8,,\n"),
        ("rows.jsonl", '{"id":7,"employees":3,"home":"own"}\n{"id":8,"employees":null,"home":null}\n'),
    ],
)
def test_a_file_of_either_kind_gives_the_same_rows(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    table = read_table(tmp_path / name)
    assert feature_objects(table, TOY) == [{"employees": 3, "home": "own"}, {"employees": None, "home": None}]
    assert id_column(table, "id") == ["7", "8"]


def test_ids_are_text_without_the_point_zero_pandas_adds() -> None:
    with pytest.raises(InputFileError, match="row 2"):
        id_column(pd.DataFrame({"id": [7.0, None]}), "id")
    assert id_column(pd.DataFrame({"id": [7.0, 8.0]}), "id") == ["7", "8"]


def test_rows_are_listed_up_to_ten_and_then_counted() -> None:
    assert _rows_text([3]) == "row 3"
    assert _rows_text([3, 5]) == "rows 3, 5"
    assert _rows_text(list(range(1, 13))) == "rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more"


def test_a_bundle_without_a_contract_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"contract\.json"):
        read_contract(tmp_path)
