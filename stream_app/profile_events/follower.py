"""Reads the topic of profiles, all partitions, from where the store stands, and stores what changed with the offsets.

No consumer group: the store itself says how far it is, so a restart loses nothing and repeats nothing, and a store that
was emptied is filled again. Two followers of one store do no harm: each stores only what follows on what is there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from stream_app.clients.store import ClientStore, Followed
from stream_app.errors import ClientStoreError, ClientStoreUnavailable
from stream_app.events import RawRecord
from stream_app.profile_events.changes import BadRecord, ProfileDecoder
from stream_app.profile_events.metrics import FollowerMetrics
from stream_app.runtime.log_throttle import LogThrottle
from stream_app.topics.specs import DELETIONS_KEPT_SECONDS

log = logging.getLogger(__name__)

MAX_RECORDS = 5_000
FETCH_WAIT_SECONDS = 0.5
ANSWER_SECONDS = 10.0
SAVE_SECONDS = 2.0
"""How often the store is told that it is current although nothing changed."""
RETRY_SECONDS = 1.0
REPEAT_SECONDS = 30.0
"""Between two log lines of the same fault."""
SHOWN_BAD_RECORDS = 5

Ends = Mapping[TopicPartition, int]


class Follower:
    """Keeps a store current. ``consumer``: a started aiokafka consumer without a group; ``clock``: Unix time."""

    def __init__(
        self,
        consumer: Any,
        topic: str,
        store: ClientStore,
        decoder: ProfileDecoder,
        metrics: FollowerMetrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._consumer, self._topic, self._store = consumer, topic, store
        self._decoder, self._metrics, self._clock = decoder, metrics, clock
        self._state: Followed | None = None
        self._assigned: set[TopicPartition] = set()
        self._saved_at = 0.0
        self._current_at = clock()
        self._is_current = False
        self._throttle = LogThrottle(REPEAT_SECONDS)
        metrics.seconds_behind.set_function(lambda: self.seconds_behind)

    @property
    def seconds_behind(self) -> float:
        """Since the store last held everything on the topic; of a store that never did, since the start."""
        return max(0.0, self._clock() - self._current_at)

    @property
    def is_current(self) -> bool:
        """Whether the store has held everything since the start."""
        return self._is_current

    async def run(self) -> None:
        """Until cancelled. A store or a broker that does not answer is tried again; other faults of the store raise."""
        while True:
            try:
                await self.step()
            except (ClientStoreUnavailable, KafkaError, OSError, TimeoutError) as fault:
                self._metrics.failed()
                what = fault.happened if isinstance(fault, ClientStoreUnavailable) else type(fault).__name__
                if self._throttle.now(what) is not None:
                    log.warning("profiles wait, it is tried again: %s", what)
                self._assigned = set()  # what was fetched and not stored comes again
                await asyncio.sleep(RETRY_SECONDS)

    async def step(self) -> None:
        """Read once and store what came. Raises ClientStoreError, KafkaError or TimeoutError, with nothing stored."""
        numbers = self._consumer.partitions_for_topic(self._topic)
        if not numbers:
            raise UnknownTopicOrPartitionError
        partitions = {TopicPartition(self._topic, number) for number in numbers}
        if partitions != self._assigned:
            await self._begin(partitions)
        asked_at = self._clock()
        async with asyncio.timeout(ANSWER_SECONDS):
            ends = await self._consumer.end_offsets(list(self._assigned))
        fetched = await self._consumer.getmany(timeout_ms=int(FETCH_WAIT_SECONDS * 1000), max_records=MAX_RECORDS)
        await self._store_records([record for records in fetched.values() for record in records], ends, asked_at)

    async def _begin(self, partitions: set[TopicPartition]) -> None:
        """Read from where the store stands; from the beginning what it does not know."""
        self._state = await asyncio.to_thread(self._store.followed)
        self._refuse_missed_deletions()
        self._consumer.assign(list(partitions))
        known = self._state.next_offsets if self._state else {}
        async with asyncio.timeout(ANSWER_SECONDS):
            firsts = await self._consumer.beginning_offsets(list(partitions))
            ends = await self._consumer.end_offsets(list(partitions))
        for tp in partitions:
            offset = known.get(tp.partition, firsts[tp])
            if offset > ends[tp]:
                log.warning("%s was made anew: partition %d is read from its beginning", self._topic, tp.partition)
                offset = firsts[tp]
            self._consumer.seek(tp, max(offset, firsts[tp]))
        self._assigned = partitions
        log.info("following %s: %d partitions", self._topic, len(partitions))

    def _refuse_missed_deletions(self) -> None:
        current_at = self._state.current_at if self._state else 0.0
        if current_at and self._clock() - current_at > DELETIONS_KEPT_SECONDS:
            days = DELETIONS_KEPT_SECONDS // 86_400
            raise ClientStoreError(
                f"The client store was last current more than {days} days ago: deletions since then may be missed.",
                kept="The store was left as it is.",
                do_next="Follow into a new store, and have the scorers read that one.",
            )

    async def _store_records(self, records: list[RawRecord], ends: Ends, asked_at: float) -> None:
        changes, bad = self._decoder.changes(records)
        positions = {tp: await self._consumer.position(tp) for tp in self._assigned}
        is_current = all(positions[tp] >= end for tp, end in ends.items())
        after = await self._after({tp.partition: offset for tp, offset in positions.items()}, is_current, asked_at)
        if records or self._clock() - self._saved_at >= SAVE_SECONDS or (is_current and not self._is_current):
            if not await asyncio.to_thread(self._store.follow, changes, self._state, after):
                log.warning("the client store was emptied or is followed by another process: it is read anew")
                self._assigned = set()
                return
            self._state, self._saved_at = after, self._clock()
        self._metrics.stored(changes, bad)
        _log_bad(self._topic, bad)
        self._metrics.set_lag(sum(max(0, end - positions[tp]) for tp, end in ends.items()))
        if is_current:
            self._current_at, self._is_current = asked_at, True

    async def _after(self, next_offsets: dict[int, int], is_current: bool, asked_at: float) -> Followed:
        before = self._state
        if before is None:
            before = Followed(filling=await asyncio.to_thread(self._store.count) == 0)
        current_at = asked_at if is_current else before.current_at
        filling = before.filling and not is_current
        return msgspec.structs.replace(before, next_offsets=next_offsets, current_at=current_at, filling=filling)


def _log_bad(topic: str, bad: list[BadRecord]) -> None:
    for partition, offset, fault in bad[:SHOWN_BAD_RECORDS]:
        log.warning("%s: the record at partition %d, offset %d changed nothing: %s", topic, partition, offset, fault)
    if len(bad) > SHOWN_BAD_RECORDS:
        log.warning("%s: %d more records of this fetch changed nothing", topic, len(bad) - SHOWN_BAD_RECORDS)
