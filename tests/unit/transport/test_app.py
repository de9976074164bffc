"""What a worker's timer measures: the lag behind the next offsets, and a seek only where nothing is read."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from stream_app.events import TopicPartition
from stream_app.runtime.readiness import SEEK_SECONDS, Membership, Progress
from stream_app.transport import FetchState
from stream_app.transport.app import BatchApp

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


class Consumer:
    """Owns A and B, of which A was fetched up to offset 10 of 12."""

    def __init__(self) -> None:
        self.flows = True
        self.standing = Membership.OWNER
        self.fault: str | None = None
        self.seeks = 0

    def fetch_states(self) -> dict[TopicPartition, FetchState]:
        return {A: FetchState(end=12, stamp=1, position=10, after_last_record=10)}

    def membership(self) -> Membership:
        return self.standing

    def reads(self) -> bool:
        return self.flows

    def needs_other_partitions(self) -> bool:
        return False

    def reading_fault(self) -> str | None:
        return self.fault

    def request_seek(self) -> None:
        self.seeks += 1


class Worker:
    """An app without Faust's machinery, and a clock that is moved by hand."""

    now = 0.0
    _broker_answers: bool | None = None
    _log_answers = BatchApp._log_answers

    def __init__(self) -> None:
        self.batch_consumer = Consumer()
        self.progress = Progress(30, lambda: self.now)

    def measure(self, *, at: float = 0.0, flows: bool = True) -> Any:
        self.now, self.batch_consumer.flows = at, flows
        return BatchApp.measure_lag(self, {A: 7, B: 3}, self.progress)  # type: ignore[arg-type]


def test_the_lag_is_what_lies_behind_the_next_offset_and_none_before_the_first_fetch() -> None:
    assert Worker().measure() == {A: 5, B: 0}


def test_what_was_measured_decides_on_readiness() -> None:
    worker = Worker()
    worker.measure()
    assert worker.progress.not_ready() is None


@pytest.mark.parametrize(("flows", "seeks"), [(True, 0), (False, 1)])
def test_a_seek_is_requested_where_assigned_partitions_have_not_been_read_for_a_while(flows: bool, seeks: int) -> None:
    worker = Worker()
    worker.measure(flows=flows)
    assert worker.batch_consumer.seeks == 0
    worker.measure(at=SEEK_SECONDS, flows=flows)
    assert worker.batch_consumer.seeks == seeks


def test_a_broker_that_goes_away_and_one_that_is_back_are_a_line_each(caplog: pytest.LogCaptureFixture) -> None:
    """None before it ever answered: whoever starts says what it waits for."""
    caplog.set_level(logging.INFO)
    worker = Worker()
    away, owner = Membership.UNANSWERED, Membership.OWNER
    for worker.batch_consumer.standing in (away, owner, away, away, owner, owner):
        worker.measure()
    assert caplog.messages == [
        "the broker does not answer any more; it is asked until it does",
        "the broker answers again",
    ]


def test_a_worker_that_cannot_read_is_not_ready_and_says_why() -> None:
    worker = Worker()
    worker.batch_consumer.fault = "reading fails: TopicAuthorizationFailedError t"
    worker.measure()
    assert worker.progress.not_ready() == "reading fails: TopicAuthorizationFailedError t"
    assert worker.progress.reading_fails()
    worker.batch_consumer.fault = None
    worker.measure()
    assert worker.progress.not_ready() is None
    assert not worker.progress.reading_fails()
