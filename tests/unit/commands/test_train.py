"""``stream-app train`` on files."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.bundle import load_bundle
from models.contract import Contract
from models.errors import ContractError, ModelError, OutputError, TrainingDataError
from stream_app.commands.train import command
from tests.builders.loans import CONTRACT, loans

COLUMNS = ("--target", "bad", "--id", "id")
SMALL = ("--trees", "5", "--leaves", "4")


@pytest.fixture(autouse=True)
def _in_a_folder_with_loans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loans().assign(name=[f"person {i}" for i in range(1_000)]).to_csv("loans.csv", index=False)


def run(*arguments: str) -> Result:
    """The command's result; an error of ours is raised, as the command line's main catches it."""
    result = CliRunner().invoke(command, arguments)
    if isinstance(result.exception, ModelError):
        raise result.exception
    return result


def test_a_csv_becomes_a_bundle_and_what_was_left_out_is_said() -> None:
    result = run("--data", "loans.csv", *COLUMNS, "--date", "day", *SMALL)
    assert result.exit_code == 0, result.output
    assert "Column 'name' is left out: it is text with 1000 different values." in result.stderr
    assert load_bundle(Path("bundles/loans")).contract.names() == ("income", "children", "home, kind")


def test_costs_name_and_seed_reach_the_bundle() -> None:
    run("--data", "loans.csv", *COLUMNS, *SMALL, "--cost-ratio", "4", "--name", "mine", "--seed", "3", "--out", "b")
    bundle = load_bundle(Path("b"))
    assert (bundle.name, bundle.policy.cost_ratio, bundle.manifest.seed) == ("mine", 4.0, 3)


def test_an_inferred_contract_can_be_edited_and_trained_with() -> None:
    run("--data", "loans.csv", *COLUMNS, "--infer-only", "--out", "c.json")
    assert not Path("bundles").exists()
    text = Path("c.json").read_text()
    Path("c.json").write_text(text.replace('"reason_text": "Value of income"', '"reason_text": "Income is low"'))
    run("--data", "loans.csv", "--contract", "c.json", *SMALL, "--out", "b")
    assert load_bundle(Path("b")).contract.features[0].reason_text == "Income is low"


def test_an_edited_contract_is_not_overwritten() -> None:
    CONTRACT.write(Path("c.json"))
    with pytest.raises(OutputError, match="exists already"):
        run("--data", "loans.csv", *COLUMNS, "--infer-only", "--out", "c.json")
    assert Contract.read(Path("c.json")) == CONTRACT


def test_an_existing_bundle_is_replaced_only_when_forced() -> None:
    train = ("--data", "loans.csv", *COLUMNS, *SMALL, "--out", "b")
    run(*train)
    with pytest.raises(OutputError, match="add --force"):
        run(*train)
    assert run(*train, "--force").exit_code == 0


def test_a_wrong_column_leaves_nothing_behind() -> None:
    with pytest.raises(TrainingDataError, match=r"no column 'default'"):
        run("--data", "loans.csv", "--target", "default", "--id", "id")
    assert [path.name for path in Path().iterdir()] == ["loans.csv"]


def test_a_contract_whose_target_is_not_in_the_table_is_refused() -> None:
    CONTRACT.write(Path("c.json"))
    loans().drop(columns="bad").to_csv("unlabelled.csv")
    with pytest.raises(TrainingDataError, match="no column 'bad'"):
        run("--data", "unlabelled.csv", "--contract", "c.json")


def test_a_target_that_is_also_a_feature_is_refused() -> None:
    CONTRACT.write(Path("c.json"))
    with pytest.raises(ContractError, match="the target 'children' is also a feature"):
        run("--data", "loans.csv", "--contract", "c.json", "--target", "children")


def test_data_without_target_and_id_is_a_usage_error() -> None:
    result = run("--data", "loans.csv")
    assert result.exit_code == 2
    assert "--target and --id must be given" in result.output
