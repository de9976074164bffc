"""Publishes drift events on their topic, at least once: a reader keeps the highest revision of each window.

A monitor that hung for so long that another took its place may, when it wakes up, publish an event that was already
published.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream_app.delivery.output_stamps import remedy
from stream_app.errors import DeliveryFailed
from stream_app.runtime.tracing import Span, Tracing

StartProducer = Callable[[], Awaitable[AIOKafkaProducer]]
STOP_SECONDS = 10.0


class DriftPublisher:
    """Publishes records under their window's id; its producer is started for the first of them."""

    def __init__(
        self, start: StartProducer, topic: str, timeout_seconds: float, tracing: Tracing | None = None
    ) -> None:
        """``tracing``: begins a trace for each event, which its headers carry. A window has thousands of requests, each
        of a trace of its own, and belongs to none of them.
        """
        self._start, self._topic, self._timeout, self._tracing = start, topic, timeout_seconds, tracing
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, window_id: str, record: bytes) -> None:
        """Publish and wait until the broker has it. Raises DeliveryFailed; the record stays in the store."""
        span = self._span()
        headers = span.context.headers() if span else None
        try:
            async with asyncio.timeout(self._timeout):
                self._producer = self._producer or await self._start()
                await self._producer.send_and_wait(self._topic, value=record, key=window_id.encode(), headers=headers)
        except (KafkaError, TimeoutError) as fault:
            if span:
                span.end(fault=type(fault).__name__)
            await self.close()
            raise DeliveryFailed(
                f"The drift event of window {window_id} was not delivered ({type(fault).__name__}).",
                kept="It is in the store and will be sent again.",
                do_next=f"{remedy(fault)}.",
            ) from fault
        if span:
            span.end()

    def _span(self) -> Span | None:
        sent = {"messaging.system": "kafka", "messaging.operation.type": "send", "messaging.operation.name": "send"}
        attributes = {**sent, "messaging.destination.name": self._topic}
        return self._tracing.start(f"send {self._topic}", "producer", attributes) if self._tracing else None

    async def close(self) -> None:
        """Stop the producer; nothing waits in it."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(STOP_SECONDS):  # stop() waits for a broker that is gone
                    await producer.stop()
            except (KafkaError, TimeoutError):
                pass
