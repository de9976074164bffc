"""How the scorers fare, as their consumer group tells: how many there are, and how far they are behind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

LOOK_TIMEOUT_SECONDS = 3.0

Offsets = Mapping[TopicPartition, int]


async def look_at(group: str, admin: Any, consumer: Any, ends: Offsets) -> tuple[int | None, int | None]:
    """Lag in records and number of members; None what the broker does not say. ``ends``: of the request partitions."""
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_SECONDS):
            told = await admin.list_consumer_group_offsets(group)
            lag = await _behind(consumer, ends, {tp: at.offset for tp, at in told.items()})
            return lag, await _members(group, admin)
    except (KafkaError, OSError, TimeoutError, TypeError, ValueError):  # TypeError: answers of brokers not quite Kafka
        return None, None


async def _behind(consumer: Any, ends: Offsets, committed: Offsets) -> int:
    """Records up to ``ends`` that are not committed; a new group begins with the oldest there is."""
    never = [tp for tp in ends if committed.get(tp, -1) < 0]
    begin: Offsets = await consumer.beginning_offsets(never) if never else {}
    return sum(max(0, end - begin.get(tp, committed.get(tp, 0))) for tp, end in ends.items())


async def _members(group: str, admin: Any) -> int | None:
    [described] = await admin.describe_consumer_groups([group])
    error, *_, members = described.groups[0][:6]
    return None if error else len(members)
