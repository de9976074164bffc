"""At-least-once delivery: every output of a batch is on the broker before the batch's input offsets are committed.

After a crash the batch in hand and those that waited for their commit (``commit_interval_seconds``) are decided again,
under the same ``request_id`` and, while the client's profile is the same, with the same outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError

from stream_app.delivery.offset_commits import GroupedCommits
from stream_app.delivery.output_stamps import OutputStamps, remedy
from stream_app.delivery.producer import OutputTopics, by_partition, next_offsets, send, start_producer, stop
from stream_app.errors import DeliveryFailed
from stream_app.events import Offsets, Output, RawRecord, TopicPartition
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.transport.assignment import Assignment


class AtLeastOnceLanes:
    """Idempotent where the broker can: every delivery awaited, then committed through the consumer, several at once.

    Nothing waits for its commit when partitions are revoked, at a seek, or when the worker stops: only a crash repeats.
    """

    def __init__(
        self,
        *,
        commits: GroupedCommits,
        connection: KafkaConnection,
        topics: OutputTopics,
        timeout_seconds: float,
    ) -> None:
        self._stamps = OutputStamps()
        self._assignment = Assignment()
        self._connection = connection
        self._topics = topics
        self._commits = commits
        self._timeout = timeout_seconds
        self._producer: AIOKafkaProducer | None = None

    async def before_seek(self, assignment: Assignment) -> None:
        """Start the producer, once, and commit what was delivered, before the committed offsets are read."""
        self._assignment = assignment
        await self._started()
        await self._commits.flush()

    def after_seek(self, committed: Mapping[TopicPartition, int | None]) -> None:
        self._commits.restart(committed)

    async def before_revocation(self) -> None:
        """Commit what was delivered."""
        await self._commits.flush()

    def after_revocation(self) -> None:
        self._commits.drop()

    def committed_offsets(self) -> Offsets:
        return self._commits.committed

    async def deliver(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> bool:
        with self._assignment.batch_in_hand():
            return await self._deliver(records, outputs)

    async def _deliver(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> bool:
        epoch = self._assignment.epoch
        try:
            async with asyncio.timeout(self._timeout):
                await self._publish_stamped(records, outputs)
        except (KafkaError, TimeoutError) as fault:
            raise DeliveryFailed(
                f"The broker did not take {len(outputs)} outputs within {self._timeout:g} s ({type(fault).__name__}).",
                kept="Nothing of it was committed; its requests will be decided again.",
                do_next=f"{remedy(fault)}, then start the worker again.",
            ) from fault
        # While a seek or a revocation waits for this batch, there is no later batch to commit it with.
        return await self._commits.add(next_offsets(records), now=not self._assignment.holds(epoch))

    async def _publish_stamped(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> None:
        """With another producer where the broker refused our time: one that knows idempotence is of no use then."""
        try:
            await self._publish(records, outputs)
        except InvalidTimestampError:
            self._stamps.refused()
            await self._stop_producer()
            await self._publish(records, outputs)

    async def _publish(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> None:
        producer = await self._started()
        addressed = by_partition(records, outputs, self._topics, self._stamps)
        await asyncio.gather(*(send(producer, *tp, batch) for tp, batch in addressed.items()))

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = await start_producer(self._connection, self._timeout)
        return self._producer

    async def close(self) -> None:
        """Deliver nothing more, commit what is under way, then close the producer."""
        await self._assignment.settle()
        await self._commits.flush()
        self._commits.drop()
        await self._stop_producer()

    async def _stop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop(producer)
