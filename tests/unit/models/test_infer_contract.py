"""The contract that is inferred from a table."""

import numpy as np
import pandas as pd
import pytest

from models.contract import Feature
from models.errors import TrainingDataError
from models.training.infer_contract import infer_contract, infer_feature, widened_range

ROWS = 600


def column(values: object, name: str = "x") -> pd.Series:
    return pd.Series(values, name=name)


def feature(values: object) -> Feature:
    inferred = infer_feature(column(values))
    assert isinstance(inferred, Feature)
    return inferred


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], "integer"),
        ([True, False, True], "integer"),
        (pd.array([1, None, 3], dtype="Int8"), "integer"),
        ([1.0, 2.0, None], "number"),
        ([1.5, 2.5], "number"),
        (["own", "rent"] * 9, "category"),
        (["own", None, "rent"] * 9, "category"),
    ],
)
def test_the_kind_follows_from_the_columns_type(values: object, kind: str) -> None:
    assert feature(values).kind == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [("home_state", "sensitive"), ("Age", "sensitive"), ("ssn", "id"), ("phoneNumber", "id"), ("stage", "personal")],
)
def test_the_data_kind_follows_from_the_words_of_the_name(name: str, kind: str) -> None:
    inferred = infer_feature(column([1, 2, 3], name))
    assert isinstance(inferred, Feature)
    assert inferred.data_kind == kind


def test_categories_are_every_value_seen_sorted() -> None:
    assert feature(["b, c", "a", None, "a", "b, c"] * 9).categories == ("a", "b, c")


def test_a_column_without_a_gap_is_required() -> None:
    assert feature([1, 2, 3]).required
    assert not feature([1, 2, None]).required


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([None, None], "it is empty"),
        ([np.nan, np.nan], "it is empty"),
        ([3, 3, None], "it has one value only"),
        ([f"person {i}" for i in range(ROWS)], "it is text with 600 different values"),
        (["a", "b", "c", "d"], "it is text with 4 different values in 4 rows"),
        (pd.to_datetime(["2001-01-01", "2002-01-01"]), "it holds dates"),
    ],
)
def test_a_column_that_makes_no_feature_is_left_out_with_the_reason(values: object, reason: str) -> None:
    assert infer_feature(column(values)) == reason


@pytest.mark.parametrize(
    ("seen", "accepted"),
    [
        ((20, 70), (0, 120)),
        ((100, 110), (90, 120)),
        ((-17_912, 365_243), (-401_067, 748_398)),
        ((-25_000, -7_500), (-42_500, 0)),
        ((0.02, 0.96), (0, 1)),
        ((0, 1), (0, 1)),
        ((0, 3), (0, 6)),
    ],
)
def test_a_range_leaves_room_for_values_not_seen_yet(seen: tuple[float, float], accepted: tuple[float, float]) -> None:
    assert widened_range(*seen) == accepted


def test_a_tenth_of_the_rows_makes_a_range_that_rejects_none_of_the_rest() -> None:
    incomes = np.exp(np.random.default_rng(5).normal(11, 0.5, 10_000))
    minimum, maximum = widened_range(incomes[:1_000].min(), incomes[:1_000].max())
    assert ((incomes >= minimum) & (incomes <= maximum)).all()


def test_id_target_and_date_are_no_features_and_every_column_left_out_is_named() -> None:
    frame = pd.DataFrame({"id": [1, 2], "day": ["2001-01-01"] * 2, "bad": [0, 1], "age": [30, 40], "empty": None})
    inferred = infer_contract(frame, name="t", target="bad", id_column="id", date_column="day")
    assert inferred.contract.names() == ("age",)
    assert inferred.notes == ("Column 'empty' is left out: it is empty.",)
    assert inferred.contract.problems() == []


def test_a_table_without_a_usable_column_is_refused() -> None:
    with pytest.raises(TrainingDataError, match="No column can be a feature"):
        infer_contract(pd.DataFrame({"id": [1, 2], "bad": [0, 1]}), name="t", target="bad", id_column="id")
