"""Settings: every problem listed at once, options over environment over defaults."""

from __future__ import annotations

import pytest

from stream_app.errors import SettingsError
from stream_app.settings import WorkerSettings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os  # noqa: PLC0415 - only this fixture looks at the environment

    for name in [name for name in os.environ if name.startswith("STREAM_APP_")]:
        monkeypatch.delenv(name)


def test_every_problem_is_listed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_APP_KAFKA", "nonsense")
    monkeypatch.setenv("STREAM_APP_THREADS", "0")
    monkeypatch.setenv("STREAM_APP_GUARANTEE", "exactly_twice")
    with pytest.raises(SettingsError) as refused:
        WorkerSettings.read()
    for name in ("STREAM_APP_KAFKA", "STREAM_APP_THREADS", "STREAM_APP_GUARANTEE"):
        assert name in str(refused.value)


@pytest.mark.parametrize(
    "waits", [{"clients_wait_seconds": 60}, {"delivery_timeout_seconds": 90}, {"stall_seconds": 120}]
)
def test_a_stall_ends_the_process_only_after_every_wait_that_ends_by_itself(waits: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=r"STREAM_APP_EXIT_AFTER_STALL_SECONDS: must be 0 or more than .* 1\d0\n"):
        WorkerSettings.read(**waits)
    WorkerSettings.read(**waits, exit_after_stall_seconds=0)
    WorkerSettings.read(**waits, exit_after_stall_seconds=121)


def test_an_option_wins_over_the_environment_and_that_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_APP_WEB_PORT", "7000")
    assert WorkerSettings.read(web_port=None).web_port == 7000
    assert WorkerSettings.read(web_port=8000).web_port == 8000
    monkeypatch.delenv("STREAM_APP_WEB_PORT")
    assert WorkerSettings.read(web_port=None).web_port == 6066


def test_pages_are_bound_to_this_machine_unless_told_otherwise() -> None:
    assert WorkerSettings.read().web_host == "127.0.0.1"


def test_settings_do_not_change_after_the_start() -> None:
    with pytest.raises(ValueError, match="frozen"):
        WorkerSettings.read().threads = 2  # type: ignore[misc]


def test_every_setting_is_explained() -> None:
    assert [name for name, field in WorkerSettings.model_fields.items() if not field.description] == []
