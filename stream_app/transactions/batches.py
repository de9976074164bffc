"""Records to the bytes of record batches: bounded in size, stamped with the producer's id, epoch and sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from stream_app.transactions.requests import Producer

MAGIC = 2
BATCH_BYTES = 512 * 1024  # half of what a broker takes by default


class Record(Protocol):
    """What is to be published."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...
    @property
    def timestamp_ms(self) -> int | None: ...


class Batch(NamedTuple):
    """The bytes of one record batch of so many ``records``."""

    data: bytes
    records: int


def batches(records: Iterable[Record], who: Producer, sequence: int, created_ms: int) -> Iterator[Batch]:
    """In order. ``sequence``: of the first record; ``created_ms``: Unix time of those without a stamp of their own."""
    builder, count = _builder(who, sequence), 0
    for record in records:
        if not _append(builder, count, record, created_ms):
            yield Batch(bytes(builder.build()), count)
            builder, sequence, count = _builder(who, sequence + count), sequence + count, 0
            _append(builder, count, record, created_ms)  # an empty batch takes a record of any size
        count += 1
    if count:
        yield Batch(bytes(builder.build()), count)


def _builder(who: Producer, sequence: int) -> DefaultRecordBatchBuilder:
    return DefaultRecordBatchBuilder(
        magic=MAGIC,
        compression_type=0,
        is_transactional=1,
        producer_id=who.producer_id,
        producer_epoch=who.epoch,
        base_sequence=sequence,
        batch_size=BATCH_BYTES,
    )


def _append(builder: DefaultRecordBatchBuilder, number: int, record: Record, created_ms: int) -> bool:
    stamp = created_ms if record.timestamp_ms is None else record.timestamp_ms
    added = builder.append(number, stamp, record.key, record.value, list(record.headers))
    return added is not None
