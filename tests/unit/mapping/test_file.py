"""A mapping file is checked against the contract when it is read, and every problem is listed at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stream_app.errors import MappingError
from stream_app.mapping.file import MAX_BYTES, parse_mapping, read_mapping
from tests.builders.mappings import FOREIGN
from tests.builders.records import TOY

HEAD = b'request_id = "id"\nclient_id = "client"\nrequested_at = "at"\n'


def problems(text: bytes) -> list[str]:
    with pytest.raises(MappingError) as fault:
        parse_mapping(text, TOY, source="test.toml")
    return [line.strip() for line in fault.value.happened.splitlines()[1:]]


@pytest.mark.parametrize(
    ("features", "problem"),
    [
        ('amount = "a"\nsate = "b"', "features.sate: the contract has no such feature"),
        (
            'amount = "a"\nemploees = "b"',
            "features.emploees: the contract has no such feature; did you mean employees?",
        ),
        ('home = "b"', "features.amount: it is required and has no source; name it in from_profile if clients' "),
        ('amount = {path = "a", constant = 3}', "features.amount: name one source: a path or a constant"),
        ("amount = {}", "features.amount: name one source: a path or a constant"),
        ('amount = {constant = "3"}', "features.amount: constant: Expected `float | null`, got `str`"),
        ("amount = {constant = -1}", "features.amount: constant: Expected `float` >= 0.0"),
        ("amount = {constant = nan}", "features.amount: constant: it is no finite number"),
        ('amount = "a"\nhome = {constant = "boat"}', "features.home: constant: the contract has no such category"),
        (
            'amount = "a"\nhome = {path = "h", values = {B = "boat"}}',
            "features.home: value 'B': the contract has no such",
        ),
        (
            'amount = {path = "a", values = {low = "x"}}',
            "features.amount: value 'low': Expected `float | null`, got `st",
        ),
        (
            'amount = {path = "a", unit = "dozens"}',
            "features.amount: unit: there is no 'dozens'; take one of units, hu",
        ),
        ('amount = {path = "a", unit = "years"}', "features.amount: unit: years cannot become the contract's unit"),
        (
            'amount = "a"\nemployees = {path = "e", unit = "years"}',
            "features.employees: unit: years cannot become the ",
        ),
        ('amount = {path = "a", contract_unit = "EUR"}', "features.amount: contract_unit: take a share or a time"),
        (
            'amount = "a"\nhome = {path = "h", decimal = "."}',
            "features.home: decimal, strip, unit and contract_unit are",
        ),
        ('amount = {path = "a", decimal = ";"}', "features.amount: Invalid enum value ';'"),
        ('amount = {path = "a", strip = ["$"]}', 'features.amount: strip is for numbers in text: add decimal = "." or'),
        ('amount = {path = "a..b"}', "features.amount: path: 'a..b' is no path such as applicant.incomes[0].amount"),
        ('amount = {path = "a", colour = 1}', "features.amount: Object contains unknown field `colour`"),
        ("amount = 3", "features.amount: Expected `str | array`, got `int`"),
    ],
)
def test_a_feature_that_does_not_fit_the_contract_is_named_with_what_is_wrong(features: str, problem: str) -> None:
    found = problems(HEAD + b"[features]\n" + features.encode())
    assert any(line.startswith(problem) for line in found) or problem in str(found), found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "request_id: it has no source"),
        (b"", "client_id: it has no source"),
        (b"", "requested_at: it has no source"),
        (b"request_id = 3", "request_id: Expected `str | array`, got `int`"),
        (b'client_id = ""', "client_id: path: '' is no path such as applicant.incomes[0].amount"),
        (b"client_id = []", "client_id: path: a path needs keys"),
        (b'requested_at = {path = "a", format = "%d/%m/%Y"}', "requested_at: timezone: name one, since the format has"),
        (b'requested_at = {format = "unix_seconds"}', "requested_at: Object missing required field `path`"),
        (b"feature = 1", "feature: there is no such setting; did you mean features?"),
        (b'from_profile = ["zip"]', "features.zip: the contract has no such feature"),
        (
            b'from_profile = ["amount"]\nfeatures = {amount = "a"}',
            "features.amount: it has two sources, one of them th",
        ),
        (b"a = [", "it is no TOML: "),
        (b"\xff", "it is no TOML: "),
        (b"a = 1\na = 2", "it is no TOML: Cannot overwrite a value"),
        (b"a = " + b"[" * 100_000, "it is no TOML: "),
        (b"#" * (MAX_BYTES + 1), "it is no TOML: it is larger than 1,000,000 bytes"),
    ],
)
def test_what_is_wrong_beside_the_features_is_named(text: bytes, problem: str) -> None:
    assert any(line.startswith(problem) for line in problems(text))


def test_all_problems_are_listed_at_once() -> None:
    text = b'feature = 1\nclient_id = "a..b"\n[features]\nsate = "b"\nhome = {constant = "boat"}\n'
    named = [problem.partition(": ")[0] for problem in problems(text)]
    assert named == [
        "feature",
        "requested_at",
        "request_id",
        "client_id",
        "features.sate",
        "features.home",
        "features.amount",
    ]


def test_a_required_feature_may_be_left_to_the_profile_by_name() -> None:
    assert parse_mapping(b'from_profile = ["amount"]\n' + HEAD, TOY, source="test.toml")


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mapping.toml"
    file.write_bytes(FOREIGN)
    assert read_mapping(file, TOY).paths()["features.amount"] == "loan.amount"


def test_a_path_that_is_no_file_is_refused_and_a_pipe_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in ((tmp_path / "none", "no such file"), (tmp_path / "pipe", "no regular file")):
        with pytest.raises(MappingError, match=why):
            read_mapping(path, TOY)
