"""Message formats 0 and 1, which producers wrote before Kafka 0.11 of 2017; a broker may still hold some.

aiokafka's parser of them raises SystemError on damaged lengths, and neither library bounds what it inflates.

The format: https://kafka.apache.org/documentation/#messageset.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from stream_app.kafka_connection.inflate import BatchUnreadable, inflate
from stream_app.kafka_connection.records import Record, unreadable

_START = struct.Struct(">qiIbb")
_TIMESTAMP, _LENGTH = struct.Struct(">q"), struct.Struct(">i")
_CHECKED_FROM = 16
_CODEC, _LOG_APPEND_TIME = 0x07, 0x08


class OldBatch:
    """One message, or the compressed messages in it; unreadable as a whole where it cannot be parsed."""

    is_control_batch = is_transactional = False
    producer_id = -1

    def __init__(self, raw: bytes, max_inflated_bytes: int) -> None:
        self.base_offset = int.from_bytes(raw[:8], "big", signed=True)
        self._records = self._parsed(raw, max_inflated_bytes)
        self.next_offset: int = max(self.base_offset, self._records[-1].offset) + 1

    def validate_crc(self) -> bool:
        """True: a wrong checksum makes the message unreadable and is no error."""
        return True

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def _parsed(self, raw: bytes, max_inflated_bytes: int) -> list[Record]:
        try:
            outer, codec = _message(raw)
            return _inner(outer, codec, raw[16], max_inflated_bytes) if codec else [outer]
        except BatchUnreadable as fault:
            text = str(fault)
        except struct.error:
            text = "The message is not in Kafka's format."
        offset = self.base_offset
        return list(unreadable(range(offset, offset + 1), raw, text, timestamp=-1))


def _message(data: bytes) -> tuple[Record, int]:
    """One message and its codec. Raises BatchUnreadable or struct.error."""
    offset, _, checksum, magic, attributes = _START.unpack_from(data)
    if magic not in (0, 1) or zlib.crc32(data[_CHECKED_FROM:]) != checksum:
        raise BatchUnreadable("The message's checksum does not match.")
    position, timestamp = _START.size, -1
    if magic:
        [timestamp] = _TIMESTAMP.unpack_from(data, position)
        position += _TIMESTAMP.size
    key, position = _bytes(data, position)
    value, _ = _bytes(data, position)
    return Record(offset, timestamp, int(bool(attributes & _LOG_APPEND_TIME)), key, value, []), attributes & _CODEC


def _bytes(data: bytes, position: int) -> tuple[bytes | None, int]:
    [length] = _LENGTH.unpack_from(data, position)
    position += _LENGTH.size
    if length > len(data) - position:
        raise BatchUnreadable("A field is longer than its message.")
    return (None, position) if length < 0 else (data[position : position + length], position + length)


def _inner(outer: Record, codec: int, magic: int, max_inflated_bytes: int) -> list[Record]:
    """The messages in a compressed one, whose offset is that of the last; of format 1 theirs count from 0."""
    data, messages, position = bytes(inflate(outer.value or b"", codec, max_inflated_bytes)), [], 0
    while position < len(data):
        [size] = _LENGTH.unpack_from(data, position + 8)
        end = position + 12 + size
        if size < 0 or end > len(data):
            raise BatchUnreadable("A message is longer than its batch.")
        message, nested = _message(data[position:end])
        if nested:
            raise BatchUnreadable("A compressed message holds another one.")
        messages.append(message)
        position = end
    return _numbered(messages, outer, magic)


def _numbered(messages: list[Record], outer: Record, magic: int) -> list[Record]:
    """With absolute offsets, which must rise. Raises BatchUnreadable."""
    if not messages:
        raise BatchUnreadable("A compressed message is empty.")
    base = outer.offset - messages[-1].offset if magic else 0
    offsets = [base + message.offset for message in messages]
    if offsets != sorted(set(offsets)) or offsets[-1] != outer.offset:
        raise BatchUnreadable("The offsets of the compressed messages are not the batch's.")
    return [message._replace(offset=offset) for message, offset in zip(messages, offsets, strict=True)]
