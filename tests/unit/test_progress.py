"""Readiness: partitions assigned, and progress while there is lag."""

from __future__ import annotations

from stream_app.progress import Progress


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def started() -> tuple[Progress, Clock]:
    clock = Clock()
    return Progress(stall_seconds=30, clock=clock), clock


def test_a_worker_without_partitions_is_not_ready() -> None:
    progress, _ = started()
    assert progress.not_ready() == "no partitions assigned"


def test_a_worker_without_lag_is_ready_however_long_nothing_comes() -> None:
    progress, clock = started()
    progress.lag_is({0: 0})
    clock.now = 1_000
    progress.lag_is({0: 0})
    assert progress.not_ready() is None


def test_lag_without_a_commit_for_longer_than_the_stall_time_is_not_ready() -> None:
    progress, clock = started()
    progress.lag_is({0: 0})
    clock.now = 10
    progress.lag_is({0: 5})
    clock.now = 41
    assert progress.not_ready() == "lag of 5 records and no commit for 31 s"


def test_lag_that_is_being_worked_off_is_ready() -> None:
    progress, clock = started()
    progress.lag_is({0: 5_000})
    for clock.now in (25, 50, 75):
        progress.committed()
        progress.lag_is({0: 4_000})
    assert progress.not_ready() is None


def test_partitions_that_just_came_get_the_whole_stall_time() -> None:
    progress, clock = started()
    progress.lag_is({0: 9})
    clock.now = 29
    progress.lag_is({0: 9, 1: 9})
    clock.now = 58
    assert progress.not_ready() is None
