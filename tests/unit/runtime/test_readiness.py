"""Readiness and stalls: a worker gets on while it commits what it lags behind, and hears from the broker."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stream_app.runtime.readiness import Progress, Standing


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """Progress as the worker tells it; each telling hears of new fetches unless it is told otherwise."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.progress = Progress(stall_seconds=30, clock=self.clock)
        self._fetches = 0

    def tells(
        self,
        lag: Mapping[int, int],
        standing: Standing = Standing.OWNER,
        *,
        at: float | None = None,
        heard: bool = True,
        reads: bool = True,
    ) -> None:
        self.clock.now = self.clock.now if at is None else at
        self._fetches += heard
        self.progress.stands(standing, lag, dict.fromkeys(lag, self._fetches), reads=reads)


@pytest.mark.parametrize("standing", [Standing.UNANSWERED, Standing.REBALANCING])
def test_a_worker_outside_its_group_is_not_ready(standing: Standing) -> None:
    worker = Worker()
    assert worker.progress.not_ready() == Standing.UNANSWERED.value, "before anything is known"
    worker.tells({}, standing)
    assert worker.progress.not_ready() == standing.value


def test_a_spare_worker_in_the_group_is_ready_and_never_stalls() -> None:
    worker = Worker()
    worker.tells({}, Standing.SPARE)
    worker.tells({}, Standing.SPARE, at=1_000)
    assert worker.progress.not_ready() is None
    assert worker.progress.stalled_since() is None


def test_partitions_that_nobody_sought_for_ten_seconds_want_a_seek() -> None:
    worker = Worker()
    worker.tells({0: 0})
    worker.tells({}, at=1)
    assert not worker.progress.wants_seek()
    worker.tells({}, at=10.9)
    assert not worker.progress.wants_seek()
    worker.tells({}, at=11)
    assert worker.progress.wants_seek()
    worker.tells({0: 5}, at=12)
    assert not worker.progress.wants_seek()


def test_partitions_that_were_sought_and_that_nobody_reads_want_a_seek_and_are_a_stall() -> None:
    worker = Worker()
    worker.tells({0: 0})
    worker.tells({0: 0}, at=1_000, reads=False)
    assert (worker.progress.wants_seek(), worker.progress.stalled_since()) == (False, 1_000)
    worker.tells({0: 0}, at=1_010, reads=False)
    assert worker.progress.wants_seek()
    assert (worker.progress.stalled_since(), worker.progress.complaint()) == (
        1_000,
        "partitions assigned that are not read",
    )
    worker.tells({0: 0}, at=1_011)
    assert (worker.progress.wants_seek(), worker.progress.stalled_since()) == (False, None)


@pytest.mark.parametrize("standing", [Standing.UNANSWERED, Standing.REBALANCING, Standing.SPARE])
def test_a_worker_that_the_group_gave_nothing_wants_no_seek(standing: Standing) -> None:
    worker = Worker()
    worker.tells({}, standing)
    worker.tells({}, standing, at=100)
    assert not worker.progress.wants_seek()


def test_a_worker_without_lag_is_ready_however_long_nothing_comes() -> None:
    worker = Worker()
    worker.tells({0: 0})
    worker.tells({0: 0}, at=1_000)
    assert worker.progress.not_ready() is None
    assert worker.progress.stalled_since() is None


def test_lag_without_a_commit_for_longer_than_the_stall_time_is_not_ready() -> None:
    worker = Worker()
    worker.tells({0: 0})
    worker.tells({0: 5}, at=10)
    worker.tells({0: 5}, at=41)
    assert worker.progress.not_ready() == "lag of 5 records and no commit for 31 s"
    assert (worker.progress.stalled_since(), worker.progress.complaint()) == (10, "a lag of 5 records and no commit")


def test_lag_that_is_being_worked_off_is_ready() -> None:
    worker = Worker()
    worker.tells({0: 5_000})
    for now in (25, 50, 75):
        worker.tells({0: 4_000}, at=now)
        worker.progress.committed()
    assert worker.progress.not_ready() is None
    assert worker.progress.stalled_since() == 75


def test_partitions_that_just_came_get_the_whole_stall_time() -> None:
    worker = Worker()
    worker.tells({0: 9})
    worker.tells({0: 9, 1: 9}, at=29)
    worker.clock.now = 58
    assert worker.progress.not_ready() is None
    assert worker.progress.stalled_since() == 29


def test_a_partition_read_to_its_end_of_which_nothing_is_heard_any_more_is_not_ready() -> None:
    worker = Worker()
    worker.tells({0: 0})
    worker.tells({0: 0}, at=31, heard=False)
    assert worker.progress.not_ready() == "no fetch was answered for 31 s"
    worker.tells({0: 0}, at=32)
    assert worker.progress.not_ready() is None


def test_a_partition_with_lag_is_not_fetched_while_its_records_are_worked_off() -> None:
    worker = Worker()
    worker.tells({0: 5_000})
    for now in (20, 40, 60):
        worker.tells({0: 4_000}, at=now, heard=False)
        worker.progress.committed()
    assert worker.progress.not_ready() is None


def test_assigned_partitions_whose_positions_never_came_are_a_stall() -> None:
    """A seek that failed midway: Faust goes on, and the worker owns nothing."""
    worker = Worker()
    worker.tells({}, Standing.SPARE, at=5)
    worker.tells({}, Standing.OWNER, at=10)
    worker.tells({}, Standing.OWNER, at=100)
    assert worker.progress.not_ready() == "partitions assigned and no position to read them from"
    assert worker.progress.stalled_since() == 10


def test_a_rebalance_that_never_ends_is_a_stall() -> None:
    worker = Worker()
    worker.tells({0: 7}, at=5)
    worker.tells({0: 7}, Standing.REBALANCING, at=10)
    assert (worker.progress.stalled_since(), worker.progress.complaint()) == (5, "a lag of 7 records and no commit")
    worker.tells({}, Standing.REBALANCING, at=20)
    worker.tells({}, Standing.REBALANCING, at=200)
    assert (worker.progress.stalled_since(), worker.progress.complaint()) == (20, Standing.REBALANCING.value)


def test_nothing_is_owed_while_the_broker_does_not_answer_and_all_of_the_time_is_given_when_it_does() -> None:
    worker = Worker()
    worker.tells({0: 7}, at=5)
    worker.tells({0: 7}, Standing.UNANSWERED, at=100)
    assert worker.progress.stalled_since() is None
    assert worker.progress.not_ready() == Standing.UNANSWERED.value
    worker.tells({0: 7}, at=200)
    assert worker.progress.stalled_since() == 200
