"""Client profiles from a table: contract features only, checked before anything is stored, faults without values."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from models.errors import TrainingDataError
from stream_app.clients import SQLiteClients
from stream_app.errors import InputFileError
from stream_app.profiles import load_profiles, profiles_of
from tests.samples import TOY

GOOD = pd.DataFrame({"id": [7, 8], "employees": [3, None], "home": ["own", None], "colour": ["red", "blue"]})


def test_a_profile_holds_the_columns_that_are_features_and_no_others() -> None:
    (_, profile), _ = profiles_of(GOOD, TOY, "id")
    assert json.loads(profile) == {"employees": 3, "home": "own"}


def test_an_empty_cell_is_null_and_whole_numbers_stay_whole_beside_it() -> None:
    profiles = profiles_of(GOOD, TOY, "id")
    assert profiles == [("7", b'{"employees":3,"home":"own"}'), ("8", b'{"employees":null,"home":null}')]


def test_rows_that_break_the_contract_are_named_with_their_field_and_never_their_value() -> None:
    table = pd.DataFrame({"id": ["a", "b", "c"], "employees": [1, 4242, 2.5]})
    with pytest.raises(InputFileError) as fault:
        profiles_of(table, TOY, "id")
    text = str(fault.value)
    assert "2 of 3 profiles break the contract" in text
    assert "row 2: " in text
    assert "row 3: " in text
    assert "employees" in text
    assert "4242" not in text
    assert "2.5" not in text


def test_many_broken_rows_are_counted_and_only_some_are_listed() -> None:
    table = pd.DataFrame({"id": [str(i) for i in range(50)], "employees": [-1] * 50})
    with pytest.raises(InputFileError, match="50 of 50") as fault:
        profiles_of(table, TOY, "id")
    assert "and 40 more" in str(fault.value)


@pytest.mark.parametrize("bad", [None, "", "x" * 65])
def test_a_row_without_a_usable_id_is_named(bad: str | None) -> None:
    table = pd.DataFrame({"id": ["a", bad], "employees": [1, 2]})
    with pytest.raises(InputFileError, match="row 2"):
        profiles_of(table, TOY, "id")


def test_a_table_without_the_id_column_is_refused_with_its_name() -> None:
    with pytest.raises(TrainingDataError, match="'client'"):
        profiles_of(GOOD, TOY, "client")


def test_a_table_without_any_feature_is_refused() -> None:
    with pytest.raises(TrainingDataError, match="no column that is a feature"):
        profiles_of(GOOD[["id", "colour"]], TOY, "id")


def shipped_rows(path: Path, employees: list[int]) -> Path:
    table = pd.DataFrame({"application_id": range(len(employees)), "employees": employees})
    table.to_csv(path, index=False)
    return path


def test_a_load_replaces_profiles_and_keeps_the_other_clients(tmp_path: Path) -> None:
    store = tmp_path / "clients.db"
    assert load_profiles(shipped_rows(tmp_path / "a.csv", [1, 2, 3]), store) == 3
    assert load_profiles(shipped_rows(tmp_path / "b.csv", [9]), store) == 3
    with SQLiteClients(store) as clients:
        assert clients.get_many(["0", "1"]) == {"0": b'{"employees":9}', "1": b'{"employees":2}'}


def test_a_load_with_one_bad_row_stores_nothing(tmp_path: Path) -> None:
    store = tmp_path / "clients.db"
    with pytest.raises(InputFileError):
        load_profiles(shipped_rows(tmp_path / "a.csv", [1, -2]), store)
    assert not store.exists()


def test_of_several_rows_with_one_id_the_last_counts(tmp_path: Path) -> None:
    table = pd.DataFrame({"application_id": ["a", "a"], "employees": [1, 2]})
    table.to_parquet(tmp_path / "a.parquet")
    assert load_profiles(tmp_path / "a.parquet", tmp_path / "clients.db") == 1
    with SQLiteClients(tmp_path / "clients.db") as clients:
        assert clients.get_many(["a"]) == {"a": b'{"employees":2}'}
