"""Which records of a poll are decided: never twice in an epoch, never from a position that no longer holds."""

from __future__ import annotations

import pytest
from faust.types import TP

from stream_app.polls import Poll, Positions
from tests.samples import Record

A, B = TP("t", 0), TP("t", 1)


def poll(epoch: int, **runs: list[int]) -> Poll:
    named = {"a": A, "b": B}
    return Poll({named[p]: [Record(b"", offset=o, partition=named[p].partition) for o in runs[p]] for p in runs}, epoch)


def positions(committed: dict[TP, int | None]) -> Positions:
    made = Positions()
    made.restart(committed, epoch=1)
    return made


@pytest.mark.parametrize(
    ("committed", "offsets", "admitted"),
    [
        (None, [0, 1], [0, 1]),
        (None, [7, 8], [7, 8]),
        (5, [5, 6], [5, 6]),
        (5, [3, 4, 5, 6], [5, 6]),
        (5, [3, 4], []),
        (5, [9, 12], [9, 12]),
    ],
)
def test_a_run_is_trimmed_below_the_next_offset(committed: int | None, offsets: list[int], admitted: list[int]) -> None:
    assert [r.offset for r in positions({A: committed}).admit(poll(1, a=offsets))] == admitted


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_poll_of_another_epoch_is_dropped_whole(epoch: int) -> None:
    assert positions({A: 0}).admit(poll(epoch, a=[0, 1])) == []


def test_before_the_first_seek_nothing_is_admitted() -> None:
    assert Positions().admit(poll(0, a=[0])) == []


def test_a_partition_that_is_not_ours_is_dropped_and_its_neighbour_kept() -> None:
    admitted = positions({B: 0}).admit(poll(1, a=[0], b=[0]))
    assert [(r.partition, r.offset) for r in admitted] == [(1, 0)]


def test_a_waiting_poll_absorbs_what_is_fetched_after_it_in_order() -> None:
    waiting = poll(1, a=[1, 2])
    assert waiting.absorb(poll(1, a=[3], b=[7]), limit=4)
    assert [(r.partition, r.offset) for r in positions({A: 1, B: 7}).admit(waiting)] == [(0, 1), (0, 2), (0, 3), (1, 7)]


def test_a_poll_that_the_agent_took_absorbs_nothing() -> None:
    taken = poll(1, a=[1])
    taken.take()
    assert not taken.absorb(poll(1, a=[2]), limit=10)
    assert len(taken) == 1


def test_a_poll_absorbs_nothing_of_another_epoch() -> None:
    assert not poll(1, a=[1]).absorb(poll(2, a=[2]), limit=10)


def test_a_poll_absorbs_nothing_beyond_the_limit() -> None:
    full = poll(1, a=[1, 2])
    assert not full.absorb(poll(1, a=[3]), limit=2)
    assert len(full) == 2
