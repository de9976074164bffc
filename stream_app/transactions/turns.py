"""The transactions of a member of a consumer group: what was consumed and what was made of it, together or not at all.

Two transactional ids take turns, so that no transaction waits for the broker to write the markers of the one before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from stream_app.events import Offsets, TopicPartition
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.transactions.batches import Record
from stream_app.transactions.cluster import Cluster
from stream_app.transactions.group import abandoned, committed_offsets, members, open_transactions, transactional_id
from stream_app.transactions.producer import TransactionalProducer
from stream_app.transactions.requests import Member

TURNS = 2

PENDING_SECONDS = 2.0
"""How long a living member may take to end a transaction of partitions that it no longer has. It is fenced then."""

LONGEST_SECONDS = 900.0
"""The longest transaction a broker allows by default (``transaction.max.timeout.ms``)."""


class GroupTransactions:
    """First :meth:`take_over`, then transactions. After any error only :meth:`discard` is right."""

    def __init__(self, member: Member, *, connection: KafkaConnection, timeout_seconds: float) -> None:
        """``timeout_seconds``: the broker aborts a transaction that is open for longer."""
        self._member, self._transaction_seconds = member, min(timeout_seconds, LONGEST_SECONDS)
        self._cluster = Cluster(connection, request_timeout_seconds=timeout_seconds)
        self._producers = [self._producer(transactional_id(member, turn)) for turn in range(TURNS)]

    async def take_over(self, partitions: Collection[TopicPartition]) -> Offsets:
        """Fence older transactions of this member and of those that are gone; then the committed offsets, for good.

        For good, because nobody else can change them: the group refuses offsets of its former members and generations,
        and no transaction that holds some is open any more.
        """
        group = self._member.group
        await self._cluster.start()
        left_open, living = await open_transactions(self._cluster, group), await members(self._cluster, group)
        await self._fence([producer.id for producer in self._producers] + abandoned(left_open, living))
        try:
            async with asyncio.timeout(PENDING_SECONDS):
                return await committed_offsets(self._cluster, group, partitions)
        except TimeoutError:
            await self._fence(await open_transactions(self._cluster, group))
            return await committed_offsets(self._cluster, group, partitions)

    def _producer(self, name: str) -> TransactionalProducer:
        return TransactionalProducer(self._cluster, name, transaction_seconds=self._transaction_seconds)

    async def _fence(self, transactional_ids: Collection[str]) -> None:
        ours = {producer.id: producer for producer in self._producers}
        await asyncio.gather(*(ours.get(each, self._producer(each)).fence() for each in transactional_ids))

    async def publish(self, records: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Begin a transaction; returns when every record is on the broker."""
        await self._turn.publish(records)

    async def add_offsets(self, offsets: Offsets) -> None:
        """Make these the group's offsets if and when the transaction commits."""
        await self._turn.add_offsets(offsets, self._member)

    async def commit(self) -> None:
        """Commit; returns when the broker did. Raised on the way: the outcome is unknown."""
        await self._turn.commit()
        self._producers.append(self._producers.pop(0))

    @property
    def _turn(self) -> TransactionalProducer:
        return self._producers[0]

    async def discard(self) -> None:
        """Leave everything as it is and close the connections. Never raises."""
        await self._cluster.close()
