"""Stores what a poll brought, together with its offsets, in one transaction.

The store is the state. Its offsets, not the broker's, decide where to read on: what a transaction did not store is
read again, what it stored is not. While the store does not answer, the poll waits and nothing is committed.

A monitor whose partitions were assigned to another, and which does not know yet because it was stopped or cut off, may
store once more what it had in hand. That changes nothing: the other reads on from the offsets in the same store, the
first decision on a request stays, no offset goes back, and whether a decision is late follows from its partition.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Protocol, TypeVar

from monitoring.decode import Clocking, Incoming, Parse, Partition, read_runs
from monitoring.event_time import EventClock
from monitoring.log_lines import LogLines
from monitoring.metrics.monitor import MonitorMetrics
from monitoring.store import DecisionStore, Put, Stored
from stream_app.errors import RegistryUnavailable, StoreUnavailable
from stream_app.events import Offsets, TopicPartition
from stream_app.runtime.background import Supervise
from stream_app.transport import Assignment, AssignmentRevoked, OutOfRange, Poll

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 10.0


class Progress(Protocol):
    """Records each transaction; readiness follows from it."""

    def committed(self) -> None: ...


class RecordIngest:
    """Polls into the store, in order. A :class:`~stream_app.transport.SeekListener` that keeps its own offsets."""

    def __init__(
        self,
        store: DecisionStore,
        decisions_topic: str,
        clocking: Callable[[], Clocking],
        metrics: MonitorMetrics,
        progress: Progress,
        log_lines: LogLines,
        supervise: Supervise,
        parse: Parse | None = None,
    ) -> None:
        """``clocking``: what makes a decision late or ahead now. ``supervise``: ends the process on other errors.
        ``parse``: None for JSON.
        """
        self._parse = parse or Parse()
        self._store, self._decisions, self._clocking = store, decisions_topic, clocking
        self._metrics, self._progress, self._log_lines, self._supervise = metrics, progress, log_lines, supervise
        self._assignment = Assignment()
        self._clocks: dict[Partition, EventClock] = {}
        self.next_offsets: dict[TopicPartition, int] = {}
        """The offset each partition assigned now is read from next."""

    async def before_seek(self, assignment: Assignment) -> Offsets:
        """The store's offsets; a partition it does not know is read from its beginning. Raises AssignmentRevoked."""
        self._assignment = assignment
        known = await self._supervise(self._until_answered(assignment, lambda: asyncio.to_thread(self._store.offsets)))
        if known is None:
            raise AssignmentRevoked("The partitions were revoked before the decision store answered.")
        self._clocks = {partition: EventClock(offset.latest_us) for partition, offset in known.items()}
        return {TopicPartition(*partition): offset.next_offset for partition, offset in known.items()}

    def after_seek(self, committed: Mapping[TopicPartition, int | None]) -> None:
        self.next_offsets = {tp: offset or 0 for tp, offset in committed.items()}

    async def before_revocation(self) -> None:
        """Nothing waits: a poll is stored with its offsets."""

    def after_revocation(self) -> None:
        self.next_offsets = {}

    async def handle(self, poll: Poll) -> None:
        """Store every record of one poll, or, when the partitions are revoked before the store answers, none."""
        if poll.admit():
            with poll.assignment.batch_in_hand():
                await self._handle(poll)

    async def read_on(self, found: OutOfRange) -> None:
        """Store where reading goes on, if everything before is stored; else the poll in hand does."""
        if self.next_offsets.get(found.partition, found.position) < found.position:
            return
        store = partial(asyncio.to_thread, self._store.read_on, found.partition, found.first)
        await self._supervise(self._until_answered(self._assignment, store))
        if found.partition in self.next_offsets:
            self.next_offsets[found.partition] = found.first

    async def _handle(self, poll: Poll) -> None:
        runs = {(tp.topic, tp.partition): run for tp, run in poll.runs.items()}
        clocking = self._clocking()
        read = partial(read_runs, runs, self._decisions, self._clocks, clocking, self._parse)
        incoming = await self._until_answered(poll.assignment, lambda: asyncio.to_thread(read))
        if incoming is None:
            return
        put = Put(incoming.decisions, incoming.labels, incoming.offsets, clocking.size)
        stored = await self._until_answered(poll.assignment, lambda: asyncio.to_thread(self._store.put, put))
        if stored is None:
            return
        self._report(incoming, stored)
        if poll.assignment.epoch == poll.epoch:  # else they are another's by now, or read from elsewhere
            self._advance(incoming)

    def _advance(self, incoming: Incoming) -> None:
        for partition, offset in incoming.offsets.items():
            self.next_offsets[TopicPartition(*partition)] = offset.next_offset
            self._clocks[partition] = EventClock(offset.latest_us)

    async def _until_answered(self, assignment: Assignment, ask: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """Ask store or schema registry until it answers; None when the partitions are revoked before it does."""
        for pause_seconds in _pauses():
            try:
                return await ask()
            except StoreUnavailable as fault:
                self._metrics.store_failed()
                self._log_lines.log("store", logging.WARNING, str(fault))
            except RegistryUnavailable as fault:
                self._log_lines.log("registry", logging.WARNING, str(fault))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(assignment.revoked.wait(), pause_seconds)
                return None
        return None

    def _report(self, incoming: Incoming, stored: Stored) -> None:
        self._progress.committed()
        self._metrics.committed(time.time())
        self._metrics.stored(stored)
        self._metrics.ahead(incoming.ahead)
        self._metrics.unreadable(incoming.unreadable)
        self._metrics.unknown_model(
            self._log_lines.count_unknown_models(row.model_version for row in incoming.decisions)
        )
        self._log_lines.log_poll(incoming, stored)


def _pauses() -> Iterator[float]:
    """Seconds between two tries: the first, twice as many, and so on up to the longest, for ever."""
    pause_seconds = FIRST_PAUSE_SECONDS
    while True:
        yield pause_seconds
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
