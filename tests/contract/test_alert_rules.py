"""Recording and alert rules: what promtool says of them, that each alert is tested both ways and has a runbook."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.grafana.alert_thresholds import limits_in
from stream_app.settings import MonitorSettings
from tests.builders.operator_files import ROOT
from tests.builders.prometheus_files import ALERTS, PROMETHEUS, RECORDING, RULE_TESTS, rules
from tests.servers.tools import TOOLS

ALERT_RULES = rules(ALERTS)
RUNBOOKS = (ROOT / "docs/runbooks.md").read_text()

every_alert = pytest.mark.parametrize("alert", ALERT_RULES, ids=lambda rule: rule["alert"])


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = TOOLS["prometheus"].path().with_name("promtool")
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, cwd=PROMETHEUS, timeout=100, check=False
    )


@pytest.mark.prometheus
def test_promtool_takes_configuration_and_rules() -> None:
    checked = promtool("check", "config", "--lint=all", "--lint-fatal", "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.prometheus
@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.stem)
def test_alerts_fire_when_they_should_and_are_silent_when_they_should(file: Path) -> None:
    checked = promtool("test", "rules", file)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_prometheus_is_given_every_file_with_rules() -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    assert config["rule_files"] == [RECORDING.name, ALERTS.name]
    assert {file.name for file in PROMETHEUS.glob("*.yml")} == {"prometheus.yml", RECORDING.name, ALERTS.name}


def expectations(alert: str) -> list[bool]:
    """Of every check of this alert in promtool's tests, whether it is expected to fire."""
    found = []
    for test in (test for file in RULE_TESTS for test in yaml.safe_load(file.read_text())["tests"]):
        for check in test.get("promql_expr_test", ()):
            asked = re.search(r'alertname=(~?)"([^"]+)"', check["expr"])
            about = asked is None or re.fullmatch(asked[2] if asked[1] else re.escape(asked[2]), alert)
            if about and "ALERTS" in check["expr"]:
                found.append(expected_by(check, alert, alone=asked is not None and not asked[1]))
        rule_checks = [check for check in test.get("alert_rule_test", ()) if check["alertname"] == alert]
        found.extend(bool(check["exp_alerts"]) for check in rule_checks)
    return found


def expected_by(check: dict[str, Any], alert: str, *, alone: bool) -> bool:
    """A query about one alert need not name it in its result."""
    samples = check["exp_samples"]
    return bool(samples) if alone else any(f'alertname="{alert}"' in sample["labels"] for sample in samples)


@every_alert
def test_alert_is_tested_to_fire_and_to_be_silent(alert: dict[str, Any]) -> None:
    assert set(expectations(alert["alert"])) == {True, False}


@every_alert
def test_alert_compares_recorded_series_with_numbers(alert: dict[str, Any]) -> None:
    """So that its left-hand side can be looked at while it is silent, and its limit be read by the dashboards."""
    recorded = {rule["record"] for rule in rules(RECORDING)}
    assert {limit.series.partition("{")[0] for limit in limits_in(alert["expr"])} <= recorded


def test_every_recorded_series_is_used_by_an_alert_or_another_rule() -> None:
    used = " ".join(rule["expr"] for rule in [*ALERT_RULES, *rules(RECORDING)])
    unused = {rule["record"] for rule in rules(RECORDING) if not re.search(rf"\b{rule['record']}\b", used)}
    assert unused == set()


@every_alert
def test_alert_says_what_is_wrong_what_to_do_and_where_more_is_written(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"].endswith(f"docs/runbooks.md#{alert['alert'].lower()}")


@every_alert
def test_runbook_of_an_alert_says_its_severity_where_to_look_and_what_to_do(alert: dict[str, Any]) -> None:
    [section] = re.findall(rf"^## {alert['alert']}\n(.*?)(?=^## |\Z)", RUNBOOKS, re.MULTILINE | re.DOTALL)
    assert section.strip().startswith(f"*{alert['labels']['severity']}.*")
    assert "* **Look**: " in section
    assert "* **Do**: " in section


def test_every_runbook_is_of_an_alert_and_links_to_one() -> None:
    names = [rule["alert"] for rule in ALERT_RULES]
    assert re.findall(r"^## (.*)$", RUNBOOKS, re.MULTILINE) == names
    assert set(re.findall(r"\(#(\w+)\)", RUNBOOKS)) <= {name.lower() for name in names}


def test_windows_too_small_for_the_monitor_to_judge_raise_no_drift_alert() -> None:
    [guard] = re.findall(r"loan_monitor_window_rows >= (\d+)", RECORDING.read_text())
    assert int(guard) == MonitorSettings.model_fields["min_window_rows"].default
