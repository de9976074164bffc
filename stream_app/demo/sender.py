"""Requests out. In a closed loop, with a bounded number under way, the rate is what the scorer takes; or at a pace.

The truth about earlier requests goes out between them, when its day has come.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any, Protocol

import msgspec
from aiokafka.partitioner import murmur2

from stream_app.demo.kafka_clients import ActivitySignal, Wire
from stream_app.demo.loan_book import LabelSchedule
from stream_app.demo.reconciliation import Ledger, Sent
from stream_app.tables.messages import Message

MAX_CHUNK = 1_024
"""Requests handed to the producer at once, all partitions together."""

MAX_OUTCOMES = 8_192
"""The same of outcomes, which are small and which nobody answers."""


Confirmed = Callable[[slice, int], None]
"""Which of the messages the broker has, and the offset of the first of them."""


class Producer(Protocol):
    """What is needed of aiokafka's producer: whole batches to a stated partition."""

    def create_batch(self) -> Any: ...

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[Any]:
        """Hand over a batch; the future gives the record metadata of its first record."""


class Deliveries:
    """Sends messages in batches; a delivery that fails is raised at the next step."""

    def __init__(self, producer: Producer, pulse: ActivitySignal) -> None:
        self._producer, self._pulse = producer, pulse
        self._undelivered = 0  # batches
        self._fault: BaseException | None = None

    async def send(self, topic: str, partition: int, messages: Sequence[Message], confirmed: Confirmed) -> None:
        """Hand the messages over in their order, in as few batches as the producer makes of them."""
        self._raise_fault()
        first, batch = 0, self._producer.create_batch()
        for at, message in enumerate(messages):
            if not _append(batch, message):
                await self._hand_over(topic, partition, batch, partial(confirmed, slice(first, at)))
                first, batch = at, self._producer.create_batch()
                _append(batch, message)  # an empty batch takes a record of any size
        await self._hand_over(topic, partition, batch, partial(confirmed, slice(first, len(messages))))

    async def all_confirmed(self) -> None:
        """Wait until the broker has everything. Raises what a delivery failed with."""
        while self._undelivered:
            await self._pulse.next()
        self._raise_fault()

    async def _hand_over(self, topic: str, partition: int, batch: Any, confirmed: Callable[[int], None]) -> None:
        delivery = await self._producer.send_batch(batch, topic, partition=partition)
        self._undelivered += 1
        delivery.add_done_callback(partial(self._delivered, confirmed))

    def _delivered(self, confirmed: Callable[[int], None], delivery: asyncio.Future[Any]) -> None:
        self._undelivered -= 1
        if delivery.cancelled():
            return
        if fault := delivery.exception():
            self._fault = fault
        else:
            confirmed(delivery.result().offset)
        self._pulse.beat()

    def _raise_fault(self) -> None:
        if self._fault:
            raise self._fault


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


class Sender:
    """Sends requests and books each where the broker put it; sends outcomes and counts those the broker has."""

    def __init__(
        self,
        producer: Producer,
        wire: Wire,
        ledger: Ledger,
        pulse: ActivitySignal,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sent = 0
        self.outcomes = 0
        self.finished = False
        self._deliveries = Deliveries(producer, pulse)
        self._wire, self._ledger, self._pulse, self._clock = wire, ledger, pulse, clock

    @property
    def under_way(self) -> int:
        """Requests sent that have no answer yet."""
        return self.sent - self._ledger.answers

    async def send_all(self, messages: Iterable[Message], pace: Pace, truth: LabelSchedule) -> None:
        """Send every message and what becomes known meanwhile, the rest of the truth at the end, and wait for all
        deliveries. Raises what a delivery failed with.
        """
        left = iter(messages)
        started = self._clock()
        while chunk := list(islice(left, min(await self._room(pace, started), MAX_CHUNK))):
            await self._send_requests(chunk)
            await self._send_outcomes(truth.due(self.sent))
        await self._send_outcomes(truth.rest())
        await self._deliveries.all_confirmed()
        self.finished = True
        self._pulse.beat()

    async def _room(self, pace: Pace, started: float) -> int:
        """Wait until requests may go; how many."""
        if pace.rate is None:
            at_least = min(MAX_CHUNK, pace.window // 4)  # fewer would make many small batches, which cost all three
            while (room := pace.window - self.under_way) < at_least:
                await self._pulse.next()
            return room
        while (due := int((self._clock() - started) * pace.rate) + 1 - self.sent) < 1:
            wait = started + self.sent / pace.rate - self._clock()
            await asyncio.sleep(max(pace.step_seconds, wait))
        return due

    async def _send_requests(self, messages: Sequence[Message]) -> None:
        at, first = self._clock(), self.sent
        self.sent += len(messages)
        for partition, indices in self._by_partition(messages, first).items():
            some = [messages[index - first] for index in indices]
            entries = [
                Sent(index, at, each.expected, each.request_id) for index, each in zip(indices, some, strict=True)
            ]
            book = partial(self._book, partition, entries)
            await self._deliveries.send(self._wire.names.requests, partition, some, book)
        self._pulse.beat()

    async def _send_outcomes(self, messages: Sequence[Message]) -> None:
        for first in range(0, len(messages), MAX_OUTCOMES):
            chunk = messages[first : first + MAX_OUTCOMES]
            for partition, indices in self._by_partition(chunk, 0).items():
                some = [chunk[index] for index in indices]
                await self._deliveries.send(self._wire.names.outcomes, partition, some, self._count)

    def _by_partition(self, messages: Sequence[Message], first: int) -> dict[int, list[int]]:
        """The numbers of the messages, which count from ``first``, by the partition each goes to."""
        found: dict[int, list[int]] = defaultdict(list)
        for index, message in enumerate(messages, start=first):
            found[partition_of(message.key, index, self._wire.partitions)].append(index)
        return found

    def _book(self, partition: int, entries: Sequence[Sent], which: slice, offset: int) -> None:
        for at, entry in enumerate(entries[which], start=offset):
            self._ledger.sent((partition, at), entry)

    def _count(self, which: slice, _offset: int) -> None:
        self.outcomes += which.stop - which.start


def partition_of(key: bytes | None, index: int, partitions: int) -> int:
    """The partition every Kafka client chooses for this key; records without a key take turns."""
    return index % partitions if key is None else (murmur2(key) & 0x7FFFFFFF) % partitions


def _append(batch: Any, message: Message) -> bool:
    return batch.append(timestamp=None, key=message.key, value=message.value) is not None
