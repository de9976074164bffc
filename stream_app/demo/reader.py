"""Reads decisions and rejections and books each under the request that its headers name."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from aiokafka import AIOKafkaConsumer

from stream_app.demo.kafka_clients import Activity
from stream_app.demo.reconciliation import Answer, Ledger, Position
from stream_app.events import RawRecord
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON
from stream_app.tables.messages import DECISION

MAX_RECORDS = 4_096


class _Decision(msgspec.Struct, gc=False):
    """What the accounts need of a decision; msgspec skips the rest."""

    request_id: str
    outcome: str
    probability_of_default: float


_decode = msgspec.json.Decoder(_Decision).decode

FROM_THE_GATEWAY = "reply-to"
"""A header of requests that came through the gateway, and of their answers: they are not the replay's."""


def answer_of(record: RawRecord, read_at: float, decisions: Format = JSON) -> tuple[Position, Answer]:
    """The position of the request this output answers, and the answer, read at ``read_at``."""
    headers = dict(record.headers)
    position = int(headers["source-partition"]), int(headers["source-offset"])
    if reason := headers.get("rejection-reason"):
        return position, Answer(read_at, reason.decode())
    decision = _decode(decisions.to_json(record.value or b""))
    return position, Answer(read_at, DECISION, decision.request_id, decision.outcome, decision.probability_of_default)


def is_of_the_replay(record: RawRecord) -> bool:
    """Whether this output answers a request of the demo, not of somebody who uses the dashboard meanwhile."""
    return all(name != FROM_THE_GATEWAY for name, _ in record.headers)


class Reader:
    """Books every answer of the replay that it reads; the time of reading is the time of the whole fetch."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        ledger: Ledger,
        activity: Activity,
        clock: Callable[[], float] = time.monotonic,
        decisions: Format = JSON,
    ) -> None:
        self._decisions = decisions
        self._consumer, self._ledger, self._activity, self._clock = consumer, ledger, activity, clock

    async def read_on(self) -> None:
        """Read until cancelled."""
        while True:
            await self._read_fetch(timeout_ms=1_000)

    async def read_rest(self) -> None:
        """Read to the ends of the topics: once the scorer has ended, nothing is added.

        Tansu reports the first record of the last batch as the end; the rest of that batch is read until none is left.
        """
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        for partition, end in ends.items():
            while await self._consumer.position(partition) < end:
                await self._read_fetch(timeout_ms=200)
        while await self._read_fetch(timeout_ms=200):
            pass

    async def _read_fetch(self, timeout_ms: int) -> bool:
        """Book what the next fetch brings; whether it brought anything."""
        fetched = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=MAX_RECORDS)
        read_at = self._clock()
        for records in fetched.values():
            for record in filter(is_of_the_replay, records):
                self._ledger.answered(*answer_of(record, read_at, self._decisions))
        if fetched:
            self._activity.notify()
        return bool(fetched)
