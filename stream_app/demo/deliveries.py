"""Batches handed to the producer, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from stream_app.demo.kafka_clients import Pulse
from stream_app.tables.messages import Message

Confirmed = Callable[[slice, int], None]
"""Which of the messages the broker has, and the offset of the first of them."""


class Producer(Protocol):
    """What is needed of aiokafka's producer: whole batches to a stated partition."""

    def create_batch(self) -> Any: ...

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[Any]:
        """Hand over a batch; the future gives the record metadata of its first record."""


class Deliveries:
    """Sends messages in batches; a delivery that fails is raised at the next step."""

    def __init__(self, producer: Producer, pulse: Pulse) -> None:
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


def _append(batch: Any, message: Message) -> bool:
    return batch.append(timestamp=None, key=message.key, value=message.value) is not None
