"""Scoring a table without a broker, and the trial of a new bundle."""

import csv
import dataclasses
import datetime as dt
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from models.bundle import Bundle
from models.errors import BundleError
from models.policy import Policy
from models.training.infer_contract import infer_contract
from models.training.train import Plan, train
from stream_app.tables.requests import RequestColumns, requests_of
from stream_app.tables.score import write_verdicts
from stream_app.tables.trial import try_bundle, try_in_new_process
from tests.builders.loans import loans

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    frame = loans(600)
    contract = infer_contract(frame, name="toy", target="bad", id_column="id").contract
    return train(frame, contract, Plan(Policy.from_costs(10.0, 0.25))).write(tmp_path_factory.mktemp("b") / "toy")


def test_a_row_gets_the_models_own_number_and_an_outlier_is_scored_and_named(bundle: Bundle, tmp_path: Path) -> None:
    frame = loans(3).astype({"income": float})
    frame.loc[1, "income"] = 1e12
    requests = requests_of(frame, bundle.contract, RequestColumns(client_id="id"), NOW)
    totals = write_verdicts(tmp_path / "out.csv", bundle, requests, NOW)
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    matrix, _ = bundle.contract.encode(bundle.contract.columns_of([request.features or {} for request in requests]))
    expected = bundle.scorer.probability_of_default(matrix).tolist()
    assert [float(row["probability_of_default"]) for row in rows] == expected
    assert [row["outliers"] for row in rows] == ["", "income", ""]
    assert (totals.rows, totals.decided, dict(totals.outliers)) == (3, 3, {"income": 1})


def test_an_impossible_value_is_no_outlier_but_rejected(bundle: Bundle, tmp_path: Path) -> None:
    [income, *others] = bundle.contract.features
    limited = msgspec.structs.replace(bundle.contract, features=(msgspec.structs.replace(income, maximum=1e6), *others))
    strict = dataclasses.replace(bundle, contract=limited)
    requests = requests_of(loans(1).assign(income=1e12), limited, RequestColumns(client_id="id"), NOW)
    assert write_verdicts(tmp_path / "out.csv", strict, requests, NOW).decided == 0
    assert "out_of_range" in (tmp_path / "out.csv").read_text()


def test_a_new_bundle_is_loaded_and_scored_in_a_process_of_its_own(bundle: Bundle, tmp_path: Path) -> None:
    try_bundle(bundle.path)
    with pytest.raises(BundleError, match=r"cannot be served: BundleError: .*there is no such folder"):
        try_in_new_process(tmp_path / "nowhere")


def test_a_table_of_text_gives_the_same_numbers_as_one_of_numbers(bundle: Bundle) -> None:
    numbers = loans(5)
    text = pd.DataFrame({name: numbers[name].astype("str") for name in numbers.columns})
    columns = RequestColumns(client_id="id")
    typed, written = (requests_of(table, bundle.contract, columns, NOW) for table in (numbers, text))
    assert [request.features for request in written] == [request.features for request in typed]
