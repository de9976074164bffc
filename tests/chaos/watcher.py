"""The reader that is there while things break: what a ``read_committed`` consumer sees, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from tests.servers.deployment import Source, source_of

Seen = dict[tuple[str, int], list[tuple[int, int]]]
"""By output topic and partition: offset of the output and source offset of the request it answers, as they came."""


def consumer(bootstrap: str) -> KafkaConsumer:
    """A reader without a group that sees only what is committed."""
    return KafkaConsumer(
        bootstrap_servers=bootstrap.split(","),
        isolation_level="read_committed",
        enable_auto_commit=False,
        reconnect_backoff_max_ms=500,
        fetch_max_wait_ms=100,
    )


class Watcher:
    """A thread that reads the outputs from their beginning until it is closed."""

    def __init__(self, bootstrap: str, topics: Sequence[str], partitions: int) -> None:
        self._bootstrap = bootstrap
        self._positions = {(topic, number): 0 for topic in topics for number in range(partitions)}
        self.seen: Seen = {where: [] for where in self._positions}
        self._arrivals: dict[Source, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._thread.start()

    def arrival(self, source: Source) -> float | None:
        """``time.monotonic()`` when the first output of this request was read."""
        return self._arrivals.get(source)

    def outputs(self) -> int:
        return sum(map(len, self.seen.values()))

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.is_set():
            try:
                self._read()
            except KafkaError:
                self._ended.wait(0.2)  # the brokers are away; the next reader goes on where this one stopped

    def _read(self) -> None:
        reader = consumer(self._bootstrap)
        try:
            reader.assign([TopicPartition(*where) for where in self._positions])
            for where, position in self._positions.items():
                reader.seek(TopicPartition(*where), position)
            while not self._ended.is_set():
                for records in reader.poll(timeout_ms=100, max_records=5_000).values():
                    self._note(records)
        finally:
            reader.close()

    def _note(self, records: list[Any]) -> None:
        now = time.monotonic()
        where = records[0].topic, records[0].partition
        for record in records:
            source = source_of(record)
            self.seen[where].append((record.offset, source[1]))
            self._arrivals.setdefault(source, now)
        self._positions[where] = records[-1].offset + 1
