"""Columns that are left out since a model must not learn them by accident."""

import numpy as np
import pandas as pd

from models.contract import Feature
from models.training.infer_contract import Asked, InferredContract, infer_contract

RNG = np.random.default_rng(3)
ROWS = 400
BAD = (RNG.random(ROWS) < 0.2).astype(float)


def inferred(keep: tuple[str, ...] = (), categories: tuple[str, ...] = (), **columns: object) -> InferredContract:
    frame = pd.DataFrame({"id": range(ROWS), "bad": BAD, "income": RNG.normal(size=ROWS), **columns})
    return infer_contract(frame, name="t", target="bad", id_column="id", asked=Asked(keep, categories))


def names(**columns: object) -> set[str]:
    return set(inferred(**columns).contract.names())  # type: ignore[arg-type]


def test_a_second_id_is_left_out_by_name() -> None:
    accounts = RNG.permutation(np.arange(ROWS) * 7 + 1_000_000)
    found = inferred(row_number=range(1, ROWS + 1), account_no=accounts, hash=RNG.integers(2**60, 2**62, ROWS))
    assert found.contract.names() == ("income",)
    assert all("seems to be an id" in note for note in found.notes)
    assert len(found.notes) == 3


def test_what_differs_in_every_row_but_counts_nothing_is_no_id() -> None:
    assert names(amount=RNG.permutation(np.arange(ROWS) * 7)) == {"income", "amount"}


def test_what_tells_the_outcome_alone_is_left_out_unless_the_user_keeps_it() -> None:
    days_late = BAD * 60 + RNG.normal(size=ROWS)
    [note] = inferred(days_late=days_late).notes
    assert note.startswith(
        "Column 'days_late' is left out: alone it tells defaults from paid loans with an AUC of 1.00"
    )
    assert names(keep=("days_late",), days_late=days_late) == {"income", "days_late"}


def test_what_only_defaults_have_is_left_out_though_many_have_it_not() -> None:
    recovered = np.where((BAD == 1) & (RNG.random(ROWS) < 0.6), RNG.random(ROWS), 0)
    [note] = inferred(recovered=recovered).notes
    assert "100% of the" in note


def test_codes_are_categories_as_written_and_numbers_as_text_are_numbers() -> None:
    found = inferred(zone=["01", "1", "+1", "1e5"] * (ROWS // 4), rate=["1.5", "2e-05", "NA", "7"] * (ROWS // 4))
    zone, rate = found.contract.features[1:]
    assert zone.categories == ("+1", "01", "1", "1e5")
    assert (rate.kind, rate.required) == ("number", False)


def test_text_of_too_many_values_is_left_out_unless_the_user_takes_it_as_a_category() -> None:
    city = [f"city {number}" for number in range(ROWS)]
    assert inferred(city=city).notes == ("Column 'city' is left out: it is text with 400 different values.",)
    taken = inferred(categories=("city",), city=city).contract.features[1]
    assert len(taken.categories) == ROWS


def test_a_name_that_no_request_can_carry_is_left_out() -> None:
    for name in ('in"come', "in\\come", "in\ncome", "in\tcome"):
        [note] = inferred(**{name: RNG.normal(size=ROWS)}).notes  # type: ignore[arg-type]  # a column's name
        assert "in its name" in note


def test_the_inferred_range_is_advice() -> None:
    [income] = inferred().contract.features
    assert (income.minimum, income.maximum) == (None, None)
    assert isinstance(income, Feature)
    assert income.is_outlier(1e9)
    assert not income.is_outlier(0.0)
    assert not income.is_outlier(None)
