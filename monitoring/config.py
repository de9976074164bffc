"""The monitor's settings as its parts take them: durations in microseconds, a window length as a size."""

from __future__ import annotations

import time

from monitoring.decode import Clocking
from monitoring.event_time import WindowSize
from monitoring.statistics.window_analysis import Options
from monitoring.windows.due import Windowing
from stream_app.errors import SettingsError
from stream_app.settings import MonitorSettings

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


def window_size(text: str) -> WindowSize:
    """The setting as a window size. Raises SettingsError."""
    try:
        return WindowSize.parse(text)
    except ValueError as fault:
        raise SettingsError(
            f"The settings are not valid:\n  STREAM_APP_WINDOW: {fault}\n",
            do_next="Correct it and start again; nothing was started.",
        ) from None


def options(settings: MonitorSettings) -> Options:
    """What drift is judged by."""
    return Options(
        min_rows=settings.min_window_rows,
        floor=settings.psi_floor,
        false_alarm_rate=settings.false_alarm_rate,
    )


def windowing(settings: MonitorSettings, size: WindowSize) -> Windowing:
    """Which windows there are, and how long their decisions stay."""
    return Windowing(
        size=size,
        lateness_us=int(settings.lateness_seconds * SECOND_US),
        count=settings.count_window,
        retention_us=settings.retention_days * DAY_US,
    )


def clocking(settings: MonitorSettings, size: WindowSize) -> Clocking:
    """How decisions are put into time as of now."""
    now_us = time.time_ns() // 1000
    return Clocking(
        size=size,
        lateness_us=int(settings.lateness_seconds * SECOND_US),
        not_after_us=now_us + int(settings.ahead_seconds * SECOND_US),
    )
