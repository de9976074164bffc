"""Training = serving, on the shipped book and bundle."""

import json

import msgspec
import numpy as np
import pandas as pd
import pytest

from models.bundle import Bundle, load_bundle, shipped_bundle
from models.bundle_files import GOLDEN, MODEL
from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE, PROFILE_FEATURES, REQUEST_FEATURES, TRAIN_UNTIL, load_applications
from models.manifest import GoldenRow
from models.policy import Policy
from models.scorer import LightGBMScorer
from models.training.evaluate import evaluate
from models.training.rows import LabelledRows, labelled_rows
from models.training.train import Plan, train


@pytest.fixture(scope="module")
def applications() -> pd.DataFrame:
    return load_applications()


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(shipped_bundle())


@pytest.fixture(scope="module")
def rows(applications: pd.DataFrame, bundle: Bundle) -> LabelledRows:
    return labelled_rows(applications, bundle.contract)[0]


def test_a_request_read_from_json_is_scored_as_its_row_was_in_training(
    applications: pd.DataFrame, bundle: Bundle, rows: LabelledRows
) -> None:
    sample = applications[[*PROFILE_FEATURES, *REQUEST_FEATURES]][::500]
    requests = [json.loads(line) for line in sample.to_json(orient="records", lines=True).splitlines()]
    served, unseen = bundle.contract.encode(bundle.contract.columns_of(requests))
    assert np.array_equal(served, rows.matrix[::500], equal_nan=True)
    assert unseen == {}


def test_golden_rows_get_the_probabilities_training_wrote(bundle: Bundle) -> None:
    golden = msgspec.json.Decoder(GoldenRow).decode_lines((bundle.path / GOLDEN).read_bytes())
    matrix, unseen = bundle.contract.encode(bundle.contract.columns_of([row.features for row in golden]))
    expected = [row.probability_of_default for row in golden]
    assert bundle.scorer.probability_of_default(matrix) == pytest.approx(expected, abs=1e-9)
    assert unseen
    assert np.isnan(matrix).any(axis=0).all(), "each feature is missing somewhere in the golden rows"


def test_no_real_application_is_out_of_the_contracts_ranges(applications: pd.DataFrame, rows: LabelledRows) -> None:
    assert len(rows) == len(applications) == 150_000


def test_the_shipped_contract_is_the_editable_one_beside_the_book(bundle: Bundle) -> None:
    assert bundle.contract == Contract.read(CONTRACT_FILE)


@pytest.mark.parametrize(("year", "auc", "observed"), [(2005, 0.693, 0.0613), (2007, 0.651, 0.2012)])
def test_the_figures_of_later_years_are_honest(
    bundle: Bundle, rows: LabelledRows, year: int, auc: float, observed: float
) -> None:
    later = rows.where(rows.years() == year)
    figures = evaluate(bundle.scorer.probability_of_default(later.matrix), later.target)
    assert figures.auc == pytest.approx(auc, abs=0.001)
    assert figures.observed == pytest.approx(observed, abs=0.0001)
    assert bundle.manifest.figures[f"out of time {year}"] == figures


def test_training_again_gives_the_shipped_model(applications: pd.DataFrame, bundle: Bundle, rows: LabelledRows) -> None:
    """To the byte on one machine (a rule of its own); to a thousandth where another CPU or library rounds otherwise."""
    plan = Plan(policy=Policy.from_costs(), until=np.datetime64(TRAIN_UNTIL))
    again = train(applications, bundle.contract, plan)
    scorer = LightGBMScorer.from_text(again.files[MODEL].decode(), again.manifest.calibration)
    difference = scorer.probability_of_default(rows.matrix) - bundle.scorer.probability_of_default(rows.matrix)
    assert np.abs(difference).mean() < 0.001
