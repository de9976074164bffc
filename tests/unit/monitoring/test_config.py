"""The monitor's settings as its parts take them."""

from __future__ import annotations

import pytest

from monitoring.config import DAY_US, clocking, options, window_size, windowing
from stream_app.errors import SettingsError
from stream_app.settings import MonitorSettings


def test_durations_arrive_in_microseconds() -> None:
    settings = MonitorSettings.read(lateness_seconds=3_600, retention_days=2, count_window=7, window="6h")
    windows = windowing(settings, window_size(settings.window))
    assert (str(windows.size), windows.lateness_us, windows.retention_us, windows.count) == (
        *("6h", 3_600_000_000),
        *(2 * DAY_US, 7),
    )


def test_what_is_ahead_moves_with_the_clock() -> None:
    near, far = (MonitorSettings.read(ahead_seconds=seconds) for seconds in (0, 86_400))
    size = window_size("1d")
    before, behind = clocking(near, size).not_after_us, clocking(far, size).not_after_us
    assert DAY_US <= behind - before < 2 * DAY_US


def test_drift_is_judged_as_the_settings_say() -> None:
    judged = options(MonitorSettings.read(min_window_rows=77, psi_floor=0.5, false_alarm_rate=0.01))
    assert (judged.min_rows, judged.floor, judged.false_alarm_rate) == (77, 0.5, 0.01)


def test_a_length_that_is_none_is_a_setting_to_correct() -> None:
    with pytest.raises(SettingsError, match="STREAM_APP_WINDOW: 'a week' is no window length"):
        window_size("a week")
