"""Readiness and stalls: a worker makes progress while it commits what it lags behind and the broker answers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stream_app.runtime.readiness import Membership, Progress


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """Updates its progress; each update comes with newly answered fetches unless it says otherwise."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.progress = Progress(stall_seconds=30, clock=self.clock)
        self._fetches = 0

    def sees(
        self,
        lag: Mapping[int, int],
        membership: Membership = Membership.OWNER,
        *,
        at: float | None = None,
        answered: bool = True,
        reads: bool = True,
    ) -> None:
        self.clock.now = self.clock.now if at is None else at
        self._fetches += answered
        self.progress.update(membership, lag, dict.fromkeys(lag, self._fetches), reads=reads)


@pytest.mark.parametrize("membership", [Membership.UNANSWERED, Membership.REBALANCING])
def test_a_worker_outside_its_group_is_not_ready(membership: Membership) -> None:
    worker = Worker()
    assert worker.progress.not_ready() == Membership.UNANSWERED.value, "before anything is known"
    worker.sees({}, membership)
    assert worker.progress.not_ready() == membership.value


def test_a_spare_worker_in_the_group_is_ready_and_never_stalls() -> None:
    worker = Worker()
    worker.sees({}, Membership.SPARE)
    worker.sees({}, Membership.SPARE, at=1_000)
    assert worker.progress.not_ready() is None
    assert worker.progress.stalled_since() is None


def test_partitions_without_a_seek_for_ten_seconds_need_one() -> None:
    worker = Worker()
    worker.sees({0: 0})
    worker.sees({}, at=1)
    assert not worker.progress.needs_seek()
    worker.sees({}, at=10.9)
    assert not worker.progress.needs_seek()
    worker.sees({}, at=11)
    assert worker.progress.needs_seek()
    worker.sees({0: 5}, at=12)
    assert not worker.progress.needs_seek()


def test_partitions_that_nobody_reads_after_their_seek_need_another_and_are_a_stall() -> None:
    worker = Worker()
    worker.sees({0: 0})
    worker.sees({0: 0}, at=1_000, reads=False)
    assert (worker.progress.needs_seek(), worker.progress.stalled_since()) == (False, 1_000)
    worker.sees({0: 0}, at=1_010, reads=False)
    assert worker.progress.needs_seek()
    assert (worker.progress.stalled_since(), worker.progress.due_work()) == (
        1_000,
        "partitions assigned that are not read",
    )
    worker.sees({0: 0}, at=1_011)
    assert (worker.progress.needs_seek(), worker.progress.stalled_since()) == (False, None)


@pytest.mark.parametrize("membership", [Membership.UNANSWERED, Membership.REBALANCING, Membership.SPARE])
def test_a_worker_without_partitions_needs_no_seek(membership: Membership) -> None:
    worker = Worker()
    worker.sees({}, membership)
    worker.sees({}, membership, at=100)
    assert not worker.progress.needs_seek()


def test_a_worker_without_lag_is_ready_however_long_nothing_comes() -> None:
    worker = Worker()
    worker.sees({0: 0})
    worker.sees({0: 0}, at=1_000)
    assert worker.progress.not_ready() is None
    assert worker.progress.stalled_since() is None


def test_lag_without_a_commit_for_longer_than_the_stall_time_is_not_ready() -> None:
    worker = Worker()
    worker.sees({0: 0})
    worker.sees({0: 5}, at=10)
    worker.sees({0: 5}, at=41)
    assert worker.progress.not_ready() == "lag of 5 records and no commit for 31 s"
    assert (worker.progress.stalled_since(), worker.progress.due_work()) == (10, "a lag of 5 records and no commit")


def test_lag_that_is_being_worked_off_is_ready() -> None:
    worker = Worker()
    worker.sees({0: 5_000})
    for now in (25, 50, 75):
        worker.sees({0: 4_000}, at=now)
        worker.progress.committed()
    assert worker.progress.not_ready() is None
    assert worker.progress.stalled_since() == 75


def test_partitions_that_just_came_get_the_whole_stall_time() -> None:
    worker = Worker()
    worker.sees({0: 9})
    worker.sees({0: 9, 1: 9}, at=29)
    worker.clock.now = 58
    assert worker.progress.not_ready() is None
    assert worker.progress.stalled_since() == 29


def test_a_partition_read_to_its_end_whose_fetches_are_no_longer_answered_is_not_ready() -> None:
    worker = Worker()
    worker.sees({0: 0})
    worker.sees({0: 0}, at=31, answered=False)
    assert worker.progress.not_ready() == "no fetch was answered for 31 s"
    worker.sees({0: 0}, at=32)
    assert worker.progress.not_ready() is None


def test_a_partition_with_lag_is_not_fetched_while_its_records_are_worked_off() -> None:
    worker = Worker()
    worker.sees({0: 5_000})
    for now in (20, 40, 60):
        worker.sees({0: 4_000}, at=now, answered=False)
        worker.progress.committed()
    assert worker.progress.not_ready() is None


def test_assigned_partitions_whose_positions_never_came_are_a_stall() -> None:
    """A seek that failed midway: Faust goes on, and the worker owns nothing."""
    worker = Worker()
    worker.sees({}, Membership.SPARE, at=5)
    worker.sees({}, Membership.OWNER, at=10)
    worker.sees({}, Membership.OWNER, at=100)
    assert worker.progress.not_ready() == "partitions assigned and no position to read them from"
    assert worker.progress.stalled_since() == 10


def test_a_rebalance_that_never_ends_is_a_stall() -> None:
    worker = Worker()
    worker.sees({0: 7}, at=5)
    worker.sees({0: 7}, Membership.REBALANCING, at=10)
    assert (worker.progress.stalled_since(), worker.progress.due_work()) == (5, "a lag of 7 records and no commit")
    worker.sees({}, Membership.REBALANCING, at=20)
    worker.sees({}, Membership.REBALANCING, at=200)
    assert (worker.progress.stalled_since(), worker.progress.due_work()) == (20, Membership.REBALANCING.value)


def test_nothing_is_due_while_the_broker_does_not_answer_and_all_of_the_time_is_given_when_it_does() -> None:
    worker = Worker()
    worker.sees({0: 7}, at=5)
    worker.sees({0: 7}, Membership.UNANSWERED, at=100)
    assert worker.progress.stalled_since() is None
    assert worker.progress.not_ready() == Membership.UNANSWERED.value
    worker.sees({0: 7}, at=200)
    assert worker.progress.stalled_since() == 200
