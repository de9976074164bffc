"""The target of record batches: headers, codecs, checksums, lengths, markers and what is inside, by both readers."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from itertools import islice
from typing import Any

from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from kafka.record.util import calc_crc32c

from stream_app.events import Unreadable
from stream_app.kafka_connection.kafka_python_batches import KafkaPythonBatches
from stream_app.kafka_connection.record_batches import FetchedBatches
from stream_app.kafka_connection.records import MOST_RECORDS
from tests.builders.record_batches import batch, framed
from tests.fuzz.mutate import ODD_NUMBERS, spoil_bytes
from tests.fuzz.target import Target, corpus, demand

HEADER_BYTES, CHECKED_FROM, CRC_AT = 61, 21, 17
CODECS: dict[int, Any] = {0: bytes, 1: gzip_encode, 2: snappy_encode, 3: lz4_encode, 4: zstd_encode, 5: bytes, 7: bytes}
CONTROL, TRANSACTIONAL, APPEND_TIME = 0x20, 0x10, 0x08
MOST_READ = 2 * MOST_RECORDS
NAMES = (b"", b"h", b"\xff\xfe", b"traceparent", b"x" * 300)
VALUES = (None, b"", b"k", b"{}", b"v" * 500)

Seen = tuple[int, bytes | None, bytes | None, bool]


def record_batches() -> Target:
    """Half of the inputs are made field by field, half are damaged anywhere; most have a right checksum."""
    seeds = [sound(random.Random(number)) for number in range(50)]
    return Target("record batches", _read, [*seeds, *corpus("record-batches")], _spoil)


def sound(rng: random.Random) -> bytes:
    """One or two batches whose fields are what producers and brokers write, or near it."""
    return b"".join(_batch(rng, base) for base in range(0, 20 * rng.randint(1, 2), 20))


def _batch(rng: random.Random, base_offset: int) -> bytes:
    count = rng.choice((0, 1, 1, 2, 5, 20))
    records = [_record(rng, delta) for delta in range(count)]
    codec = rng.choice(list(CODECS))
    made = bytearray(batch(records, codec, bytes(CODECS[codec](b"".join(records))), base_offset))
    made[22] |= rng.choice((0, 0, 0, CONTROL, CONTROL | TRANSACTIONAL, TRANSACTIONAL, APPEND_TIME))
    if rng.random() < 0.2:
        _odd_field(rng, made)
    return sealed(made)


def _record(rng: random.Random, delta: int) -> bytes:
    headers = [(rng.choice(NAMES), rng.choice(VALUES)) for _ in range(rng.choice((0, 0, 0, 1, 3)))]
    return framed(
        rng.choice((delta, delta, delta, rng.choice(ODD_NUMBERS))), rng.choice(VALUES), rng.choice(VALUES), headers
    )


def _odd_field(rng: random.Random, made: bytearray) -> None:
    """Magic, attributes, last offset delta, time stamps, producer id and epoch, sequence, count."""
    at, kind = rng.choice(
        ((16, "b"), (21, "h"), (23, "i"), (27, "q"), (35, "q"), (43, "q"), (51, "h"), (53, "i"), (57, "i"))
    )
    width = struct.calcsize(kind)
    made[at : at + width] = (rng.choice(ODD_NUMBERS) & (1 << 8 * width) - 1).to_bytes(width, "big")


def sealed(made: bytes | bytearray) -> bytes:
    """With the length and the checksum that belong to it."""
    whole = bytearray(made)
    if len(whole) >= HEADER_BYTES:
        struct.pack_into(">i", whole, 8, len(whole) - 12)
        struct.pack_into(">I", whole, CRC_AT, calc_crc32c(bytes(whole[CHECKED_FROM:])))
    return bytes(whole)


def _spoil(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    kind = rng.random()
    if kind < 0.4:
        return sound(rng)
    spoilt = spoil_bytes(rng, data, others)
    if kind < 0.7:
        spoilt = data[:HEADER_BYTES] + spoil_bytes(rng, data[HEADER_BYTES:], others)
    return sealed(spoilt) if kind < 0.9 else spoilt


def _read(data: bytes) -> str:
    """Both readers give the same; each offset once, in order; reading ends behind what was read."""
    ours, end = _by_aiokafka(data)
    offsets = [offset for offset, *_ in ours]
    demand(offsets == sorted(set(offsets)), "offsets come once and in order")
    demand(all(offset < end for offset in offsets), "reading goes on behind what was read")
    theirs = _by_kafka_python(data)
    demand(theirs[: len(ours)] == ours[: len(theirs)], "both readers give the same")
    readable = sum(good for *_, good in ours)
    return f"{min(readable, 5)} read, {min(len(ours) - readable, 5)} not, {_kinds(data)}"


def _by_aiokafka(data: bytes) -> tuple[list[Seen], int]:
    """Through the fetcher's own loop, as a consumer of committed records."""
    records = PartitionRecords(None, FetchedBatches(data), [], -(2**63), None, None, True, READ_COMMITTED)
    records._consumer_record = lambda _tp, record: record
    seen = [_seen(record) for record in islice(records, MOST_READ)]
    demand(len(seen) < MOST_READ, "a few bytes are a few records")
    return seen, records.next_fetch_offset


def _by_kafka_python(data: bytes) -> list[Seen]:
    batches, seen, end = KafkaPythonBatches(data), [], -(2**63)
    while (each := batches.next_batch()) is not None:
        if not each.is_control_batch:
            seen += [_seen(record) for record in islice(each, MOST_READ) if record.offset >= end]
        end = each.next_offset
    return seen


def _seen(record: Any) -> Seen:
    return record.offset, record.key, record.value, not isinstance(record.value, Unreadable)


def _kinds(data: bytes) -> str:
    """Magic, codec and kind of the first batch, and whether its checksum is right."""
    if len(data) < HEADER_BYTES:
        return "cut"
    end = 12 + struct.unpack_from(">i", data, 8)[0]
    right = calc_crc32c(data[CHECKED_FROM:end]) == int.from_bytes(data[CRC_AT:CHECKED_FROM], "big")
    return f"magic {min(data[16], 3)}, codec {data[22] & 7}, kind {data[22] >> 4 & 3}, checksum {right}"
