"""Quix Streams: the product's pipeline on each record as it comes, as a batch of one.

The fastest form: numpy, no pandas. Delivery and commits are its defaults: idempotent producer, a checkpoint (flush,
then commit) every five seconds.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from quixstreams import Application, message_context

from benchmarks.contestants.harness import Options, Record, product_pipeline


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
        source = message_context()
        record = Record(source.topic, source.partition, source.offset, key, value, headers or (), timestamp)
        output = pipeline.judge([record], dt.datetime.now(dt.UTC)).outputs[0]
        return output.value if output else None

    app.dataframe(requests).apply(decide, metadata=True).to_topic(decisions)
    app.run()


if __name__ == "__main__":
    main()
