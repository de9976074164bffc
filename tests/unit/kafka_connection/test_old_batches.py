"""Message formats 0 and 1, transaction markers, and headers that lie: nothing stops a reader, in either library."""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import Any

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from cramjam import lz4, snappy

from stream_app.events import Unreadable
from stream_app.kafka_connection.kafka_python_batches import KafkaPythonBatches
from stream_app.kafka_connection.record_batches import FetchedBatches
from stream_app.kafka_connection.records import MOST_RECORDS
from tests.builders.record_batches import batch, framed
from tests.fuzz.batches import CONTROL, TRANSACTIONAL, sealed

Read = list[tuple[int, bytes | None, bool]]


def message(offset: int, key: bytes | None, value: bytes | None, magic: int = 1, codec: int = 0) -> bytes:
    checked = struct.pack(">bb", magic, codec) + (struct.pack(">q", 1_000) if magic else b"")
    for field in (key, value):
        checked += struct.pack(">i", -1 if field is None else len(field)) + (field or b"")
    return struct.pack(">qiI", offset, len(checked) + 4, zlib.crc32(checked)) + checked


def fetched(data: bytes, aborted: list[Any] | None = None) -> tuple[Read, int]:
    """What aiokafka's own loop hands on of it, and where it reads on."""
    records = PartitionRecords(None, FetchedBatches(data), aborted or [], 0, None, None, True, READ_COMMITTED)
    records._consumer_record = lambda _tp, record: record
    return [(r.offset, r.value, not isinstance(r.value, Unreadable)) for r in records], records.next_fetch_offset


@pytest.mark.parametrize("magic", [0, 1])
def test_what_aiokafka_writes_in_an_old_format_is_read(magic: int) -> None:
    builder = LegacyRecordBatchBuilder(magic, 0, 10_000)
    for offset in range(3):
        builder.append(offset, 1_000, b"k", b"%d" % offset)
    assert fetched(bytes(builder.build())) == ([(0, b"0", True), (1, b"1", True), (2, b"2", True)], 3)


@pytest.mark.parametrize(("codec", "compress"), [(1, gzip.compress), (2, snappy.compress_raw), (3, lz4.compress)])
def test_compressed_messages_of_format_1_have_the_offsets_up_to_their_wrappers(codec: int, compress: Any) -> None:
    inner = message(0, b"k", b"first") + message(1, b"k", None)
    assert fetched(message(7, None, bytes(compress(inner)), codec=codec)) == ([(6, b"first", True), (7, None, True)], 8)


@pytest.mark.parametrize(
    "odd",
    [
        message(5, b"k", b"v")[:-1] + b"!",
        message(5, None, b"no gzip", codec=1),
        message(5, None, gzip.compress(b""), codec=1),
        message(5, None, gzip.compress(message(0, None, gzip.compress(message(0, b"k", b"v")), codec=1)), codec=1),
        message(5, None, gzip.compress(message(9, b"k", b"v") + message(3, b"k", b"v")), codec=1),
        struct.pack(">qi", 5, 14) + b"\0" * 14,
    ],
    ids=["checksum", "no gzip", "empty", "nested", "offsets", "no fields"],
)
def test_an_odd_message_is_unreadable_at_its_offset_and_the_next_is_read(odd: bytes) -> None:
    (first, second), end = fetched(odd + message(6, b"k", b"v"))
    assert (first[0], first[2], second, end) == (5, False, (6, b"v", True), 7)


def test_a_length_at_which_aiokafkas_parser_raises_is_unreadable() -> None:
    lying = struct.pack(">qi", 5, 22) + b"\0" * 6 + struct.pack(">ii", -5, -2_000_000_000) + b"\0" * 8
    assert [record[2] for record in fetched(lying)[0]] == [False]


def marker(content: bytes, base_offset: int = 1) -> bytes:
    made = bytearray(batch([framed(0, content, b"")] if content else [], base_offset=base_offset))
    made[22] |= CONTROL | TRANSACTIONAL
    made[43:51] = bytes(7) + b"\x09"  # the producer's id
    made[23:27] = bytes(4)  # compaction keeps the last offset
    return sealed(made)


def transactional(value: bytes, base_offset: int) -> bytes:
    made = bytearray(batch([framed(0, b"k", value)], base_offset=base_offset))
    made[22] |= TRANSACTIONAL
    made[43:51] = bytes(7) + b"\x09"
    return sealed(made)


@pytest.mark.parametrize("content", [bytes(4), b"", b"\0"], ids=["sound", "emptied by compaction", "damaged"])
def test_a_marker_ends_an_aborted_transaction_whatever_is_in_it(content: bytes) -> None:
    data = transactional(b"aborted", 0) + marker(content) + transactional(b"committed", 2)
    assert fetched(data, aborted=[(9, 0)]) == ([(2, b"committed", True)], 3)
    batches = KafkaPythonBatches(data)
    assert [batches.next_batch().is_control_batch for _ in range(3)] == [False, True, False]


def test_a_header_that_claims_more_offsets_than_any_batch_has_costs_one_record() -> None:
    lying = bytearray(batch([framed(0, b"k", b"v")], body=b"?"))
    lying[23:27] = (2**31 - 1).to_bytes(4, "big")
    lying[-1] ^= 1
    [(offset, _, good)], end = fetched(bytes(lying))
    assert (offset, good, end) == (0, False, 2**31)
    [record] = FetchedBatches(bytes(lying)).next_batch()
    assert record.value.fault == f"The batch's checksum does not match. It stands for {2**31:,} offsets from 0."
    assert MOST_RECORDS < 2**31


def test_a_negative_last_offset_never_leads_back() -> None:
    lying = bytearray(batch([framed(0, b"k", b"v")], base_offset=5))
    lying[23:27] = (-3 & 0xFFFFFFFF).to_bytes(4, "big")
    assert fetched(sealed(lying))[1] == 6


def test_a_batch_out_of_place_never_leads_back() -> None:
    assert fetched(batch([framed(0, b"k", b"v")], base_offset=5) + batch([framed(0, b"k", b"v")]))[1] == 6


@pytest.mark.parametrize("length", [-1, 0, 4, -(2**31)])
def test_a_length_that_is_none_ends_the_fetch_with_one_unreadable_record(length: int) -> None:
    lying = bytearray(batch([framed(0, b"k", b"v")]))
    struct.pack_into(">i", lying, 8, length)
    [(offset, _, good)], end = fetched(bytes(lying) + batch([framed(0, b"k", b"v")], base_offset=1))
    assert (offset, good, end) == (0, False, 1)
