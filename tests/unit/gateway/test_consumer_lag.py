"""Lag and number of the scorers, from what the broker reports of their group."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError

from stream_app.gateway.consumer_lag import LostRequests, lag_and_members
from tests.builders.gateway import run

FIRST, SECOND = TopicPartition("loan.requests", 0), TopicPartition("loan.requests", 1)
ENDS = {FIRST: 10, SECOND: 20}


class At(NamedTuple):
    offset: int


class Described(NamedTuple):
    groups: list[tuple[Any, ...]]


class Admin:
    def __init__(self, committed: dict[TopicPartition, int], members: int = 2, error: int = 0) -> None:
        self._committed, self._group = committed, (error, "g", "Stable", "consumer", "", [object()] * members)

    async def list_consumer_group_offsets(self, _group: str, partitions: list[Any]) -> dict[TopicPartition, At]:
        return {tp: At(self._committed.get(tp, -1)) for tp in partitions}

    async def describe_consumer_groups(self, _groups: list[str]) -> list[Described]:
        return [Described([self._group])]


class Consumer:
    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 5)


def look(admin: Any) -> tuple[int | None, int | None]:
    return run(lag_and_members("g", admin, Consumer(), ENDS, LostRequests()))


def test_the_lag_is_what_is_not_committed_of_all_partitions() -> None:
    assert look(Admin({FIRST: 7, SECOND: 20})) == (3, 2)


def test_of_a_partition_never_committed_all_there_is_waits() -> None:
    assert look(Admin({FIRST: 10}, members=0)) == (15, 0)


def test_a_commit_beyond_the_end_that_was_seen_a_moment_before_is_no_lag() -> None:
    assert look(Admin({FIRST: 12, SECOND: 20})) == (0, 2)


def test_what_the_broker_does_not_report_is_unknown_and_the_other_is_not() -> None:
    assert look(Admin({FIRST: 10, SECOND: 20}, error=30)) == (0, None)


@pytest.mark.parametrize("fault", [GroupAuthorizationFailedError(), ValueError("not quite Kafka"), TimeoutError()])
def test_a_broker_that_refuses_leaves_both_unknown(fault: Exception) -> None:
    class Refusing(Admin):
        async def list_consumer_group_offsets(self, *_: Any, **__: Any) -> Any:
            raise fault

        async def describe_consumer_groups(self, *_: Any) -> Any:
            raise fault

    assert look(Refusing({})) == (None, None)


def test_what_was_deleted_before_it_was_committed_is_lost_and_no_lag() -> None:
    lost = LostRequests()
    assert run(lag_and_members("g", Admin({FIRST: 2, SECOND: 20}), Consumer(), ENDS, lost)) == (5, 2)
    assert lost.total == 3


def test_a_loss_is_counted_once_and_the_next_from_where_it_ended() -> None:
    lost = LostRequests()
    for committed, oldest in ((2, 5), (2, 5), (3, 5), (2, 6), (6, 6), (7, 9)):
        lost.see({FIRST: committed}, {FIRST: oldest})
    assert lost.total == 6
