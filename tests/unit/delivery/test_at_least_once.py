"""At-least-once lanes: what was delivered is committed before the partitions are revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from stream_app.delivery.at_least_once import AtLeastOnceLanes
from stream_app.delivery.offset_commits import GroupedCommits
from stream_app.delivery.producer import OutputTopics
from stream_app.events import Offsets, TopicPartition
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.transport import Assignment
from tests.builders.assignments import assigned
from tests.builders.records import record

FIRST = TopicPartition("loan.requests", 0)


class Ignored:
    def committed(self) -> None: ...

    def not_committed(self, batches: int) -> None: ...


async def unsupervised(work: Awaitable[Any]) -> Any:
    return await work


def test_a_batch_delivered_while_its_partitions_are_being_revoked_is_committed_at_once() -> None:
    """They may be another's at any time, and whoever gets them would decide it again."""
    commits: list[Offsets] = []

    async def commit(offsets: Offsets) -> bool:
        commits.append(offsets)
        return True

    class Lanes(AtLeastOnceLanes):
        revoked: Assignment

        async def _publish(self, *_: Any) -> None:
            self.revoked.revoked.set()

        async def _started(self) -> Any: ...

    async def story() -> None:
        commits_later = GroupedCommits(
            commit, listener=Ignored(), supervise=unsupervised, interval_seconds=60.0, timeout_seconds=1.0
        )
        topics = OutputTopics("decisions", "rejections")
        lanes = Lanes(
            commits=commits_later, connection=KafkaConnection("127.0.0.1:1"), topics=topics, timeout_seconds=1.0
        )
        lanes.revoked = assigned(FIRST)
        await lanes.before_seek(lanes.revoked)
        lanes.after_seek({FIRST: 5})
        assert await lanes.deliver([record(offset=5)], [None])
        assert commits == [{FIRST: 6}]

    asyncio.run(story())
