"""A window against the reference."""

from typing import Any

import numpy as np
import pytest

from models.contract import Contract, Feature
from monitoring.statistics.drift import Options
from tests.builders.toy_windows import drift, feature, reference, toy_columns, toy_drift, toy_reference

ONLY_CHANCE = Options(floor=0.0)


def test_a_window_like_the_reference_is_stable() -> None:
    found = toy_drift()
    assert (found.verdict, found.drifted_share) == ("stable", 0.0)


def test_a_window_that_is_the_reference_has_no_shift_at_all() -> None:
    found = drift(toy_reference(), toy_columns(5_000, seed=1))
    shifts = [*(each.shift for each in found.features), found.prediction.shift, found.outcomes.shift]
    assert {(shift.psi, shift.distance) for shift in shifts} == {(0.0, 0.0)}


def test_a_shifted_feature_is_named_and_the_others_are_not() -> None:
    found = toy_drift(employees=[3] * 2_000)
    assert [each.feature for each in found.features if each.shift.drifted] == ["employees"]
    assert found.verdict == "drifted"
    assert found.drifted_share == pytest.approx(1 / 3)


def test_the_limit_follows_the_rows_and_never_falls_below_the_floor() -> None:
    small, large = toy_columns(500, seed=3), toy_columns(20_000, seed=3)
    of_small, of_large = (feature(drift(toy_reference(), rows, ONLY_CHANCE), "home").shift for rows in (small, large))
    assert (of_small.psi_limit or 0) > (of_large.psi_limit or 0) > 0
    assert feature(drift(toy_reference(), large), "home").shift.psi_limit == 0.25


def test_one_outlier_does_not_hide_a_drift() -> None:
    doubled = [3 * amount for amount in toy_columns(2_000, seed=2)["amount"]]
    without, found = toy_drift(amount=doubled), toy_drift(amount=[*doubled[:-1], 1e9])
    assert feature(found, "amount").shift.drifted
    assert feature(found, "amount").shift.psi == pytest.approx(feature(without, "amount").shift.psi, abs=0.02)


def test_one_outlier_is_no_drift() -> None:
    amounts = toy_columns(2_000, seed=2)["amount"]
    found = drift(toy_reference(), toy_columns(2_000, seed=2) | {"amount": [*amounts[:-1], 1e9]}, ONLY_CHANCE)
    assert not feature(found, "amount").shift.drifted


def test_one_outlier_in_the_reference_does_not_hide_a_drift() -> None:
    amounts = toy_columns(5_000, seed=1)["amount"]
    tripled = [3 * amount for amount in toy_columns(2_000, seed=2)["amount"]]
    of = toy_reference(amount=[*amounts[:-1], 1e9])
    assert feature(drift(of, toy_columns(2_000, seed=2) | {"amount": tripled}), "amount").shift.drifted


def missing(name: str, rows: int) -> dict[str, Any]:
    """A column without a value."""
    return {name: [None] * rows}


@pytest.mark.parametrize("name", ["amount", "employees", "home"])
def test_a_column_gone_missing_is_drift_without_a_distance(name: str) -> None:
    found = feature(toy_drift(**missing(name, 2_000)), name)
    assert (found.shift.drifted, found.missing_share, found.shift.distance) == (True, 1.0, None)


@pytest.mark.parametrize("name", ["amount", "employees", "home"])
def test_a_column_that_was_always_missing_is_stable_until_it_comes(name: str) -> None:
    of = toy_reference(**missing(name, 5_000))
    still, now = toy_columns(2_000, seed=2) | missing(name, 2_000), toy_columns(2_000, seed=2)
    assert not feature(drift(of, still, ONLY_CHANCE), name).shift.drifted
    assert feature(drift(of, now), name).shift.drifted


def test_a_constant_column_is_stable_until_it_changes() -> None:
    of, rows = toy_reference(employees=[7] * 5_000), toy_columns(2_000, seed=2)
    same, other = (
        drift(of, rows | {"employees": [7] * 2_000}, ONLY_CHANCE),
        drift(of, rows | {"employees": [8] * 2_000}),
    )
    assert (feature(same, "employees").shift.psi, feature(same, "employees").shift.drifted) == (0.0, False)
    assert feature(other, "employees").shift.drifted


def test_unseen_categories_are_a_shift_and_no_missing_values() -> None:
    homes = toy_columns(2_000, seed=2)["home"]
    found = feature(toy_drift(home=["boat"] * 800 + list(homes[800:])), "home")
    assert (found.shift.drifted, found.unseen_share) == (True, 0.4)
    assert found.missing_share == homes[800:].count(None) / 2_000


def test_missing_shares_are_told_of_both_sides() -> None:
    of = toy_reference(amount=[None, 1.0, 2.0, 3.0] * 1_250)
    found = feature(drift(of, toy_columns(2_000, seed=2)), "amount")
    assert (found.missing_share, found.reference_missing_share) == (0.0, 0.25)


def test_a_category_of_fifty_one_levels_is_judged_at_five_hundred_rows() -> None:
    levels = tuple(f"state {number}" for number in range(51))
    states = Contract(
        name="states", schema_version=1, id_column="id", target="bad", date_column=None,
        features=(Feature(name="state", kind="category", categories=levels),),
    )  # fmt: skip
    rng, weight = np.random.default_rng(5), 0.9 ** np.arange(51)
    before, same = (rng.choice(levels, rows, p=weight / weight.sum()).tolist() for rows in (5_000, 500))
    other = rng.choice(levels, 500).tolist()
    of = reference({"state": before}, states)
    assert drift(of, {"state": same}, ONLY_CHANCE).verdict == "stable"
    assert drift(of, {"state": other}).verdict == "drifted"


@pytest.mark.parametrize(("reference_rows", "rows"), [(5_000, 499), (499, 5_000)])
def test_with_too_few_rows_on_either_side_nothing_is_judged(reference_rows: int, rows: int) -> None:
    found = drift(toy_reference(reference_rows), toy_columns(rows, seed=2) | {"employees": [900] * rows})
    shifts = [*(each.shift for each in found.features), found.prediction.shift, found.outcomes.shift]
    assert (found.verdict, found.drifted_share) == ("too_few", 0.0)
    assert {(shift.psi, shift.psi_limit, shift.distance, shift.drifted) for shift in shifts} == {
        (None, None, None, False)
    }


def test_the_least_number_of_rows_is_judged() -> None:
    assert drift(toy_reference(), toy_columns(500, seed=2)).verdict == "stable"


def test_no_rows_have_no_shares() -> None:
    found = toy_drift(0)
    assert (found.verdict, found.prediction.mean_probability) == ("too_few", None)
    assert (found.outcomes.approved, found.outcomes.review, found.outcomes.refused) == (0.0, 0.0, 0.0)
    assert {(each.missing_share, each.unseen_share) for each in found.features} == {(0.0, 0.0)}


def test_riskier_requests_move_the_prediction_and_the_mix_of_outcomes() -> None:
    found = toy_drift(amount=[100_000.0] * 500 + [300_000.0] * 1_500)
    assert (found.prediction.shift.drifted, found.outcomes.shift.drifted) == (True, True)
    assert (found.outcomes.approved, found.outcomes.review, found.outcomes.refused) == (0.0, 0.25, 0.75)
    assert found.prediction.mean_probability == pytest.approx(0.25)


def test_the_reference_is_decided_by_the_policy() -> None:
    found = drift(toy_reference(amount=[50_000.0] * 4_000 + [100_000.0] * 1_000), toy_columns(2_000, seed=2))
    mix = found.outcomes
    assert (mix.reference_approved, mix.reference_review, mix.reference_refused) == (0.8, 0.2, 0.0)
    assert found.prediction.reference_mean_probability == pytest.approx(0.06)


def test_the_method_of_each_distance_is_named() -> None:
    found = toy_drift()
    assert [each.shift.distance_method for each in found.features] == ["wasserstein", "wasserstein", "jensenshannon"]
    assert (found.prediction.shift.distance_method, found.outcomes.shift.distance_method) == (
        "wasserstein",
        "jensenshannon",
    )
