"""STREAM_APP_* variables: a misspelt one is an error that names the setting meant; those of Kubernetes are none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from stream_app.errors import SettingsError
from stream_app.setting_errors import unknown_variables
from stream_app.settings import GatewaySettings, MonitorSettings, WorkerSettings, check_environment

NAMES = {"guarantee", "kafka", "gateway_port", "web_port"}


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("STREAM_APP_GAURANTEE", "; did you mean STREAM_APP_GUARANTEE?"),
        ("stream_app_kafak", "; did you mean STREAM_APP_KAFKA?"),
        ("STREAM_APP_GATWAY_PORT", "; did you mean STREAM_APP_GATEWAY_PORT?"),
        ("STREAM_APP_COLOUR", ""),
    ],
)
def test_a_variable_that_is_no_setting_is_named_with_the_setting_meant(variable: str, meant: str) -> None:
    assert list(unknown_variables({variable: "8000"}, NAMES)) == [f"{variable}: there is no such setting{meant}"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STREAM_APP_SERVICE_HOST", "10.0.0.7"),
        ("STREAM_APP_SERVICE_PORT", "80"),
        ("STREAM_APP_SERVICE_PORT_HTTP", "80"),
        ("STREAM_APP_PORT", "tcp://10.0.0.7:80"),
        ("STREAM_APP_PORT_80_TCP", "tcp://10.0.0.7:80"),
        ("STREAM_APP_PORT_80_TCP_ADDR", "10.0.0.7"),
        ("STREAM_APP_XYZ_SERVICE_HOST", "10.0.0.7"),
        ("STREAM_APP_XYZ_SERVICE_PORT_METRICS", "80"),
        ("STREAM_APP_XYZ_PORT", "tcp://10.0.0.7:80"),
        ("STREAM_APP_XYZ_PORT_53_UDP_PROTO", "udp"),
        ("OTHER_GAURANTEE", "x"),
        ("STREAM_APP_KAFKA", "a:1"),
    ],
)
def test_what_kubernetes_sets_for_a_service_and_what_is_a_setting_is_no_mistake(variable: str, value: str) -> None:
    assert list(unknown_variables({variable: value}, NAMES)) == []


@pytest.mark.parametrize("role", [WorkerSettings, MonitorSettings, GatewaySettings])
def test_every_role_refuses_a_misspelt_variable_beside_its_other_problems(
    role: type[WorkerSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAM_APP_GAURANTEE", "x")
    monkeypatch.setenv("STREAM_APP_KAFKA", "nonsense")
    with pytest.raises(SettingsError, match=r"did you mean STREAM_APP_GUARANTEE\?(.|\n)*STREAM_APP_KAFKA: ") as refused:
        role.read()
    assert refused.value.exit_status == 2


def test_a_variable_of_another_role_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_APP_MONITOR_PORT", "1234")
    monkeypatch.setenv("STREAM_APP_REPLY_SECONDS", "1")
    WorkerSettings.read()
    check_environment()


def test_a_port_that_kubernetes_set_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_APP_GATEWAY_PORT", "tcp://10.0.0.7:80")
    with pytest.raises(SettingsError, match=r"STREAM_APP_GATEWAY_PORT: .*a Service named stream-app-gateway"):
        GatewaySettings.read()


@pytest.mark.parametrize("application", ["stream_app.worker", "monitoring.worker"])
def test_faust_ends_with_the_message_and_the_status_of_the_settings(
    application: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAM_APP_GAURANTEE", "x")
    command = [sys.executable, "-m", "faust", "-A", application, "worker"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "did you mean STREAM_APP_GUARANTEE?" in done.stderr
