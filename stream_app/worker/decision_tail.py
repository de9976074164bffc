"""Reads the newest decisions of partitions back from the decision topic: request id, fingerprint and time of each."""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_app.events import RawRecord
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.kafka_connection.record_batches import read_every_batch
from stream_app.kafka_connection.stopping import stop_client
from stream_app.steps.deduplicate import UNKNOWN_FINGERPRINT, PastDecision
from stream_app.steps.encode import FINGERPRINT_HEADER

MAX_RECORDS = 5_000
FETCH_BYTES = 4 * 1024 * 1024  # of one partition at once
FETCH_WAIT_SECONDS = 0.05
STOP_SECONDS = 5.0
REQUEST_SECONDS = 10.0
"""After so long another broker is asked. aiokafka's 40 s are most of the time a worker has for the whole."""

DecisionsByPartition = dict[int, list[tuple[str, PastDecision]]]
"""Request ids and their decisions, the oldest first."""

_Offset = int
_Decisions = dict[TopicPartition, list[tuple[_Offset, str, PastDecision]]]
_Spans = dict[TopicPartition, tuple[_Offset, _Offset]]
"""From the first offset to before the second."""


class _DecisionFields(msgspec.Struct, gc=False):
    """The fields of a decision that are needed here; msgspec skips the rest."""

    request_id: str
    decided_at: dt.datetime


class DecisionTail:
    """Reads the newest ``most`` decisions of each partition, or all if there are fewer.

    ``quiet_seconds``: a broker's end offset may be too low (Tansu's is the first of the last batch), so that reading
    goes on until nothing came for so long; 0 where the end offset is exact.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topic: str,
        *,
        most: int,
        fetch_wait_seconds: float,
        quiet_seconds: float,
        decisions: Format = JSON,
    ) -> None:
        self._connection, self._topic, self._most = connection, topic, most
        self._fetch_wait = min(fetch_wait_seconds, FETCH_WAIT_SECONDS)
        self._quiet = quiet_seconds
        self._decode = decisions.decoder(_DecisionFields)

    async def read(self, partitions: Iterable[int]) -> DecisionsByPartition:
        """Raises KafkaError or RegistryError; waits for a broker that is away."""
        wanted = [TopicPartition(self._topic, number) for number in partitions]
        if not wanted:
            return {}
        async with self._consumer(wanted) as consumer:
            newest = await self._newest(consumer, wanted)
        return {tp.partition: [(request_id, past) for _, request_id, past in newest[tp]] for tp in wanted}

    async def _newest(self, consumer: Any, wanted: list[TopicPartition]) -> _Decisions:
        """From the ends backwards: transaction markers and compacted records take offsets and are no decisions."""
        firsts, ends = await asyncio.gather(consumer.beginning_offsets(wanted), consumer.end_offsets(wanted))
        spans = {tp: (max(firsts[tp], ends[tp] - self._most), ends[tp]) for tp in wanted}
        decisions = await self._read(consumer, spans)
        while self._quiet and await self._fetch(consumer, wanted, decisions, self._quiet):
            pass
        while spans := self._before(spans, firsts, decisions):
            for tp, earlier in (await self._read(consumer, spans)).items():
                decisions[tp] = [decision for decision in earlier if decision[0] < spans[tp][1]] + decisions[tp]
        return decisions

    def _before(self, spans: _Spans, firsts: Mapping[TopicPartition, int], decisions: _Decisions) -> _Spans:
        """Where to read on in partitions with too few decisions: twice as far back as would do without gaps."""
        return {
            tp: (max(firsts[tp], start - 2 * (self._most - len(decisions[tp]))), start)
            for tp, (start, _) in spans.items()
            if start > firsts[tp] and len(decisions[tp]) < self._most
        }

    async def _read(self, consumer: Any, spans: _Spans) -> _Decisions:
        """The decisions of each span, perhaps some beyond its end."""
        decisions: _Decisions = {tp: [] for tp in spans}
        for tp, (start, _) in spans.items():
            consumer.seek(tp, start)
        while unread := [tp for tp, (_, end) in spans.items() if await consumer.position(tp) < end]:
            await self._fetch(consumer, unread, decisions, FETCH_WAIT_SECONDS)
        return decisions

    async def _fetch(
        self, consumer: Any, partitions: list[TopicPartition], decisions: _Decisions, wait_seconds: float
    ) -> bool:
        """Add what comes within the time; whether any record did."""
        fetched = await consumer.getmany(*partitions, timeout_ms=int(wait_seconds * 1000), max_records=MAX_RECORDS)
        for tp, records in fetched.items():
            for record in records:
                try:
                    decision = self._decode(record.value or b"")
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue  # no decision: it names no id that could be decided twice
                past = PastDecision(_fingerprint(record), decision.decided_at.timestamp())
                decisions[tp].append((record.offset, decision.request_id, past))
        return bool(fetched)

    @contextlib.asynccontextmanager
    async def _consumer(self, partitions: list[TopicPartition]) -> AsyncIterator[AIOKafkaConsumer]:
        read_every_batch(self._connection.max_inflated_bytes)
        consumer = AIOKafkaConsumer(
            **self._connection.for_aiokafka(),
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
            await stop_client(consumer.stop(), STOP_SECONDS)


def _fingerprint(record: RawRecord) -> bytes:
    """Of the request, from the decision's header. Versions before it existed wrote none."""
    try:
        return binascii.unhexlify(dict(record.headers).get(FINGERPRINT_HEADER) or UNKNOWN_FINGERPRINT)
    except binascii.Error:
        return UNKNOWN_FINGERPRINT
