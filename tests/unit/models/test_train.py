"""Training: from a table to a draft of a bundle."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from models.errors import TrainingDataError
from models.training.train import Draft, Plan, train
from tests.builders.loans import CONTRACT, PLAN, loans

UNDATED = msgspec.structs.replace(CONTRACT, date_column=None)


@pytest.fixture(scope="module")
def draft() -> Draft:
    return train(loans(), CONTRACT, PLAN)


def test_the_same_data_and_seed_give_the_same_bytes(draft: Draft) -> None:
    again = train(loans(), CONTRACT, PLAN)
    assert again.files == draft.files
    assert again.manifest == draft.manifest
    assert again.model_card == draft.model_card


def test_another_seed_gives_another_model(draft: Draft) -> None:
    other = train(loans(), CONTRACT, Plan(PLAN.policy, seed=8, size=PLAN.size))
    assert other.files["model.txt"] != draft.files["model.txt"]


def test_the_order_of_the_tables_columns_does_not_matter(draft: Draft) -> None:
    frame = loans()
    assert train(frame[frame.columns[::-1]], CONTRACT, PLAN).files == draft.files


def test_with_dates_the_latest_fifth_is_held_out(draft: Draft) -> None:
    assert draft.manifest.hold_out == "the latest 200 rows, from 2003-05-27 on"
    assert draft.manifest.figures["hold-out"].rows == 200


def test_without_dates_a_fifth_of_each_label_is_held_out() -> None:
    frame = loans()
    held = train(frame, UNDATED, PLAN).manifest.figures["hold-out"]
    assert (held.rows, held.defaults) == (200, round(frame["bad"].sum() / 5))


def test_rows_after_the_last_day_are_evaluated_by_year_and_not_trained_on() -> None:
    frame = loans()
    plan = Plan(PLAN.policy, size=PLAN.size, until=np.datetime64("2002-12-31"))
    early = train(frame, CONTRACT, plan)
    late = frame["day"] > "2002-12-31"
    assert early.manifest.figures["out of time 2003"].rows == late.sum()
    assert early.files["model.txt"] == train(frame[~late], CONTRACT, PLAN).files["model.txt"]
    assert early.manifest.data.last_date == "2002-12-31"


def test_a_last_day_needs_dates() -> None:
    with pytest.raises(TrainingDataError, match="needs a date column"):
        train(loans(), UNDATED, Plan(PLAN.policy, until=np.datetime64("2002-12-31")))


def test_rows_the_service_would_reject_are_counted_and_not_trained_on() -> None:
    frame = loans()
    frame.loc[:9, "income"] = 2e6  # above the contract's maximum
    frame.loc[10:14, "income"] = np.nan  # required
    draft = train(frame, CONTRACT, PLAN)
    assert draft.manifest.data.rows == 985
    assert draft.notes[0].startswith("15 rows were left out")


def test_a_column_that_contains_the_label_is_called_a_leak(draft: Draft) -> None:
    frame = loans()
    frame["children"] = frame["bad"]
    assert any("looks like a leak" in note for note in train(frame, CONTRACT, PLAN).notes)
    assert draft.notes == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"bad": 0}, "hold 0 defaults"),
        ({"bad": 1}, "hold 1000 defaults"),
        ({"bad": 2}, "target 'bad' is not 0 or 1 in 1000 of 1000 rows"),
        ({"bad": "yes"}, "target 'bad' is not 0 or 1"),
        ({"bad": None}, "target 'bad' is not 0 or 1"),
        ({"day": "31/12/2003"}, "date column 'day' is no ISO 8601 date in 1000 of 1000 rows"),
        ({"day": 20031231}, "date column 'day' holds numbers"),
        ({"day": "2003-12-31"}, "training rows hold 0 defaults among 0"),
        ({"income": -1.0}, "training rows hold 0 defaults among 0"),
        ({"income": "a lot"}, "calls 'income' a number, the table holds text"),
    ],
)
def test_a_table_that_cannot_be_trained_on_is_refused_saying_why(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(TrainingDataError, match=problem):
        train(loans().assign(**change), CONTRACT, PLAN)


def test_every_missing_column_is_named_with_the_nearest_one_there() -> None:
    frame = loans().rename(columns={"income": "incomes"}).drop(columns="bad")
    with pytest.raises(TrainingDataError, match=r"no column 'bad'; 'income' \(did you mean 'incomes'\?\)"):
        train(frame, CONTRACT, PLAN)


def test_the_reference_holds_raw_features_and_probabilities_but_no_ids(draft: Draft, tmp_path: Path) -> None:
    (tmp_path / "reference.parquet").write_bytes(draft.files["reference.parquet"])
    reference = pd.read_parquet(tmp_path / "reference.parquet")
    assert list(reference) == ["income", "children", "home, kind", "probability_of_default"]
    assert reference["probability_of_default"].between(0, 1).all()


def test_golden_rows_hold_missing_values_and_unseen_categories(draft: Draft) -> None:
    golden = [msgspec.json.decode(line) for line in draft.files["golden.jsonl"].splitlines()]
    values = [value for row in golden for value in row["features"].values()]
    assert len(golden) == 49
    assert None in values
    assert "a category nobody has seen" in values


def test_the_model_card_has_figures_hash_policy_and_limits(draft: Draft) -> None:
    for part in ("| hold-out | 200 |", draft.manifest.data.sha256, "refused from\n0.1136", "## Limits", "lightgbm 4"):
        assert part in draft.model_card
