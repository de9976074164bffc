"""Sends requests: in a closed loop, with a bounded number in flight, the scorer sets the rate; or at a given rate.

The labels of earlier requests are sent between them, each when its date has come.
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

from stream_app.demo.environment import Environment
from stream_app.demo.kafka_clients import Activity
from stream_app.demo.loan_book import LabelSchedule
from stream_app.demo.reconciliation import Ledger, Sent
from stream_app.tables.messages import Message

MAX_CHUNK = 1_024
"""Requests handed to the producer at once, all partitions together."""

MAX_LABELS = 8_192
"""The same for labels, which are small and get no answer."""

Confirmed = Callable[[slice, int], None]
"""Gets which of the messages the broker has, and the offset of the first of them."""


class Producer(Protocol):
    """What is needed of aiokafka's producer: whole batches to a stated partition."""

    def create_batch(self) -> Any: ...

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[Any]:
        """Hand over a batch; the future gives the record metadata of its first record."""


class BatchSender:
    """Sends messages in batches; a delivery that fails is raised at the next step."""

    def __init__(self, producer: Producer, activity: Activity) -> None:
        self._producer, self._activity = producer, activity
        self._unconfirmed_batches = 0
        self._fault: BaseException | None = None

    async def send(self, topic: str, partition: int, messages: Sequence[Message], confirmed: Confirmed) -> None:
        """Hand the messages over in their order, in as few batches as the producer makes of them."""
        self._raise_fault()
        first, batch = 0, self._producer.create_batch()
        for number, message in enumerate(messages):
            if not _append(batch, message):
                await self._hand_over(topic, partition, batch, partial(confirmed, slice(first, number)))
                first, batch = number, self._producer.create_batch()
                _append(batch, message)  # an empty batch takes a record of any size
        await self._hand_over(topic, partition, batch, partial(confirmed, slice(first, len(messages))))

    async def all_confirmed(self) -> None:
        """Wait until the broker has everything. Raises what a delivery failed with."""
        while self._unconfirmed_batches:
            await self._activity.wait()
        self._raise_fault()

    async def _hand_over(self, topic: str, partition: int, batch: Any, confirmed: Callable[[int], None]) -> None:
        delivery = await self._producer.send_batch(batch, topic, partition=partition)
        self._unconfirmed_batches += 1
        delivery.add_done_callback(partial(self._delivered, confirmed))

    def _delivered(self, confirmed: Callable[[int], None], delivery: asyncio.Future[Any]) -> None:
        self._unconfirmed_batches -= 1
        if delivery.cancelled():
            return
        if fault := delivery.exception():
            self._fault = fault
        else:
            confirmed(delivery.result().offset)
        self._activity.notify()

    def _raise_fault(self) -> None:
        if self._fault:
            raise self._fault


def _append(batch: Any, message: Message) -> bool:
    return batch.append(timestamp=None, key=message.key, value=message.value) is not None


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """``window``: requests in flight in the closed loop. ``rate``: instead, requests per second, the steps between two
    sends no shorter than ``step_seconds``.

    The window, measured on two busy cores with Apache Kafka and Tansu in thousands of decisions/s and median latency:
    512: 9.9 and 10.6, 40 ms; 1,024: 11.7 and 11.4, 70 ms; 2,048: 11.7 and 14.1, 140 ms; 4,096: 9.9 and 12.4, 310 ms.
    Beyond the second batch that waits while one is being scored a request only waits longer.
    """

    window: int = 2_048
    rate: float | None = None
    step_seconds: float = 0.001


class Sender:
    """Sends requests and books each where the broker put it; sends labels and counts those the broker has."""

    def __init__(
        self,
        producer: Producer,
        label_producer: Producer,
        environment: Environment,
        ledger: Ledger,
        activity: Activity,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sent = 0
        self.labels = 0
        self.finished = False
        self._requests, self._labels = BatchSender(producer, activity), BatchSender(label_producer, activity)
        self._names, self._partitions = environment.names, environment.partitions
        self._ledger, self._activity, self._clock = ledger, activity, clock

    @property
    def in_flight(self) -> int:
        """Requests sent that have no answer yet."""
        return self.sent - self._ledger.answers

    async def send_all(self, messages: Iterable[Message], pace: Pace, labels: LabelSchedule) -> None:
        """Send every message and each label when it is due, the remaining labels at the end, and wait for all
        deliveries. Raises what a delivery failed with.
        """
        remaining = iter(messages)
        started = self._clock()
        while chunk := list(islice(remaining, min(await self._room(pace, started), MAX_CHUNK))):
            await self._send_requests(chunk)
            await self._send_labels(labels.due(self.sent))
        await self._send_labels(labels.rest())
        await self._requests.all_confirmed()
        await self._labels.all_confirmed()
        self.finished = True
        self._activity.notify()

    async def _room(self, pace: Pace, started: float) -> int:
        """Wait until requests may be sent; how many."""
        if pace.rate is None:
            at_least = min(MAX_CHUNK, pace.window // 4)  # fewer would make many small batches, which cost all three
            while (room := pace.window - self.in_flight) < at_least:
                await self._activity.wait()
            return room
        while (due := int((self._clock() - started) * pace.rate) + 1 - self.sent) < 1:
            wait = started + self.sent / pace.rate - self._clock()
            await asyncio.sleep(max(pace.step_seconds, wait))
        return due

    async def _send_requests(self, messages: Sequence[Message]) -> None:
        now, first = self._clock(), self.sent
        self.sent += len(messages)
        for partition, indices in self._by_partition(messages, first).items():
            chunk = [messages[index - first] for index in indices]
            entries = [
                Sent(index, now, message.expected, message.request_id)
                for index, message in zip(indices, chunk, strict=True)
            ]
            book = partial(self._book, partition, entries)
            await self._requests.send(self._names.requests, partition, chunk, book)
        self._activity.notify()

    async def _send_labels(self, messages: Sequence[Message]) -> None:
        for first in range(0, len(messages), MAX_LABELS):
            chunk = messages[first : first + MAX_LABELS]
            for partition, indices in self._by_partition(chunk, 0).items():
                labels = [chunk[index] for index in indices]
                await self._labels.send(self._names.outcomes, partition, labels, self._count)

    def _by_partition(self, messages: Sequence[Message], first: int) -> dict[int, list[int]]:
        """The indices of the messages, counted from ``first``, by the partition each goes to."""
        indices: dict[int, list[int]] = defaultdict(list)
        for index, message in enumerate(messages, start=first):
            indices[partition_of(message.key, index, self._partitions)].append(index)
        return indices

    def _book(self, partition: int, entries: Sequence[Sent], which: slice, first_offset: int) -> None:
        for offset, entry in enumerate(entries[which], start=first_offset):
            self._ledger.sent((partition, offset), entry)

    def _count(self, which: slice, _offset: int) -> None:
        self.labels += which.stop - which.start


def partition_of(key: bytes | None, index: int, partitions: int) -> int:
    """The partition every Kafka client chooses for this key; records without a key take turns."""
    return index % partitions if key is None else (murmur2(key) & 0x7FFFFFFF) % partitions
