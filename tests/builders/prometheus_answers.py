"""Whatever the dashboards and the rules ask, as plain PromQL, and which of it had no answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from monitoring.grafana.alert_thresholds import alerts, limits_in
from tests.builders.prometheus_files import DASHBOARDS, RECORDING, rules, walk
from tests.servers.prometheus import Prometheus

SHORT = {"instance": ".*", "kind": "time", "last": "48", "__rate_interval": "10s", "__range": "5m"}
"""Values for Grafana's variables; ten seconds hold ten scrapes."""


def panel_queries(model_version: str) -> Iterator[tuple[str, str]]:
    """(where it stands, expression) of every query of every panel, variables filled in as Grafana would."""
    values = SHORT | {"model": model_version}
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{file.stem}: {panel['title']}", filled(target["expr"], values)


def filled(expr: str, values: dict[str, str]) -> str:
    """An expression without variables. Raises KeyError for one that nobody gave a value."""
    return re.sub(r"\$(\w+)", lambda variable: values[variable[1]], expr)


def rule_queries() -> Iterator[tuple[str, str]]:
    """(rule, series) of what each rule records, and of every series an alert compares."""
    for rule in rules(RECORDING):
        yield rule["record"], rule["record"]
    for alert, expr in alerts().items():
        for limit in limits_in(expr):
            yield alert, limit.series


def variable_queries() -> Iterator[tuple[str, str]]:
    """(dashboard and variable, series) of every variable whose values Grafana asks for."""
    for file in DASHBOARDS:
        for each in walk(json.loads(file.read_text())):
            if asked := re.fullmatch(r"label_values\((\w+), (\w+)\)", str(each.get("definition"))):
                yield f"{file.stem}: {each['name']}", f'{asked[1]}{{{asked[2]}!=""}}'


def unanswered(prometheus: Prometheus, model_version: str) -> list[str]:
    """Panels, variables and rules whose query had no data at any second so far, each with its query."""
    asked = [*panel_queries(model_version), *variable_queries(), *rule_queries()]
    return [f"{where}: {expr}" for where, expr in asked if not _answered(prometheus, expr)]


def _answered(prometheus: Prometheus, expr: str) -> bool:
    """Whether there was data; of a query that puts figures side by side, of each of them."""
    series = prometheus.ever(expr)
    figures = set(re.findall(r'"figure", "([^"]+)"', expr))
    return bool(series) and figures <= {labels.get("figure") for labels in series}


def faults(prometheus: Prometheus) -> list[str]:
    """Rules that the server could not evaluate, with its reason."""
    return [f"{rule['name']}: {rule.get('lastError')}" for rule in prometheus.rules() if rule["health"] != "ok"]
