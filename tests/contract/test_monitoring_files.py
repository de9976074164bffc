"""What watches the scorer: scrape configuration, alert rules, data source, dashboards."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from models.bundle import load_bundle, shipped_bundle
from monitoring.metrics import PREFIX, ScorerMetrics
from stream_app.events import ModelRef
from tests.contract.operator_files import ROOT, SERVICES, WEB_PORT

PROMETHEUS = ROOT / "monitoring/prometheus"
GRAFANA = ROOT / "monitoring/grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))

every_dashboard = pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)


def walk(value: object) -> Iterator[dict]:
    """Every object inside a parsed document, the outermost first."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for inside in value.values() if isinstance(value, dict) else value:
            yield from walk(inside)


def expressions(file: Path) -> list[str]:
    return [each["expr"] for each in walk(yaml.safe_load(file.read_text())) if "expr" in each]


@pytest.fixture(scope="module")
def series() -> set[str]:
    """Every series name a scorer exports."""
    registry = CollectorRegistry()
    bundle = load_bundle(shipped_bundle())
    ScorerMetrics(registry, ModelRef(bundle.name, bundle.version, bundle.sha256), bundle.contract)
    endings = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
    return {metric.name + ending for metric in registry.collect() for ending in endings[metric.type]}


def test_prometheus_asks_every_scorer_on_its_port() -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    job = next(job for job in config["scrape_configs"] if job["job_name"] == "scorer")
    (asked,) = job["dns_sd_configs"]
    (name,) = asked["names"]
    assert SERVICES[name]["command"] == ["worker"]
    assert asked["port"] == WEB_PORT
    assert all(port.endswith(f":{WEB_PORT}") for port in SERVICES[name]["ports"])
    assert SERVICES[name]["environment"]["STREAM_APP_WEB_HOST"] == "0.0.0.0"  # noqa: S104 - its loopback is not ours


def test_promtool_takes_configuration_and_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package `prometheus` has it)")
    command = [promtool, "check", "config", "--lint=all", "--lint-fatal", PROMETHEUS / "prometheus.yml"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", [PROMETHEUS / "alerts.yml", *DASHBOARDS], ids=lambda file: file.name)
def test_alerts_and_panels_ask_only_for_series_that_exist(file: Path, series: set[str]) -> None:
    asked = {name for expression in expressions(file) for name in re.findall(rf"\b{PREFIX}\w+", expression)}
    assert asked
    assert asked <= series


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    rules = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    for rule in (rule for group in rules for rule in group["rules"]):
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"].keys() == {"summary", "description"}


@every_dashboard
def test_dashboard_asks_the_data_source_that_is_provisioned(file: Path) -> None:
    provisioned = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    used = [each["datasource"] for each in walk(json.loads(file.read_text())) if "datasource" in each]
    assert {(each["type"], each["uid"]) for each in used} == {(each["type"], each["uid"]) for each in provisioned}


def test_data_source_is_the_prometheus_of_the_compose_file() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    service, port = re.fullmatch(r"http://(\w+):(\d+)", source["url"]).groups()
    assert SERVICES[service]["ports"] == [f"127.0.0.1:{port}:{port}"]


@every_dashboard
def test_dashboard_is_a_classic_one_that_can_be_linked_to(file: Path) -> None:
    dashboard = json.loads(file.read_text())
    assert dashboard["schemaVersion"] == 42
    assert re.fullmatch(r"[a-z0-9-]{1,40}", dashboard["uid"])
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_dashboards_lie_where_grafana_looks() -> None:
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/files.yml").read_text())["providers"]
    folder = provider["options"]["path"]
    assert f"./monitoring/grafana/dashboards:{folder}:ro" in SERVICES["grafana"]["volumes"]
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert home.parent == Path(folder)
    assert home.name in {file.name for file in DASHBOARDS}
