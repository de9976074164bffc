"""The batches of :mod:`stream_app.kafka_connection.record_batches` in kafka-python's protocol, which differs a little.

Imports kafka-python, as only commands do.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from kafka.consumer import fetcher

from stream_app.kafka_connection.old_batches import OldBatch
from stream_app.kafka_connection.record_batches import Batch, FetchedBatches, Marker
from stream_app.kafka_connection.records import Record


def read_every_batch(max_inflated_bytes: int) -> None:
    """Have every kafka-python consumer of this process read through :class:`KafkaPythonBatches`."""
    fetcher.MemoryRecords = partial(KafkaPythonBatches, max_inflated_bytes=max_inflated_bytes)


class KafkaPythonBatches(FetchedBatches):
    """As :class:`FetchedBatches`; after the last batch comes None."""

    def next_batch(self) -> Any:
        if not self.has_next():
            return None
        return KafkaPythonBatch(super().next_batch())


class _Record(Record):
    """A record as kafka-python's fetcher takes it: it also asks for the size and the checksum."""

    __slots__ = ()

    @property
    def size_in_bytes(self) -> int:
        return len(self.key or b"") + len(self.value or b"")

    def validate_crc(self) -> bool:
        return True


class KafkaPythonBatch:
    """One batch as kafka-python's fetcher asks about it."""

    magic, leader_epoch = 2, -1

    def __init__(self, batch: Batch | OldBatch) -> None:
        self._batch, self.is_control_batch = batch, batch.is_control_batch
        self.base_offset, self.next_offset = batch.base_offset, batch.next_offset
        self.last_offset = batch.next_offset - 1
        self.producer_id, self.is_transactional = batch.producer_id, batch.is_transactional

    def __next__(self) -> Marker:
        return Marker()

    def has_producer_id(self) -> bool:
        return bool(self.producer_id >= 0)

    def validate_crc(self) -> bool:
        return True

    def __iter__(self) -> Iterator[_Record]:
        for record in self._batch:
            headers = list(record.headers)
            timestamp = record.timestamp, record.timestamp_type
            yield _Record(record.offset, *timestamp, record.key, record.value, headers)
