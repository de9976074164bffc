"""The README names every setting with its default, every series, and every reason for a rejection."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE
from monitoring.metrics import PREFIX, ScorerMetrics
from stream_app.events import RejectionReason
from stream_app.settings import WorkerSettings
from tests.samples import MODEL

README = (Path(__file__).parents[2] / "README.md").read_text()
ROWS = re.findall(r"^\| `(\w+)(?:\{[\w,]+\})?` \| *`?(.*?)`? *\|", README, re.MULTILINE)
"""First cell, without its labels, and second cell of the rows of its tables that begin with one name."""


def rows(prefix: str) -> dict[str, str]:
    return {name: second for name, second in ROWS if name.startswith(prefix)}


def series() -> set[str]:
    """The names of the series as Prometheus shows them; a histogram by the name its three have in common."""
    registry = CollectorRegistry()
    ScorerMetrics(registry, MODEL, Contract.read(CONTRACT_FILE))
    return {family.name + ("_total" if family.type == "counter" else "") for family in registry.collect()}


def test_every_setting_has_a_row_with_its_default_and_no_other_has_one() -> None:
    defaults = {
        f"STREAM_APP_{name.upper()}": "" if field.default is None else str(field.default)
        for name, field in WorkerSettings.model_fields.items()
    }
    assert rows("STREAM_APP_") == defaults


def test_every_series_has_a_row_and_no_other_has_one() -> None:
    assert set(rows(PREFIX)) == series()


@pytest.mark.parametrize("reason", RejectionReason)
def test_every_reason_for_a_rejection_is_named(reason: RejectionReason) -> None:
    assert f"`{reason.value}`" in README
