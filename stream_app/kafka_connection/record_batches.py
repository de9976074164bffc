"""Record batches as a broker sends them, read so that no batch stops the reader: every record gets its offset.

aiokafka raises on a header name that is not UTF-8, on a failed checksum and on a codec error, at the same offset after
every restart, and inflates without a bound. :class:`FetchedBatches` stands in for its ``MemoryRecords``: what parses
is handed on as aiokafka parses it; what does not becomes one record for each offset whose value is
:class:`~stream_app.events.Unreadable`, so that whoever reads the topic can reject or count it and go on.

The format is Kafka's record batch, version 2 (https://kafka.apache.org/documentation/#recordbatch). Older brokers may
still hold what was written before 2017.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.util import decode_varint

from stream_app.events import Unreadable
from stream_app.kafka_connection.connection import MAX_INFLATED_BYTES
from stream_app.kafka_connection.inflate import BatchUnreadable, inflate
from stream_app.kafka_connection.old_batches import OldBatch
from stream_app.kafka_connection.records import Record, unreadable

_LENGTH = struct.Struct(">i")
_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH_AT, _AFTER_LENGTH, _MAGIC_AT, _ATTRIBUTES_AT = 8, 12, 16, 21
_CODEC, _LOG_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20


def read_every_batch(max_inflated_bytes: int) -> None:
    """Have every aiokafka consumer of this process read through :class:`FetchedBatches`. May be called again."""
    fetcher.MemoryRecords = partial(FetchedBatches, max_inflated_bytes=max_inflated_bytes)


class FetchedBatches:
    """The batches of one partition in one fetch response, in aiokafka's ``MemoryRecords`` protocol.

    A compressed batch that inflates to more than ``max_inflated_bytes`` is unreadable.
    """

    def __init__(self, fetched: bytes, max_inflated_bytes: int = MAX_INFLATED_BYTES) -> None:
        self._fetched, self._max_inflated_bytes = fetched, max_inflated_bytes
        self._position = 0
        self._next_offset = -(2**63)

    def size_in_bytes(self) -> int:
        return len(self._fetched)

    def has_next(self) -> bool:
        """Whether a whole batch is left: a broker cuts the last one where the fetch's limit is."""
        return self._end() is not None

    def next_batch(self) -> Any:
        start, self._position = self._position, self._end() or len(self._fetched)
        raw = self._fetched[start : self._position]
        batch = _batch(raw, self._max_inflated_bytes)
        # A damaged offset that lies before the batch in front would have the reader fetch that one again, for ever.
        self._next_offset = batch.next_offset = max(self._next_offset, batch.next_offset)
        return batch

    def _end(self) -> int | None:
        """Of the next batch; None if it is cut. Where its length is damaged, the rest is one that is unreadable."""
        if len(self._fetched) - self._position <= _MAGIC_AT:
            return None
        (length,) = _LENGTH.unpack_from(self._fetched, self._position + _LENGTH_AT)
        end = self._position + _AFTER_LENGTH + int(length)
        if length <= _MAGIC_AT - _AFTER_LENGTH:
            return len(self._fetched)
        return end if end <= len(self._fetched) else None


def _batch(raw: bytes, max_inflated_bytes: int) -> Any:
    if len(raw) < _HEADER.size or raw[_MAGIC_AT] < 2:
        return OldBatch(raw, max_inflated_bytes)
    kind = ControlBatch if raw[_ATTRIBUTES_AT + 1] & _CONTROL else Batch
    return kind(raw, max_inflated_bytes)


class Batch:
    """One batch of records; iterating gives one record for each offset of its own that the broker still has."""

    is_control_batch = False

    def __init__(self, raw: bytes, max_inflated_bytes: int) -> None:
        self._raw, self._max_inflated_bytes = raw, max_inflated_bytes
        fields = _HEADER.unpack_from(raw)
        self.base_offset: int = fields[0]
        self._attributes, last_delta, self._first_timestamp, self._max_timestamp, self.producer_id = fields[5:10]
        self._count: int = fields[12]
        self.next_offset: int = self.base_offset + max(0, last_delta) + 1
        self._complete = self._count == last_delta + 1  # as it was produced; a compacted one has fewer records
        self.is_transactional = bool(self._attributes & _TRANSACTIONAL)

    def validate_crc(self) -> bool:
        """True: a wrong checksum makes the batch's records unreadable, see :meth:`__iter__`, and is no error."""
        return True

    def __iter__(self) -> Iterator[Any]:
        if not DefaultRecordBatch(self._raw).validate_crc():
            return self._unreadable(self.base_offset, self._raw[_HEADER.size :], "The batch's checksum does not match.")
        try:
            plain = self._inflated()
        except BatchUnreadable as fault:
            return self._unreadable(self.base_offset, self._raw[_HEADER.size :], str(fault))
        return self._parsed(plain)

    def _parsed(self, plain: bytes) -> Iterator[Any]:
        """One at a time: a batch within the limit may hold millions of records."""
        next_offset = self.base_offset
        try:
            for record in DefaultRecordBatch(plain):
                if not next_offset <= record.offset < (next_offset + 1 if self._complete else self.next_offset):
                    raise BatchUnreadable("A record's offset is not the batch's.")
                yield record
                next_offset = record.offset + 1
        except Exception:  # noqa: BLE001 - whatever aiokafka's parser trips over, ours finds the record
            yield from self._one_by_one(plain, next_offset)

    def _inflated(self) -> bytes:
        """The batch as an uncompressed one. Raises BatchUnreadable."""
        codec = self._attributes & _CODEC
        if not codec:
            return self._raw
        header = bytearray(self._raw[: _HEADER.size])
        header[_ATTRIBUTES_AT + 1] &= ~_CODEC & 0xFF
        return b"".join((header, inflate(self._raw[_HEADER.size :], codec, self._max_inflated_bytes)))

    def _one_by_one(self, plain: bytes, next_offset: int) -> Iterator[Record]:
        """The records from ``next_offset``, which aiokafka does not parse; from broken framing on, none is readable.

        A broker gives a complete batch an offset for each record, but leaves a producer's own numbers inside as they
        are: the same one for all would cost all but the first. There a record's place says its offset.
        """
        position = _HEADER.size
        for place in range(self._count):
            try:
                record, end = self._parse(plain, position)
                offset = self.base_offset + place if self._complete else record.offset
                if not self.base_offset <= offset < self.next_offset:
                    raise BatchUnreadable("A record's offset is not the batch's.")
            except (BatchUnreadable, IndexError, ValueError):
                break
            position = end
            if offset >= next_offset:
                yield record._replace(offset=offset)
                next_offset = offset + 1
        else:
            return
        yield from self._unreadable(next_offset, plain[position:], "The record is not in Kafka's format.")

    def _parse(self, plain: bytes, position: int) -> tuple[Record, int]:
        length, start = decode_varint(plain, position)
        end = start + length
        if length < 0 or end > len(plain):
            raise BatchUnreadable("The record is longer than its batch.")
        timestamp_delta, position = decode_varint(plain, start + 1)
        offset_delta, position = decode_varint(plain, position)
        key, position = _nullable(plain, position, end)
        value, position = _nullable(plain, position, end)
        appended = bool(self._attributes & _LOG_APPEND_TIME)
        timestamp = self._max_timestamp if appended else self._first_timestamp + timestamp_delta
        try:
            headers = _headers(plain[position:end])
        except (BatchUnreadable, IndexError, ValueError):  # UnicodeDecodeError is a ValueError
            value, headers = Unreadable(value or b"", "A header's name is not UTF-8, or the headers are broken."), []
        return Record(self.base_offset + offset_delta, timestamp, int(appended), key, value, headers), end

    def _unreadable(self, first_offset: int, raw: bytes, fault: str) -> Iterator[Record]:
        return unreadable(range(first_offset, self.next_offset), raw, fault, self._max_timestamp)


class Marker(NamedTuple):
    """The record of a marker, as aiokafka (``key``: version and type 0) and kafka-python (``abort``) ask for it."""

    key: bytes = bytes(4)
    abort: bool = True


class ControlBatch(Batch):
    """The end of a producer's transaction, read as that of an aborted one: what it writes next is not skipped.

    Of a producer whose transaction was not aborted nothing is skipped anyway, so nothing depends on the marker's
    content, which may be damaged, or gone by compaction.
    """

    is_control_batch = True

    def __next__(self) -> Marker:
        return Marker()


def _nullable(data: bytes, position: int, end: int) -> tuple[bytes | None, int]:
    length, position = decode_varint(data, position)
    if length < 0:
        return None, position
    if position + length > end:
        raise BatchUnreadable("A field is longer than its record.")
    return data[position : position + length], position + length


def _headers(data: bytes) -> list[tuple[str, bytes | None]]:
    count, position = decode_varint(data, 0)
    headers = []
    for _ in range(count):
        name, position = _nullable(data, position, len(data))
        value, position = _nullable(data, position, len(data))
        headers.append(((name or b"").decode(), value))
    if position != len(data):
        raise BatchUnreadable("There are bytes after the headers.")
    return headers
