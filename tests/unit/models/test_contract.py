"""Reading a contract, and encoding with it."""

import doctest
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import models.contract
import models.manifest
import models.policy
import models.scorer
import models.training.infer_contract
from models.contract import Contract, Feature
from models.datasets.sba import CONTRACT_FILE, PROFILE_FEATURES, REQUEST_FEATURES
from models.errors import ContractError
from tests.builders.loans import CONTRACT


def changed(**fields: object) -> Contract:
    return msgspec.structs.replace(CONTRACT, **fields)


def with_feature(**fields: Any) -> Contract:
    return changed(features=(*CONTRACT.features, Feature(**fields)))


def test_a_contract_survives_writing_and_reading(tmp_path: Path) -> None:
    CONTRACT.write(tmp_path / "contract.json")
    assert Contract.read(tmp_path / "contract.json") == CONTRACT


def test_a_contract_from_before_data_kinds_says_personal_of_every_feature_and_writes_it_out() -> None:
    older = json.loads(CONTRACT.to_json())
    for feature in older["features"]:
        del feature["data_kind"]
    contract = Contract.parse(json.dumps(older).encode(), source="older")
    assert {feature.data_kind for feature in contract.features} == {"personal"}
    assert contract.to_json().count(b'"data_kind": "personal"') == len(contract.features)


def test_a_data_kind_that_is_none_is_refused() -> None:
    with pytest.raises(ContractError, match="secret"):
        Contract.parse(CONTRACT.to_json().replace(b'"personal"', b'"secret"', 1), source="odd")


def test_the_shipped_contract_states_the_kind_of_every_column() -> None:
    kinds = Contract.read(CONTRACT_FILE).data_kinds()
    assert kinds.keys() == {"application_id", "approval_date", "defaulted_36m", *PROFILE_FEATURES, *REQUEST_FEATURES}
    assert {name for name, kind in kinds.items() if kind != "personal"} == {"application_id", "state", "urban_rural"}
    assert CONTRACT_FILE.read_text().count('"data_kind"') == 12


@pytest.mark.parametrize(
    ("contract", "problem"),
    [
        (changed(features=()), "there are no features"),
        (with_feature(name="income", kind="number"), "feature 'income' is listed twice"),
        (with_feature(name="bad", kind="integer"), "the target 'bad' is also a feature"),
        (with_feature(name="id", kind="integer"), "the id_column 'id' is also a feature"),
        (with_feature(name="day", kind="integer"), "the date_column 'day' is also a feature"),
        (with_feature(name="x", kind="category"), "feature 'x' is a category without categories"),
        (with_feature(name="x", kind="category", categories=("a", "a")), "feature 'x' lists category 'a' twice"),
        (with_feature(name="x", kind="category", categories=("a",), minimum=0), "can have no minimum or maximum"),
        (
            with_feature(name="x", kind="number", categories=("a",)),
            "feature 'x' has categories but is of kind 'number'",
        ),
        (with_feature(name="x", kind="number", minimum=2, maximum=1), "feature 'x' has minimum 2 above maximum 1"),
        (changed(target=""), "target is empty"),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused_saying_how(
    tmp_path: Path, contract: Contract, problem: str
) -> None:
    contract.write(tmp_path / "contract.json")
    with pytest.raises(ContractError, match=problem):
        Contract.read(tmp_path / "contract.json")


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    changed(features=(), target="", name="").write(tmp_path / "contract.json")
    with pytest.raises(ContractError, match=r"no features; name is empty; target is empty"):
        Contract.read(tmp_path / "contract.json")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not a contract"),
        (CONTRACT.to_json().decode().replace('"target": "bad",', ""), "missing required field `target`"),
        (CONTRACT.to_json().decode().replace('"required"', '"requierd"'), "unknown field `requierd`"),
        (CONTRACT.to_json().decode().replace('"integer"', '"int"'), "Invalid enum value 'int'"),
    ],
)
def test_a_slip_of_the_pen_in_the_file_is_named(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "contract.json").write_text(text)
    with pytest.raises(ContractError, match=problem):
        Contract.read(tmp_path / "contract.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"The contract .*nowhere\.json cannot be read .No such file"):
        Contract.read(tmp_path / "nowhere.json")


def test_none_becomes_missing_and_a_category_its_position() -> None:
    matrix, _ = CONTRACT.encode([[10.5, None], [None, 2], ["rent", None]])
    assert np.array_equal(matrix, [[10.5, np.nan, 1.0], [np.nan, 2.0, np.nan]], equal_nan=True)


def test_an_unseen_category_becomes_missing_and_is_counted() -> None:
    matrix, unseen = CONTRACT.encode([[1.0] * 3, [1] * 3, ["boat", "own", "tent"]])
    assert unseen == {"home, kind": 2}
    assert np.array_equal(matrix[:, 2], [np.nan, 0.0, np.nan], equal_nan=True)


def test_no_rows_make_an_empty_matrix_of_the_right_width() -> None:
    matrix, unseen = CONTRACT.encode([[], [], []])
    assert matrix.shape == (0, 3)
    assert unseen == {}


@pytest.mark.parametrize("columns", [[[1.0], [1]], [[1.0], [1], ["own", "rent"]]])
def test_columns_that_do_not_fit_the_contract_are_refused(columns: list[list[object]]) -> None:
    with pytest.raises(ContractError, match="3 columns of one length"):
        CONTRACT.encode(columns)


def test_what_a_row_lacks_is_missing() -> None:
    assert CONTRACT.columns_of([{"income": 5.0}, {"children": 1}]) == [[5.0, None], [None, 1], [None, None]]


def test_the_shipped_contract_names_profile_and_request_features_with_a_reason_each() -> None:
    shipped = Contract.read(CONTRACT_FILE)
    assert shipped.names() == PROFILE_FEATURES + REQUEST_FEATURES
    assert all(feature.reason_code and feature.reason_text for feature in shipped.features)
    assert [feature.name for feature in shipped.features if feature.required] == [
        "amount_requested",
        "guaranteed_share",
    ]


@pytest.mark.parametrize(
    "module",
    [models.contract, models.training.infer_contract, models.manifest, models.policy, models.scorer],
    ids=lambda m: m.__name__,
)
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
