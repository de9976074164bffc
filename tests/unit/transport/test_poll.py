"""Which records of a poll are decided: never twice in an epoch, never from a position that no longer holds."""

from __future__ import annotations

import pytest

from stream_app.errors import PollLost
from stream_app.events import RawRecord, TopicPartition
from stream_app.transport import Assignment, Poll
from tests.builders.assignments import assigned
from tests.builders.records import Record

A, B = TopicPartition("t", 0), TopicPartition("t", 1)
NAMED = {"a": A, "b": B}


@pytest.fixture
def ours() -> Assignment:
    return assigned(A, B, epoch=1)


def poll(assignment: Assignment, number: int = 0, *, epoch: int = 1, **runs: list[int]) -> Poll:
    records: dict[TopicPartition, list[RawRecord]] = {
        NAMED[name]: [Record(b"", offset=offset, partition=NAMED[name].partition) for offset in offsets]
        for name, offsets in runs.items()
    }
    return Poll(records, assignment, epoch, number)


def test_a_poll_of_this_epoch_is_admitted_whole_and_in_order(ours: Assignment) -> None:
    admitted = poll(ours, a=[3, 4, 9], b=[7]).admit()
    assert [(record.partition, record.offset) for record in admitted] == [(0, 3), (0, 4), (0, 9), (1, 7)]


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_poll_of_another_epoch_is_dropped_whole(ours: Assignment, epoch: int) -> None:
    other = poll(ours, epoch=epoch, a=[0, 1])
    assert not other.is_current
    assert other.admit() == []


def test_before_the_first_seek_nothing_is_admitted() -> None:
    assert poll(assigned(A, epoch=None), a=[0]).admit() == []


def test_after_the_end_of_its_epoch_a_poll_is_no_longer_current(ours: Assignment) -> None:
    begun = poll(ours, a=[0])
    begun.admit()
    ours.end_epoch()
    assert not begun.is_current


def test_polls_are_admitted_in_their_number(ours: Assignment) -> None:
    assert [len(poll(ours, number, a=[number]).admit()) for number in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("number", [1, 5])
def test_a_poll_that_never_arrived_stops_the_worker_before_its_records_are_passed_over(
    ours: Assignment, number: int
) -> None:
    with pytest.raises(PollLost):
        poll(ours, number, a=[10]).admit()


def test_a_new_epoch_counts_its_polls_anew(ours: Assignment) -> None:
    poll(ours, 0, a=[0]).admit()
    ours.begin_epoch(2)
    assert len(poll(ours, 0, epoch=2, a=[0]).admit()) == 1


def test_what_a_poll_absorbed_is_counted_as_arrived(ours: Assignment) -> None:
    waiting = poll(ours, 0, a=[0])
    waiting.absorb(poll(ours, 1, a=[1]), limit=10)
    waiting.admit()
    assert len(poll(ours, 2, a=[2]).admit()) == 1


def test_a_waiting_poll_absorbs_what_is_fetched_after_it_in_order(ours: Assignment) -> None:
    waiting = poll(ours, a=[1, 2])
    assert waiting.absorb(poll(ours, 1, a=[3], b=[7]), limit=4)
    assert [(record.partition, record.offset) for record in waiting.admit()] == [(0, 1), (0, 2), (0, 3), (1, 7)]


def test_a_poll_that_the_agent_took_absorbs_nothing(ours: Assignment) -> None:
    taken = poll(ours, a=[1])
    taken.admit()
    assert not taken.absorb(poll(ours, 1, a=[2]), limit=10)
    assert len(taken) == 1


def test_a_poll_absorbs_nothing_of_another_epoch(ours: Assignment) -> None:
    assert not poll(ours, a=[1]).absorb(poll(ours, 1, epoch=2, a=[2]), limit=10)


def test_a_poll_absorbs_nothing_beyond_the_limit(ours: Assignment) -> None:
    full = poll(ours, a=[1, 2])
    assert not full.absorb(poll(ours, 1, a=[3]), limit=2)
    assert len(full) == 2


def test_a_poll_absorbs_only_the_one_fetched_next(ours: Assignment) -> None:
    assert not poll(ours, 0, a=[1]).absorb(poll(ours, 2, a=[3]), limit=10)
