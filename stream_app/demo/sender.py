"""Requests out. In a closed loop, with a bounded number under way, the rate is what the scorer takes; or at a pace."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Protocol

import msgspec
from aiokafka.partitioner import murmur2

from stream_app.demo.wire import Pulse
from stream_app.ledger import Ledger, Sent
from stream_app.simulator import Message

MAX_CHUNK = 1_024
"""Requests handed to the producer at once, all partitions together."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """``window``: requests under way in the closed loop. ``rate``: instead, requests per second, the steps between two
    sends no shorter than ``step_seconds``.

    The window, measured on two busy cores with Apache Kafka and Tansu in thousands of decisions/s and median latency:
    512: 9.9 and 10.6, 40 ms; 1,024: 11.7 and 11.4, 70 ms; 2,048: 11.7 and 14.1, 140 ms; 4,096: 9.9 and 12.4, 310 ms.
    Beyond the second batch that waits while one is being scored a request only waits longer.
    """

    window: int = 2_048
    rate: float | None = None
    step_seconds: float = 0.001


class Producer(Protocol):
    """What the sender needs of aiokafka's producer: whole batches to a stated partition."""

    def create_batch(self) -> Any: ...

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[Any]:
        """Hand over a batch; the future gives the record metadata of its first record."""


class Sender:
    """Sends ``total`` messages to ``partitions`` partitions of a topic and books each where the broker put it."""

    def __init__(
        self,
        producer: Producer,
        topic: str,
        partitions: int,
        ledger: Ledger,
        pulse: Pulse,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sent = 0
        self._producer, self._topic, self._partitions = producer, topic, partitions
        self._ledger, self._pulse, self._clock = ledger, pulse, clock
        self._undelivered = 0  # batches
        self._fault: BaseException | None = None

    @property
    def under_way(self) -> int:
        """Messages sent that have no answer yet."""
        return self.sent - self._ledger.answers

    async def send_all(self, messages: Iterable[Message], pace: Pace) -> None:
        """Send every message and wait for its delivery. Raises what a delivery failed with."""
        left = iter(messages)
        started = self._clock()
        while chunk := list(islice(left, min(await self._room(pace, started), MAX_CHUNK))):
            await self._send(chunk)
        while self._undelivered:
            await self._pulse.next()
        self._raise_fault()

    async def _room(self, pace: Pace, started: float) -> int:
        """Wait until messages may go; how many."""
        if pace.rate is None:
            at_least = min(MAX_CHUNK, pace.window // 4)  # fewer would make many small batches, which cost all three
            while (room := pace.window - self.under_way) < at_least:
                await self._pulse.next()
            return room
        while (due := int((self._clock() - started) * pace.rate) + 1 - self.sent) < 1:
            wait = started + self.sent / pace.rate - self._clock()
            await asyncio.sleep(max(pace.step_seconds, wait))
        return due

    async def _send(self, messages: Sequence[Message]) -> None:
        self._raise_fault()
        at = self._clock()
        by_partition: dict[int, list[tuple[Message, Sent]]] = defaultdict(list)
        for index, message in enumerate(messages, start=self.sent):
            entry = Sent(index, at, message.expected, message.request_id)
            by_partition[partition_of(message.key, index, self._partitions)].append((message, entry))
        self.sent += len(messages)
        for partition, some in by_partition.items():
            await self._send_to(partition, iter(some))
        self._pulse.beat()

    async def _send_to(self, partition: int, some: Iterator[tuple[Message, Sent]]) -> None:
        batch = self._producer.create_batch()
        entries: list[Sent] = []
        for message, entry in some:
            if not _append(batch, message):
                await self._hand_over(partition, batch, entries)
                batch, entries = self._producer.create_batch(), []
                _append(batch, message)  # an empty batch takes a record of any size
            entries.append(entry)
        await self._hand_over(partition, batch, entries)

    async def _hand_over(self, partition: int, batch: Any, entries: list[Sent]) -> None:
        delivery = await self._producer.send_batch(batch, self._topic, partition=partition)
        self._undelivered += 1
        delivery.add_done_callback(partial(self._delivered, partition, entries))

    def _delivered(self, partition: int, entries: list[Sent], delivery: asyncio.Future[Any]) -> None:
        self._undelivered -= 1
        if delivery.cancelled():
            return
        if fault := delivery.exception():
            self._fault = fault
        else:
            for offset, entry in enumerate(entries, start=delivery.result().offset):
                self._ledger.sent((partition, offset), entry)
        self._pulse.beat()

    def _raise_fault(self) -> None:
        if self._fault:
            raise self._fault


def partition_of(key: bytes | None, index: int, partitions: int) -> int:
    """The partition every Kafka client chooses for this key; records without a key take turns."""
    return index % partitions if key is None else (murmur2(key) & 0x7FFFFFFF) % partitions


def _append(batch: Any, message: Message) -> bool:
    return batch.append(timestamp=None, key=message.key, value=message.value) is not None
