"""At-least-once lanes: once partitions are to go, nothing more is begun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

from faust.types import TP

from stream_app.delivery.at_least_once import AtLeastOnceLanes
from stream_app.delivery.offset_commits import PacedCommits
from stream_app.delivery.producer import OutputTopics
from stream_app.transport.poll import Poll
from tests.builders.records import record

FIRST = TP("loan.requests", 0)


class Unheard:
    def committed(self) -> None: ...

    def not_committed(self, batches: int) -> None: ...


async def commit(_offsets: Mapping[TP, int]) -> bool:
    return True


async def unguarded(work: Awaitable[Any]) -> Any:
    return await work


def test_no_batch_is_begun_once_the_partitions_are_to_be_given_away() -> None:
    """Its offsets could no longer be committed, and whoever gets the partition would decide it again."""

    async def story() -> None:
        topics = OutputTopics("decisions", "rejections")
        commits = PacedCommits(commit, listener=Unheard(), guard=unguarded, interval_seconds=0.0, timeout_seconds=1.0)
        lanes = AtLeastOnceLanes(commits=commits, bootstrap="127.0.0.1:1", topics=topics, timeout_seconds=1.0)
        lanes.resume({FIRST: 5}, 2)
        poll = Poll({FIRST: [record(offset=5)]}, 2, 0)
        assert lanes.admit(poll)
        await lanes.settle()
        assert not lanes.holds(poll)

    asyncio.run(story())
