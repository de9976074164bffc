"""Lag and number of the scorers, from their consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, for_code

TIMEOUT_SECONDS = 3.0

Offsets = Mapping[TopicPartition, int]


async def lag_and_members(group: str, admin: Any, consumer: Any, ends: Offsets) -> tuple[int | None, int | None]:
    """Lag in records and number of members; None what the broker does not report. ``ends``: of the request topic."""
    return await _or_none(_lag(group, admin, consumer, ends)), await _or_none(_members(group, admin))


async def _or_none(query: Coroutine[Any, Any, int]) -> int | None:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await query
    except (KafkaError, OSError, TimeoutError, TypeError, ValueError):  # the last two: brokers that are not quite Kafka
        return None


async def _lag(group: str, admin: Any, consumer: Any, ends: Offsets) -> int:
    """Records up to ``ends`` that are not committed; a new group begins with the oldest there is."""
    reported = await admin.list_consumer_group_offsets(group, partitions=list(ends))  # asked for all, Tansu fails
    committed = {partition: entry.offset for partition, entry in reported.items() if entry.offset >= 0}
    never = [partition for partition in ends if partition not in committed]
    oldest: Offsets = await consumer.beginning_offsets(never) if never else {}
    positions = {**oldest, **committed}
    return sum(max(0, end - positions[partition]) for partition, end in ends.items())


async def _members(group: str, admin: Any) -> int:
    [described] = await admin.describe_consumer_groups([group])
    error, *_, members = described.groups[0][:6]
    if error:
        raise for_code(error)
    return len(members)
