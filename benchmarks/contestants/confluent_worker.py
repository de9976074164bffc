"""The product's worker with librdkafka under its transactional lanes: ``python -m ... worker``, settings as usual.

Not shipped; measurements are in docs/decisions/0009. librdkafka's calls block, so each lane has its own thread.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiokafka.errors import KafkaError, ProducerFenced
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka import KafkaError as Code

from stream_app.events import Offsets, Output
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.runtime.process import run
from stream_app.settings import WorkerSettings
from stream_app.topics import OUTPUT_BATCH_BYTES
from stream_app.worker.composition import create_app

FENCED = (Code._FENCED, Code.PRODUCER_FENCED, Code.INVALID_PRODUCER_EPOCH)


class ConfluentTransactions:
    """:class:`stream_app.delivery.transactional_producer.Transactions` by confluent-kafka."""

    def __init__(self, transactional_id: str, *, connection: KafkaConnection, timeout_seconds: float) -> None:
        self._bootstrap, self._timeout = str(connection), timeout_seconds
        self._thread = ThreadPoolExecutor(1, "lane")
        self._failed: list[Any] = []
        self._options = {
            "bootstrap.servers": str(connection),
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(timeout_seconds * 1000),
            "batch.size": OUTPUT_BATCH_BYTES,
            "linger.ms": 0,
            "delivery.report.only.error": True,
            "on_delivery": lambda fault, _record: self._failed.append(fault),
        }

    async def start(self) -> None:
        await self._call(self._start)

    def _start(self) -> None:
        self._producer = Producer(self._options)
        self._producer.init_transactions(self._timeout)

    async def begin(self) -> None:
        await self._call(lambda: self._producer.begin_transaction())

    async def send(self, topic: str, partition: int, outputs: Sequence[Output]) -> None:
        await self._call(functools.partial(self._send, topic, partition, outputs))

    def _send(self, topic: str, partition: int, outputs: Sequence[Output]) -> None:
        for output in outputs:
            self._producer.produce(topic, output.value, output.key, partition, headers=output.headers)
        if self._producer.flush(self._timeout) or self._failed:
            raise KafkaError(f"{len(self._failed)} deliveries failed")

    async def add_offsets(self, offsets: Offsets, group: str) -> None:
        await self._call(functools.partial(self._add_offsets, offsets, group))

    def _add_offsets(self, offsets: Offsets, group: str) -> None:
        """The metadata of a member that never joined: no generation, as with aiokafka."""
        member = Consumer({"bootstrap.servers": self._bootstrap, "group.id": group})
        try:
            positions = [TopicPartition(tp.topic, tp.partition, offset) for tp, offset in offsets.items()]
            self._producer.send_offsets_to_transaction(positions, member.consumer_group_metadata(), self._timeout)
        finally:
            member.close()

    async def commit(self) -> None:
        await self._call(lambda: self._producer.commit_transaction(self._timeout))

    async def discard(self) -> None:
        self._thread.shutdown(wait=False)

    async def _call(self, work: Callable[[], Any]) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except KafkaException as fault:
            code = fault.args[0].code()
            raise (ProducerFenced() if code in FENCED else KafkaError(str(code))) from fault


if __name__ == "__main__":
    settings = WorkerSettings.read()
    run(create_app(settings, make_transactions=ConfluentTransactions), settings)
