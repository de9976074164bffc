"""Which records of a poll are decided: never twice in an epoch, never from a position that no longer holds."""

from __future__ import annotations

import pytest
from faust.types import TP

from stream_app.errors import PollLost
from stream_app.transport.poll import Poll, Positions
from tests.builders.records import Record

A, B = TP("t", 0), TP("t", 1)


def poll(epoch: int, number: int = 0, **runs: list[int]) -> Poll:
    named = {"a": A, "b": B}
    records = {named[p]: [Record(b"", offset=o, partition=named[p].partition) for o in runs[p]] for p in runs}
    return Poll(records, epoch, number)


def positions() -> Positions:
    made = Positions()
    made.restart(epoch=1)
    return made


def test_a_poll_of_this_epoch_is_admitted_whole_and_in_order() -> None:
    admitted = positions().admit(poll(1, a=[3, 4, 9], b=[7]))
    assert [(r.partition, r.offset) for r in admitted] == [(0, 3), (0, 4), (0, 9), (1, 7)]


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_poll_of_another_epoch_is_dropped_whole(epoch: int) -> None:
    assert positions().admit(poll(epoch, a=[0, 1])) == []


def test_before_the_first_seek_nothing_is_admitted() -> None:
    assert Positions().admit(poll(0, a=[0])) == []


def test_after_the_partitions_were_given_away_nothing_is_admitted() -> None:
    ours = positions()
    ours.forget()
    assert ours.admit(poll(1, a=[0])) == []


def test_polls_are_admitted_in_their_number() -> None:
    ours = positions()
    assert [len(ours.admit(poll(1, number, a=[number]))) for number in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("number", [1, 5])
def test_a_poll_that_never_arrived_stops_the_worker_before_its_records_are_passed_over(number: int) -> None:
    with pytest.raises(PollLost):
        positions().admit(poll(1, number, a=[10]))


def test_a_new_epoch_counts_its_polls_anew() -> None:
    ours = positions()
    ours.admit(poll(1, 0, a=[0]))
    ours.restart(epoch=2)
    assert len(ours.admit(poll(2, 0, a=[0]))) == 1


def test_what_a_poll_absorbed_is_counted_as_arrived() -> None:
    ours, waiting = positions(), poll(1, 0, a=[0])
    waiting.absorb(poll(1, 1, a=[1]), limit=10)
    ours.admit(waiting)
    assert len(ours.admit(poll(1, 2, a=[2]))) == 1


def test_a_waiting_poll_absorbs_what_is_fetched_after_it_in_order() -> None:
    waiting = poll(1, a=[1, 2])
    assert waiting.absorb(poll(1, 1, a=[3], b=[7]), limit=4)
    assert [(r.partition, r.offset) for r in positions().admit(waiting)] == [(0, 1), (0, 2), (0, 3), (1, 7)]


def test_a_poll_that_the_agent_took_absorbs_nothing() -> None:
    taken = poll(1, a=[1])
    taken.take()
    assert not taken.absorb(poll(1, 1, a=[2]), limit=10)
    assert len(taken) == 1


def test_a_poll_absorbs_nothing_of_another_epoch() -> None:
    assert not poll(1, a=[1]).absorb(poll(2, 1, a=[2]), limit=10)


def test_a_poll_absorbs_nothing_beyond_the_limit() -> None:
    full = poll(1, a=[1, 2])
    assert not full.absorb(poll(1, 1, a=[3]), limit=2)
    assert len(full) == 2


def test_a_poll_absorbs_only_the_one_fetched_next() -> None:
    assert not poll(1, 0, a=[1]).absorb(poll(1, 2, a=[3]), limit=10)
