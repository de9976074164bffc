"""Batches that aiokafka cannot parse: each offset gives one record, readable or not, and memory stays bounded."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable, Iterable

import cramjam
import pytest
from aiokafka.codec import snappy_encode
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.events import Unreadable
from stream_app.kafka_connection import inflate
from stream_app.kafka_connection.record_batches import FetchedBatches
from tests.builders.record_batches import batch as record_batch
from tests.builders.record_batches import framed

MIB = 1024 * 1024
NOT_UTF8 = b"\xff\xfe"


def batch(records: Iterable[bytes], codec: int = 0, body: bytes | None = None, base_offset: int = 100) -> bytes:
    return record_batch(records, codec, body, base_offset)


def read(fetched: bytes) -> list[tuple[int, bytes | None, bytes | None, bool]]:
    """Offset, key, value, and whether it could be read, of every record."""
    batches, records = FetchedBatches(fetched, MIB), []
    while batches.has_next():
        records += list(batches.next_batch())
    return [(record.offset, record.key, record.value, not isinstance(record.value, Unreadable)) for record in records]


GOOD, BAD = framed(0, b"k", b"first"), framed(1, b"k", b"second", [(NOT_UTF8, b"x")])


def test_a_header_name_that_is_not_utf8_costs_its_own_record_only() -> None:
    assert read(batch([GOOD, BAD, framed(2, b"k", b"third")])) == [
        (100, b"k", b"first", True), (101, b"k", b"second", False), (102, b"k", b"third", True),
    ]  # fmt: skip


@pytest.mark.parametrize("deltas", [(0, 0, 0), (2, 1, 0), (-1, 7, 2**31)], ids=["same", "backwards", "elsewhere"])
def test_a_record_that_its_producer_numbered_wrongly_has_the_offset_of_its_place(deltas: tuple[int, ...]) -> None:
    named = zip(deltas, (b"first", b"second", b"third"), strict=True)
    assert read(batch([framed(delta, b"k", value) for delta, value in named])) == [
        (100, b"k", b"first", True), (101, b"k", b"second", True), (102, b"k", b"third", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("codec", "compress"),
    [
        (1, gzip.compress), (2, snappy_encode), (2, cramjam.snappy.compress_raw), (3, cramjam.lz4.compress),
        (4, cramjam.zstd.compress),
    ],
    ids=["gzip", "snappy of Java", "snappy", "lz4", "zstd"],
)  # fmt: skip
@pytest.mark.parametrize("records", [[GOOD, framed(1, b"k", b"x" * 300_000)], [GOOD, BAD]], ids=["good", "bad header"])
def test_every_codec_is_read(codec: int, compress: Callable[[bytes], bytes], records: list[bytes]) -> None:
    compressed = batch(records, codec, bytes(compress(b"".join(records))))
    assert read(compressed) == read(batch(records))


def test_an_unknown_codec_is_unreadable_at_each_offset() -> None:
    assert [(offset, good) for offset, _, _, good in read(batch([GOOD, GOOD], 7))] == [(100, False), (101, False)]


def test_a_wrong_checksum_is_unreadable_at_each_offset_and_the_next_batch_is_read() -> None:
    broken = bytearray(batch([GOOD, framed(1, b"k", b"second")]))
    broken[-1] ^= 1
    records = read(bytes(broken) + batch([GOOD], base_offset=102))
    assert [(offset, good) for offset, _, _, good in records] == [(100, False), (101, False), (102, True)]


def test_the_first_unreadable_record_has_the_raw_bytes() -> None:
    body = b"no gzip at all"
    [first, second] = read(batch([GOOD, GOOD], 1, body))
    assert (first[2], second[2]) == (body, b"")


def test_broken_framing_leaves_what_stands_before_it() -> None:
    records = read(batch([GOOD, BAD, GOOD], body=GOOD + BAD + b"\x7f\x01"))
    assert [(offset, good) for offset, _, _, good in records] == [(100, True), (101, False), (102, False)]


def test_what_the_broker_cut_off_is_left_for_the_next_fetch() -> None:
    assert [offset for offset, *_ in read(batch([GOOD]) + batch([GOOD], base_offset=101)[:-1])] == [100]


@pytest.mark.parametrize("codec", [1, 3, 4])
def test_a_bomb_is_unreadable_and_costs_no_more_than_the_limit(codec: int) -> None:
    module = {1: cramjam.gzip, 3: cramjam.lz4, 4: cramjam.zstd}[codec]
    bomb = batch([GOOD], codec, bytes(module.compress(bytes(64 * MIB))))
    tracemalloc.start()
    try:
        [(offset, _, _, good)] = read(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (offset, good) == (100, False)
    assert peak < 3 * MIB


def test_snappy_states_its_length_and_is_refused_before_it_is_inflated() -> None:
    with pytest.raises(inflate.BatchUnreadable, match="more than"):
        inflate.inflate(bytes(cramjam.snappy.compress_raw(bytes(10_000))), 2, limit=9_999)


def test_what_aiokafka_writes_is_read_as_aiokafka_reads_it() -> None:
    builder = DefaultRecordBatchBuilder(2, 4, False, -1, -1, -1, 1_000_000)
    for number in range(50):
        builder.append(number, 1_000, b"key", b"value %d" % number, [("trace", b"1"), ("null", None)])
    assert [value for _, _, value, good in read(bytes(builder.build())) if good] == [b"value %d" % n for n in range(50)]


@settings(max_examples=500)
@given(st.data())
def test_whatever_the_bytes_each_offset_of_the_batch_comes_once_and_in_order(data: st.DataObject) -> None:
    """A batch with a right header and checksum, as the broker demands, over a body that is damaged anywhere."""
    records = [framed(delta, b"k", b"value", [(b"h", b"1")]) for delta in range(4)]
    body = bytearray(b"".join(records))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    codec = data.draw(st.sampled_from([0, 0, 1, 2, 3, 4, 5]))
    offsets = [offset for offset, *_ in read(batch(records, codec, bytes(body)))]
    assert offsets == sorted(set(offsets))
    assert set(range(100, 104)) >= set(offsets)
