"""Quix Streams doing the same work: the product's pipeline on each record as it comes, as a batch of one.

Numpy all the way, no pandas: its best. Delivery and commits are its own defaults: idempotent producer, a checkpoint
(flush, then commit) every five seconds.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from quixstreams import Application, message_context

from benchmarks.contestants.options import Options, product_pipeline
from benchmarks.contestants.record import Record


def main() -> None:
    """Run until SIGTERM."""
    options = Options.parse()
    pipeline = product_pipeline(options.clients)
    app = Application(
        broker_address=options.kafka,
        consumer_group=options.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="WARNING",
        consumer_extra_config={"fetch.wait.max.ms": options.fetch_wait_ms},
    )
    requests = app.topic(options.requests, key_deserializer="bytes", value_deserializer="bytes")
    decisions = app.topic(options.decisions, key_serializer="bytes", value_serializer="bytes")

    def decide(value: bytes, key: bytes, timestamp: int, headers: Any) -> bytes | None:
        at = message_context()
        record = Record(at.topic, at.partition, at.offset, key, value, headers or (), timestamp)
        return pipeline.judge([record], dt.datetime.now(dt.UTC)).outputs[0].value

    app.dataframe(requests).apply(decide, metadata=True).to_topic(decisions)
    app.run()


if __name__ == "__main__":
    main()
