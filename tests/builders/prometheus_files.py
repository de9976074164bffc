"""The rules Prometheus is given and the dashboards of Grafana, parsed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.builders.operator_files import ROOT

PROMETHEUS = ROOT / "monitoring/prometheus"
RECORDING, ALERTS = PROMETHEUS / "recording.yml", PROMETHEUS / "alerts.yml"
GRAFANA = ROOT / "monitoring/grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
RULE_TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))


def rules(file: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def walk(value: object) -> Iterator[dict[str, Any]]:
    """Every object inside a parsed document, the outermost first."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for inside in value.values() if isinstance(value, dict) else value:
            yield from walk(inside)
