"""The product's worker with librdkafka's transactions under it: ``python -m ... worker``, settings as usual.

Not shipped, and for measurements alone: it fences nobody but itself. librdkafka's calls block, so they have a thread.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiokafka.errors import KafkaError
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka import TopicPartition as Position

from benchmarks.testbed import for_librdkafka
from stream_app.events import Offsets, Output, TopicPartition
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.runtime.process import run
from stream_app.settings import WorkerSettings
from stream_app.topics import OUTPUT_BATCH_BYTES
from stream_app.transactions.requests import Member
from stream_app.worker.composition import create_app


class ConfluentTransactions:
    """:class:`stream_app.delivery.transactions.Transactions` by confluent-kafka."""

    def __init__(self, member: Member, *, connection: KafkaConnection, timeout_seconds: float) -> None:
        self._group, self._connection, self._timeout = member.group, for_librdkafka(connection), timeout_seconds
        self._thread = ThreadPoolExecutor(1, "lane")
        self._failed: list[Any] = []
        self._options = {
            **self._connection,
            "transactional.id": f"{member.group}.{member.member_id}",
            "transaction.timeout.ms": int(timeout_seconds * 1000),
            "batch.size": OUTPUT_BATCH_BYTES,
            "linger.ms": 0,
            "delivery.report.only.error": True,
            "on_delivery": lambda fault, _record: self._failed.append(fault),
        }

    async def take_over(self, partitions: Collection[TopicPartition]) -> Offsets:
        committed: Offsets = await self._call(functools.partial(self._take_over, partitions))
        return committed

    def _take_over(self, partitions: Collection[TopicPartition]) -> Offsets:
        self._producer = Producer(self._options)
        self._producer.init_transactions(self._timeout)
        member = self._stranger()
        try:
            committed = member.committed([Position(*tp) for tp in partitions], self._timeout)
        finally:
            member.close()
        return {TopicPartition(each.topic, each.partition): each.offset for each in committed if each.offset >= 0}

    def _stranger(self) -> Consumer:
        """A member that never joined: its metadata has no generation."""
        return Consumer({**self._connection, "group.id": self._group})

    async def publish(self, records: Mapping[TopicPartition, Sequence[Output]]) -> None:
        await self._call(functools.partial(self._publish, records))

    def _publish(self, records: Mapping[TopicPartition, Sequence[Output]]) -> None:
        self._producer.begin_transaction()
        for (topic, partition), outputs in records.items():
            for output in outputs:
                self._producer.produce(topic, output.value, output.key, partition, headers=output.headers)
        if self._producer.flush(self._timeout) or self._failed:
            raise KafkaError(f"{len(self._failed)} deliveries failed")

    async def add_offsets(self, offsets: Offsets) -> None:
        await self._call(functools.partial(self._add_offsets, offsets))

    def _add_offsets(self, offsets: Offsets) -> None:
        member = self._stranger()
        try:
            positions = [Position(*tp, offset) for tp, offset in offsets.items()]
            self._producer.send_offsets_to_transaction(positions, member.consumer_group_metadata(), self._timeout)
        finally:
            member.close()

    async def commit(self) -> None:
        await self._call(lambda: self._producer.commit_transaction(self._timeout))

    async def discard(self) -> None:
        self._thread.shutdown(wait=False)

    async def _call(self, work: Callable[[], Any]) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except KafkaException as fault:
            raise KafkaError(str(fault.args[0].code())) from fault


if __name__ == "__main__":
    settings = WorkerSettings.read()
    run(create_app(settings, make_transactions=ConfluentTransactions), settings)
