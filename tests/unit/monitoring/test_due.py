"""Which windows may close: by the slowest partition, without those at rest, and by the wall clock when all are."""

from __future__ import annotations

import pytest

from monitoring.event_time import WindowSize
from monitoring.store import PartitionOffset
from monitoring.windows.due import Progression, Windowing, progression

DAY, HOUR = 86_400_000_000, 3_600_000_000
WINDOWING = Windowing(WindowSize.parse("1d"), lateness_us=HOUR, count=0, retention_us=0)


def at(*latest_us: int | None) -> dict[int, PartitionOffset]:
    """Partitions 0, 1... that have come to these times."""
    return {number: PartitionOffset(1, us) for number, us in enumerate(latest_us)}


@pytest.mark.parametrize(
    ("latest_us", "idle", "expected"),
    [
        ((), set(), Progression(None, None)),
        ((5 * DAY,), set(), Progression(None, None)),
        ((5 * DAY, 3 * DAY), set(), Progression(3 * DAY, 2 * DAY)),
        ((5 * DAY, 3 * DAY + HOUR), set(), Progression(3 * DAY + HOUR, 3 * DAY)),
        ((5 * DAY, 3 * DAY), {1}, Progression(5 * DAY, 4 * DAY)),
        ((5 * DAY,), {1}, Progression(5 * DAY, 4 * DAY)),
        ((5 * DAY, None), {1}, Progression(5 * DAY, 4 * DAY)),
        ((5 * DAY, None), set(), Progression(None, None)),
        ((None, None), {0, 1}, Progression(None, None)),
    ],
)
def test_windows_close_by_the_slowest_of_two_partitions_but_for_those_at_rest(
    latest_us: tuple[int | None, ...], idle: set[int], expected: Progression
) -> None:
    assert progression(WINDOWING, 2, at(*latest_us), idle, now_us=5 * DAY) == expected


@pytest.mark.parametrize(
    ("now_us", "close_before_us"), [(5 * DAY + 2 * HOUR, 4 * DAY), (6 * DAY, 4 * DAY), (6 * DAY + HOUR, 6 * DAY)]
)
def test_when_all_partitions_rest_the_wall_clock_closes_the_last_window(now_us: int, close_before_us: int) -> None:
    assert progression(WINDOWING, 2, at(5 * DAY, 3 * DAY), {0, 1}, now_us).close_before_us == close_before_us
