"""Publishes drift events on their topic, at least once: a reader keeps the highest revision of each window.

A monitor that hung for so long that another took its place may, when it wakes up, publish an event that was already
published.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream_app.errors import DeliveryFailed

StartProducer = Callable[[], Awaitable[AIOKafkaProducer]]
STOP_SECONDS = 10.0


class DriftPublisher:
    """Publishes records under their window's id; its producer is started for the first of them."""

    def __init__(self, start: StartProducer, topic: str, timeout_seconds: float) -> None:
        self._start, self._topic, self._timeout = start, topic, timeout_seconds
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, window_id: str, record: bytes) -> None:
        """Publish and wait until the broker has it. Raises DeliveryFailed; the record stays in the store."""
        try:
            async with asyncio.timeout(self._timeout):
                self._producer = self._producer or await self._start()
                await self._producer.send_and_wait(self._topic, value=record, key=window_id.encode())
        except (KafkaError, TimeoutError) as fault:
            await self.close()
            raise DeliveryFailed(
                f"The drift event of window {window_id} was not delivered ({type(fault).__name__}).",
                kept="It is in the store and will be sent again.",
                do_next="Check the broker.",
            ) from fault

    async def close(self) -> None:
        """Stop the producer; nothing waits in it."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(STOP_SECONDS):  # stop() waits for a broker that is gone
                    await producer.stop()
            except (KafkaError, TimeoutError):
                pass
