"""Client profiles from a table: contract features only, checked before anything is stored, faults without values."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from models.datasets.sba import load_applications
from models.errors import TrainingDataError
from stream_app.clients import SQLiteClients
from stream_app.demo.loan_book import replay_of
from stream_app.errors import InputFileError
from stream_app.tables.columns import read_contract
from stream_app.tables.profiles import load_clients, profiles_of
from tests.builders.records import TOY

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


def test_a_table_without_any_feature_is_refused() -> None:
    with pytest.raises(TrainingDataError, match="no column that is a feature"):
        profiles_of(GOOD[["id", "colour"]], TOY, "id")


def test_a_table_without_the_id_column_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="'client'"):
        load_clients(shipped_rows(tmp_path / "a.csv", [1]), tmp_path / "clients.db", id_name="client")


def shipped_rows(path: Path, employees: list[int]) -> Path:
    table = pd.DataFrame({"application_id": range(len(employees)), "employees": employees})
    table.to_csv(path, index=False)
    return path


def test_a_load_replaces_profiles_and_keeps_the_other_clients(tmp_path: Path) -> None:
    store = tmp_path / "clients.db"
    assert load_clients(shipped_rows(tmp_path / "a.csv", [1, 2, 3]), store) == 3
    assert load_clients(shipped_rows(tmp_path / "b.csv", [9]), store) == 3
    with SQLiteClients(store) as clients:
        assert clients.get_many(["0", "1"]) == {"0": b'{"employees":9}', "1": b'{"employees":2}'}


def test_what_a_file_says_of_a_request_becomes_the_latest_application_too(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("application_id,employees,amount_requested,low_doc\na,3,,Y\nb,4,9000,\n")
    load_clients(table, tmp_path / "clients.db")
    with SQLiteClients(tmp_path / "clients.db") as clients:
        assert clients.latest_applications(["a", "b"]) == {
            "a": b'{"amount_requested":null,"low_doc":"Y"}',
            "b": b'{"amount_requested":9000.0,"low_doc":null}',
        }
        assert b'"employees":3' in clients.get_many(["a"])["a"]


def test_a_file_that_says_nothing_of_a_request_leaves_the_latest_application_as_it_is(tmp_path: Path) -> None:
    store = tmp_path / "clients.db"
    (tmp_path / "a.csv").write_text("application_id,amount_requested\n0,9000\n")
    load_clients(tmp_path / "a.csv", store)
    load_clients(shipped_rows(tmp_path / "b.csv", [1]), store)
    with SQLiteClients(store) as clients:
        assert clients.latest_applications(["0"]) == {"0": b'{"amount_requested":9000}'}


def test_the_shipped_book_gives_each_client_a_profile_and_what_the_simulator_sends_as_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = load_applications().tail(500)
    monkeypatch.setattr("stream_app.tables.profiles.load_applications", lambda: book)
    assert load_clients(None, tmp_path / "clients.db") == 500
    replay = replay_of(book, read_contract(None))
    with SQLiteClients(tmp_path / "clients.db") as clients:
        ids = [client_id for client_id, _ in replay.profiles]
        assert clients.get_many(ids) == dict(replay.profiles)
        assert clients.latest_applications(ids) == dict(replay.applications)
        assert len(replay.applications) == 500


def test_a_load_with_one_bad_row_stores_nothing(tmp_path: Path) -> None:
    store = tmp_path / "clients.db"
    with pytest.raises(InputFileError):
        load_clients(shipped_rows(tmp_path / "a.csv", [1, -2]), store)
    assert not store.exists()


def test_of_several_rows_with_one_id_the_last_counts(tmp_path: Path) -> None:
    table = pd.DataFrame({"application_id": ["a", "a"], "employees": [1, 2]})
    table.to_parquet(tmp_path / "a.parquet")
    assert load_clients(tmp_path / "a.parquet", tmp_path / "clients.db") == 1
    with SQLiteClients(tmp_path / "clients.db") as clients:
        assert clients.get_many(["a"]) == {"a": b'{"employees":2}'}
