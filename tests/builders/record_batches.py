"""Kafka record batches, version 2, byte by byte, and a produce request that sends one as it is."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Sequence

from kafka.record.util import calc_crc32c

from tests.servers.waiting import wait_until

_NO_LEADER = (3, 6)

Headers = Sequence[tuple[bytes, bytes | None]]


def varint(number: int) -> bytes:
    zigzag, parts = (number << 1) ^ (number >> 63), b""
    while zigzag > 0x7F:
        parts += bytes([zigzag & 0x7F | 0x80])
        zigzag >>= 7
    return parts + bytes([zigzag])


def sized(data: bytes | None) -> bytes:
    return varint(-1) if data is None else varint(len(data)) + data


def framed(offset_delta: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> bytes:
    """One record of a batch."""
    body = b"\0" + varint(0) + varint(offset_delta) + sized(key) + sized(value) + varint(len(headers))
    body += b"".join(sized(name) + sized(content) for name, content in headers)
    return varint(len(body)) + body


def batch(
    records: Iterable[bytes], codec: int = 0, body: bytes | None = None, base_offset: int = 0, at_ms: int = 1_000
) -> bytes:
    """A batch with a right checksum. ``body``: what stands there instead of the records, compressed perhaps."""
    records = list(records)
    body = b"".join(records) if body is None else body
    count = len(records)
    checked = struct.pack(">hiqqqhii", codec, count - 1, at_ms, at_ms, -1, -1, -1, count) + body
    counted = struct.pack(">iBI", 0, 2, calc_crc32c(checked)) + checked
    return struct.pack(">qi", base_offset, len(counted)) + counted


def produce(bootstrap: str, topic: str, partition: int, records: bytes) -> int:
    """Send a batch as it is; the offset that its first record got. A topic that is just made has no leader yet."""
    error, offset = send_batch(bootstrap, topic, partition, records)
    assert error == 0, f"the broker answered {error}"
    return offset


def send_batch(bootstrap: str, topic: str, partition: int, records: bytes) -> tuple[int, int]:
    """The broker's error (https://kafka.apache.org/protocol#protocol_error_codes) and, with 0, the first offset."""
    [answer] = wait_until(lambda: _produce(bootstrap, topic, partition, records), "the partition has a leader")
    error, offset = answer
    return error, offset


def _produce(bootstrap: str, topic: str, partition: int, records: bytes) -> list[tuple[int, int]]:
    """Produce request, version 7, the first that takes zstd. Empty while the partition has no leader."""
    host, port = bootstrap.split(":")
    name = struct.pack(">h", len(topic)) + topic.encode()
    body = struct.pack(">hhi", -1, -1, 30_000) + struct.pack(">i", 1) + name
    body += struct.pack(">iii", 1, partition, len(records)) + records
    request = struct.pack(">hhih", 0, 7, 7, 3) + b"raw" + body
    with socket.create_connection((host, int(port)), timeout=30) as broker:
        broker.sendall(struct.pack(">i", len(request)) + request)
        [length] = struct.unpack(">i", broker.recv(4, socket.MSG_WAITALL))
        answer = broker.recv(length, socket.MSG_WAITALL)
    _, error, offset = struct.unpack_from(">ihq", answer, 4 + 4 + len(name) + 4)
    return [] if error in _NO_LEADER else [(int(error), int(offset))]
