"""What watches scorer and monitor: scrape configuration, data source, dashboards. The rules: test_alert_rules.py."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from models.bundle import load_bundle, shipped_bundle
from monitoring.metrics.monitor import MonitorMetrics
from stream_app.events import ModelRef
from stream_app.worker.metrics import ScorerMetrics
from tests.builders.operator_files import FOLLOWER_PORT, MONITOR_PORT, SERVICES, WEB_PORT
from tests.builders.prometheus_files import ALERTS, DASHBOARDS, GRAFANA, PROMETHEUS, RECORDING, rules, walk

RECORDED = {rule["record"] for rule in rules(RECORDING)}

every_dashboard = pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)


def expressions(file: Path) -> list[str]:
    return [each["expr"] for each in walk(yaml.safe_load(file.read_text())) if "expr" in each]


@pytest.fixture(scope="module")
def series() -> set[str]:
    """Every series name that scorer and monitor export."""
    registry = CollectorRegistry()
    bundle = load_bundle(shipped_bundle())
    model = ModelRef(bundle.name, bundle.version, bundle.sha256)
    ScorerMetrics(registry, model, bundle.contract)
    MonitorMetrics(registry, model, bundle.contract)
    endings = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
    return {metric.name + ending for metric in registry.collect() for ending in endings[metric.type]}


@pytest.mark.parametrize(
    ("job", "port"), [("scorer", WEB_PORT), ("monitor", MONITOR_PORT), ("follower", FOLLOWER_PORT)]
)
def test_prometheus_asks_every_process_on_its_port(job: str, port: int) -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    [found] = [each for each in config["scrape_configs"] if each["job_name"] == job]
    [asked] = found["dns_sd_configs"]
    assert asked["names"] == [job]
    assert asked["port"] == port
    assert all(each.endswith(f":{port}") for each in SERVICES[job]["ports"])
    assert SERVICES[job]["environment"]["STREAM_APP_WEB_HOST"] == "0.0.0.0"  # noqa: S104 - its loopback is not ours


def test_each_role_runs_its_own_command() -> None:
    assert SERVICES["scorer"]["command"] == ["worker"]
    assert SERVICES["monitor"]["command"] == ["monitor"]
    assert SERVICES["follower"]["command"] == ["clients", "follow"]
    assert f"http://127.0.0.1:{FOLLOWER_PORT}/ready" in SERVICES["follower"]["healthcheck"]["test"][-1]
    assert f"http://127.0.0.1:{MONITOR_PORT}/ready" in SERVICES["monitor"]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("file", [RECORDING, ALERTS, *DASHBOARDS], ids=lambda file: file.name)
def test_rules_and_panels_ask_only_for_series_that_exist(file: Path, series: set[str]) -> None:
    asked = {name for expression in expressions(file) for name in re.findall(r"\bloan[_:][\w:]+", expression)}
    assert asked
    assert asked <= series | RECORDED


@every_dashboard
def test_dashboard_asks_the_data_source_that_is_provisioned(file: Path) -> None:
    provisioned = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    used = [each["datasource"] for each in walk(json.loads(file.read_text())) if "datasource" in each]
    assert {(each["type"], each["uid"]) for each in used} == {(each["type"], each["uid"]) for each in provisioned}


def test_data_source_is_the_prometheus_of_the_compose_file() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    service, _, port = source["url"].removeprefix("http://").partition(":")
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
