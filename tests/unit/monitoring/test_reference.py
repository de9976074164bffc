"""The reference sample of a bundle, as windows are compared with it."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.bundle import Bundle, load_bundle, shipped_bundle
from models.errors import BundleError
from models.training.train import train
from monitoring.baseline import read_reference
from monitoring.statistics.drift import Options, drift_of
from tests.builders.loans import CONTRACT, PLAN, loans


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load_bundle(shipped_bundle())


def test_the_encoded_reference_gets_the_probabilities_that_stand_beside_it(shipped: Bundle) -> None:
    reference = read_reference(shipped)
    assert reference.matrix.shape == (5_000, len(shipped.contract.features))
    assert shipped.scorer.probability_of_default(reference.matrix) == pytest.approx(reference.probability)


def test_its_gaps_are_missing_values_and_its_outcomes_the_policys(shipped: Bundle) -> None:
    reference = read_reference(shipped)
    frame = pd.read_parquet(shipped.path / "reference.parquet")
    shares = [each.missing_share for each in reference.features]
    assert shares == pytest.approx(frame[list(shipped.contract.names())].isna().mean().tolist())
    refused = frame["probability_of_default"] >= shipped.policy.refuse_at
    assert (reference.outcome_counts.sum(), reference.outcome_counts[2]) == (5_000, refused.sum())


def test_it_does_not_drift_from_itself(shipped: Bundle) -> None:
    reference = read_reference(shipped)
    names = np.array(["approved", "review", "refused"])
    outcomes = names[shipped.policy.outcomes(reference.probability)].tolist()
    found = drift_of(reference, reference.matrix, {}, reference.probability, outcomes, Options(floor=0.0))
    assert found.verdict == "stable"
    assert {each.shift.psi for each in found.features} == {0.0}


def test_a_bundle_of_ones_own_table_has_a_reference_too(tmp_path: Path) -> None:
    reference = read_reference(train(loans(), CONTRACT, PLAN).write(tmp_path / "bundle"))
    assert len(reference) > 500
    assert [each.ordered is None for each in reference.features] == [False, False, True]


@pytest.mark.parametrize("damage", [b"", b"PAR1 and no more"])
def test_a_damaged_reference_names_the_folder_and_the_way_out(shipped: Bundle, damage: bytes) -> None:
    with pytest.raises(BundleError, match=r"reference sample of the bundle .* cannot be read .*stream-app train"):
        read_reference(dataclasses.replace(shipped, reference=damage))


def test_a_reference_without_a_feature_is_no_reference(shipped: Bundle) -> None:
    lacking = pd.read_parquet(io.BytesIO(shipped.reference)).drop(columns="low_doc").to_parquet()
    with pytest.raises(BundleError, match="cannot be read"):
        read_reference(dataclasses.replace(shipped, reference=lacking))
