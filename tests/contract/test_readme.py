"""The README names every setting with its default, every series, and every reason for a rejection."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE
from monitoring.metrics import monitor
from monitoring.metrics.monitor import MonitorMetrics
from stream_app.cli import COMMANDS
from stream_app.commands.formats import DECISIONS_CSV_HEADER
from stream_app.events import RejectionReason
from stream_app.settings import GatewaySettings, MonitorSettings, WorkerSettings
from stream_app.worker import metrics
from stream_app.worker.metrics import ScorerMetrics
from tests.builders.records import MODEL

README = (Path(__file__).parents[2] / "README.md").read_text()
ROWS = re.findall(r"^\| `(\w+)(?:\{[\w,]+\})?` \| *`?(.*?)`? *\|(?: (.*) \|)?$", README, re.MULTILINE)
"""Of its table rows that begin with a name: first cell without the labels, second and, if there is one, third."""


def rows(prefix: str) -> dict[str, tuple[str, str]]:
    found = {name: (second, third) for name, second, third in ROWS if name.startswith(prefix)}
    assert len(found) == sum(name.startswith(prefix) for name, _, _ in ROWS), "a name has two rows"
    return found


def series(kind: type[ScorerMetrics] | type[MonitorMetrics]) -> set[str]:
    """The names of the series as Prometheus shows them; a histogram by the name its three have in common."""
    registry = CollectorRegistry()
    kind(registry, MODEL, Contract.read(CONTRACT_FILE))
    return {family.name + ("_total" if family.type == "counter" else "") for family in registry.collect()}


def test_every_setting_has_a_row_with_its_default_and_its_meaning_and_no_other_has_one() -> None:
    fields = GatewaySettings.model_fields | WorkerSettings.model_fields | MonitorSettings.model_fields
    assert rows("STREAM_APP_") == {
        f"STREAM_APP_{name.upper()}": ("" if field.default is None else str(field.default), field.description)
        for name, field in fields.items()
    }


def test_a_setting_of_the_gateway_and_another_process_has_one_default() -> None:
    for others in (WorkerSettings.model_fields, MonitorSettings.model_fields):
        for name in others.keys() & GatewaySettings.model_fields.keys():
            assert GatewaySettings.model_fields[name].default == others[name].default


def test_the_columns_of_the_csv_are_explained_in_their_order() -> None:
    section = README.split("| column | what |\n|---|---|\n")[1].split("\n\n")[0]
    assert re.findall(r"^\| (\w+) \|", section, re.MULTILINE) == DECISIONS_CSV_HEADER.split(",")


@pytest.mark.parametrize(("prefix", "kind"), [(metrics.PREFIX, ScorerMetrics), (monitor.PREFIX, MonitorMetrics)])
def test_every_series_has_a_row_and_no_other_has_one(
    prefix: str, kind: type[ScorerMetrics] | type[MonitorMetrics]
) -> None:
    assert set(rows(prefix)) == series(kind)


def test_every_command_it_shows_exists() -> None:
    shown = set(re.findall(r"^\$ (?:[^\n]*&& )?(?:[A-Z_]+=\S+ )*stream-app (\w+)", README, re.MULTILINE))
    assert shown
    assert shown <= set(COMMANDS)


@pytest.mark.parametrize("reason", RejectionReason)
def test_every_reason_for_a_rejection_is_named(reason: RejectionReason) -> None:
    assert f"`{reason.value}`" in README
