"""A hand-written loop on librdkafka: batches of 512, the product's pipeline, the product's guarantee.

At least once, as the product does it: idempotent producer, all replicas, every delivery awaited (``flush``), then one
synchronous commit of the batch. Only failed deliveries call back; successful ones cost nothing.
"""

from __future__ import annotations

import datetime as dt
import signal
from typing import Any

from confluent_kafka import Consumer, Message, Producer

from benchmarks.contestants.harness import Options, Record, product_pipeline
from stream_app.events import Output

BATCH = 512


class Loop:
    """Consume, judge, produce, flush, commit, until SIGTERM."""

    def __init__(self, options: Options) -> None:
        self._decisions = options.decisions
        self._rejections = f"{options.decisions}.rejected"
        self._pipeline = product_pipeline(options.clients)
        self._consumer = Consumer(
            {
                "bootstrap.servers": options.kafka,
                "group.id": options.group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": options.fetch_wait_ms,
            }
        )
        self._producer = Producer(
            {
                "bootstrap.servers": options.kafka,
                "enable.idempotence": True,
                "acks": "all",
                "delivery.report.only.error": True,
                "on_delivery": self._delivered,
            }
        )
        self._failed: list[Any] = []
        self._running = True
        self._consumer.subscribe([options.requests])

    def run(self) -> None:
        """Answer batch after batch."""
        while self._running:
            messages = [m for m in self._consumer.consume(BATCH, timeout=0.5) if m.error() is None]
            if messages:
                self._answer(messages)
        self._consumer.close()

    def stop(self, *_: object) -> None:
        """After the batch in hand."""
        self._running = False

    def _answer(self, messages: list[Message]) -> None:
        records = [
            Record(m.topic(), m.partition(), m.offset(), m.key(), m.value(), m.headers() or (), m.timestamp()[1])
            for m in messages
        ]
        judged = self._pipeline.judge(records, dt.datetime.now(dt.UTC))
        for record, output in zip(records, judged.outputs, strict=True):
            if output:
                self._produce(record.partition, output)
        if self._producer.flush(60) or self._failed:
            raise SystemExit("the broker did not take all outputs; nothing of the batch is committed")
        self._consumer.commit(asynchronous=False)

    def _produce(self, partition: int, output: Output) -> None:
        topic = self._rejections if output.rejected else self._decisions
        self._producer.produce(topic, output.value, output.key, partition, headers=output.headers)

    def _delivered(self, error: Any, _message: Message) -> None:
        if error is not None:
            self._failed.append(error)


if __name__ == "__main__":
    loop = Loop(Options.parse())
    signal.signal(signal.SIGTERM, loop.stop)
    loop.run()
