"""Which port the demo gives its dashboard."""

from __future__ import annotations

import socket

import pytest

from stream_app.demo import startup
from stream_app.demo.startup import Options, dashboard_port


@pytest.fixture
def usual_port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A port that is free here, in place of 8000."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    monkeypatch.setattr(startup, "USUAL_PORT", port)
    return port


def test_whoever_stays_finds_the_dashboard_on_the_usual_port(usual_port: int) -> None:
    assert dashboard_port(Options(stay=True)) == usual_port


def test_a_usual_port_that_is_taken_is_left_alone(usual_port: int) -> None:
    with socket.create_server(("127.0.0.1", usual_port)):
        assert dashboard_port(Options(stay=True)) == 0


def test_a_replay_that_ends_takes_any_free_port(usual_port: int) -> None:
    assert usual_port
    assert dashboard_port(Options()) == 0


@pytest.mark.parametrize("stay", [True, False])
def test_the_port_that_was_asked_for_is_taken(stay: bool) -> None:
    assert dashboard_port(Options(stay=stay, gateway_port=8123)) == 8123
