"""The newest decisions of some partitions, read back from the decision topic: what they decided, and when."""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream_app.events import RawRecord
from stream_app.steps.deduplicate import UNKNOWN_FINGERPRINT, PastDecision
from stream_app.steps.encode import FINGERPRINT_HEADER

MAX_RECORDS = 5_000
FETCH_BYTES = 4 * 1024 * 1024  # of one partition at once
FETCH_WAIT_SECONDS = 0.05
STOP_SECONDS = 5.0
REQUEST_SECONDS = 10.0
"""A broker that went silent is left for another by then; aiokafka waits 40 s, most of what recalling may take."""

Named = tuple[int, str, PastDecision]
"""A decision's offset, request id, and what is remembered of it."""

Found = dict[TopicPartition, list[Named]]
Spans = dict[TopicPartition, tuple[int, int]]
"""First offset, and the one after the last."""


class _Decided(msgspec.Struct, gc=False):
    """What the memory needs of a decision; msgspec skips the rest."""

    request_id: str
    decided_at: dt.datetime


_decode = msgspec.json.Decoder(_Decided).decode


class Tail:
    """Reads the newest ``most`` decisions of partitions, fewer where there are no more.

    ``quiet_seconds``: a broker's end offset may be too low (Tansu gives the first record of the last batch), so the
    reading ends when nothing came for so long; 0 where the broker is exact.
    """

    def __init__(
        self, bootstrap: str, topic: str, *, most: int, fetch_wait_seconds: float, quiet_seconds: float
    ) -> None:
        self._bootstrap, self._topic, self._most = bootstrap, topic, most
        self._fetch_wait = min(fetch_wait_seconds, FETCH_WAIT_SECONDS)
        self._quiet = quiet_seconds

    async def read(self, partitions: Iterable[int]) -> dict[int, list[Named]]:
        """By partition, oldest first. Raises KafkaError; waits for a broker that is away."""
        wanted = [TopicPartition(self._topic, number) for number in partitions]
        if not wanted:
            return {}
        async with self._consumer(wanted) as consumer:
            found = await self._newest(consumer, wanted)
        return {tp.partition: found[tp] for tp in wanted}

    async def _newest(self, consumer: Any, wanted: list[TopicPartition]) -> Found:
        """From the ends backwards: transaction markers and compacted records take offsets and are no decisions."""
        firsts, ends = await asyncio.gather(consumer.beginning_offsets(wanted), consumer.end_offsets(wanted))
        spans = {tp: (max(firsts[tp], ends[tp] - self._most), ends[tp]) for tp in wanted}
        found = await self._read(consumer, spans)
        while self._quiet and await _fetch(consumer, wanted, found, self._quiet):
            pass
        while spans := self._before(spans, firsts, found):
            for tp, earlier in (await self._read(consumer, spans)).items():
                found[tp] = [each for each in earlier if each[0] < spans[tp][1]] + found[tp]
        return found

    def _before(self, spans: Spans, firsts: Mapping[TopicPartition, int], found: Found) -> Spans:
        """Where to read on in partitions that have still fewer than wanted: twice as far as would do without gaps."""
        return {
            tp: (max(firsts[tp], start - 2 * (self._most - len(found[tp]))), start)
            for tp, (start, _) in spans.items()
            if start > firsts[tp] and len(found[tp]) < self._most
        }

    async def _read(self, consumer: Any, spans: Spans) -> Found:
        """The decisions from the start to the end of each span, perhaps some beyond."""
        found: Found = {tp: [] for tp in spans}
        for tp, (start, _) in spans.items():
            consumer.seek(tp, start)
        while left := [tp for tp, (_, end) in spans.items() if await consumer.position(tp) < end]:
            await _fetch(consumer, left, found, FETCH_WAIT_SECONDS)
        return found

    @contextlib.asynccontextmanager
    async def _consumer(self, partitions: list[TopicPartition]) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=int(self._fetch_wait * 1000),
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
        )
        consumer.assign(partitions)
        try:
            await consumer.start()
            await asyncio.sleep(0)  # its tasks must have begun: stopped before that, it raises their CancelledError
            yield consumer
        finally:
            with contextlib.suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(STOP_SECONDS):  # it waits for a broker that is away
                    await consumer.stop()


async def _fetch(consumer: Any, partitions: list[TopicPartition], found: Found, wait_seconds: float) -> bool:
    """Add what comes within the time; whether anything did."""
    fetched = await consumer.getmany(*partitions, timeout_ms=int(wait_seconds * 1000), max_records=MAX_RECORDS)
    for tp, records in fetched.items():
        found[tp] += filter(None, map(_named, records))
    return bool(fetched)


def _named(record: RawRecord) -> Named | None:
    """None for a record that is no decision: it names no id that could be taken twice."""
    try:
        decided = _decode(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return record.offset, decided.request_id, PastDecision(_digest(record), decided.decided_at.timestamp())


def _digest(record: RawRecord) -> bytes:
    """Unknown for a decision of a version that did not tell it."""
    try:
        return binascii.unhexlify(dict(record.headers).get(FINGERPRINT_HEADER) or UNKNOWN_FINGERPRINT)
    except binascii.Error:
        return UNKNOWN_FINGERPRINT
