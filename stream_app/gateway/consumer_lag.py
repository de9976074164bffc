"""Lag and number of the scorers, and what was deleted before they read it, from their consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, for_code

TIMEOUT_SECONDS = 3.0

Offsets = Mapping[TopicPartition, int]


class LostRequests:
    """Requests that were deleted before the scorers read them, as far as they were seen to be missing."""

    def __init__(self) -> None:
        self.total = 0
        self._counted_to: dict[TopicPartition, int] = {}

    def see(self, committed: Offsets, oldest: Offsets) -> None:
        """``committed``: where the scorers read on; ``oldest``: the first record there is."""
        for partition, offset in committed.items():
            start = max(offset, self._counted_to.get(partition, 0))
            if oldest[partition] > start:
                self.total += oldest[partition] - start
                self._counted_to[partition] = oldest[partition]


async def lag_and_members(
    group: str, admin: Any, consumer: Any, ends: Offsets, lost: LostRequests
) -> tuple[int | None, int | None]:
    """Lag in records and number of members; None what the broker does not report. ``ends``: of the request topic."""
    return await _or_none(_lag(group, admin, consumer, ends, lost)), await _or_none(_members(group, admin))


async def _or_none(query: Coroutine[Any, Any, int]) -> int | None:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await query
    except (KafkaError, OSError, TimeoutError, TypeError, ValueError):  # the last two: brokers that are not quite Kafka
        return None


async def _lag(group: str, admin: Any, consumer: Any, ends: Offsets, lost: LostRequests) -> int:
    """Records up to ``ends`` that are not committed; a new group begins with the oldest there is."""
    reported = await admin.list_consumer_group_offsets(group, partitions=list(ends))  # asked for all, Tansu fails
    committed = {partition: entry.offset for partition, entry in reported.items() if entry.offset >= 0}
    oldest: Offsets = await consumer.beginning_offsets(list(ends))
    lost.see(committed, oldest)
    return sum(max(0, end - max(oldest[tp], committed.get(tp, 0))) for tp, end in ends.items())


async def _members(group: str, admin: Any) -> int:
    [described] = await admin.describe_consumer_groups([group])
    error, *_, members = described.groups[0][:6]
    if error:
        raise for_code(error)
    return len(members)
