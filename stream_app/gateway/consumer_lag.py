"""How the scorers fare, as their consumer group tells: how many there are, and how far they are behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, for_code

LOOK_TIMEOUT_SECONDS = 3.0

Offsets = Mapping[TopicPartition, int]


async def lag_and_members(group: str, admin: Any, consumer: Any, ends: Offsets) -> tuple[int | None, int | None]:
    """Lag in records and number of members; None what the broker does not say. ``ends``: of the request partitions."""
    return await _if_told(_behind(group, admin, consumer, ends)), await _if_told(_members(group, admin))


async def _if_told(look: Coroutine[Any, Any, int]) -> int | None:
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_SECONDS):
            return await look
    except (KafkaError, OSError, TimeoutError, TypeError, ValueError):  # the last: not quite Kafka
        return None


async def _behind(group: str, admin: Any, consumer: Any, ends: Offsets) -> int:
    """Records up to ``ends`` that are not committed; a new group begins with the oldest there is."""
    told = await admin.list_consumer_group_offsets(group, partitions=list(ends))  # for all: Tansu fails
    committed = {tp: at.offset for tp, at in told.items() if at.offset >= 0}
    never = [tp for tp in ends if tp not in committed]
    begin: Offsets = await consumer.beginning_offsets(never) if never else {}
    reached = {**begin, **committed}
    return sum(max(0, end - reached[tp]) for tp, end in ends.items())


async def _members(group: str, admin: Any) -> int:
    [described] = await admin.describe_consumer_groups([group])
    error, *_, members = described.groups[0][:6]
    if error:
        raise for_code(error)
    return len(members)
