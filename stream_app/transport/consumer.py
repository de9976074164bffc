"""Faust's consumer, on the event loop: makes events of whole polls, and fences before it seeks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, cast

from aiokafka.errors import CommitFailedError, IllegalStateError, TopicAuthorizationFailedError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode import Service

from stream_app.errors import RecordsLost, trace_of
from stream_app.events import Offsets, TopicPartition
from stream_app.kafka_rights import right_taken
from stream_app.runtime.background import exit_process
from stream_app.runtime.library_logs import SERVICES
from stream_app.runtime.readiness import Membership
from stream_app.transactions.requests import Member
from stream_app.transport.assignment import Assignment, by_topic
from stream_app.transport.counterparts import Counterparts
from stream_app.transport.faust_workarounds import NoReadWatermark
from stream_app.transport.log_bounds import OutOfRange
from stream_app.transport.membership import LOOK_SECONDS, refused
from stream_app.transport.poll import Poll, PollNumbers
from stream_app.transport.thread import BatchThread, FetchState

log = logging.getLogger(__name__)


class BatchConsumer(driver.Consumer):
    """A Faust consumer whose events are whole polls of the batch topics."""

    logger = SERVICES
    _thread: BatchThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._options = cast(Any, self.transport).options
        self._listener = cast(Any, self.transport).listener
        self._read_offset = NoReadWatermark(self._options.topics)
        self._seeking = asyncio.Lock()
        self._assignment = Assignment()
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._counterparts = Counterparts(self._options.counterparts)
        self._waiting: Poll | None = None
        self._numbers = PollNumbers()

    def _new_consumer_thread(self) -> BatchThread:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
        read: Any = self._counterparts.with_counterpart(active_partitions)
        if not read:  # to ask for no partition is to ask for all
            await self.sleep(timeout)
            return {}
        try:
            fetched = await self._thread.getmany(read, timeout)
        except TopicAuthorizationFailedError:
            cast(Any, self.app).on_fault(right_taken())  # Faust would log a stack trace first
            raise
        if not fetched:  # the flow was stopped before the thread looked
            return {}
        records, epoch, out_of_range = cast("tuple[Any, int, list[OutOfRange]]", fetched)
        for found in out_of_range:
            await self._report(found)
        if epoch != self._assignment.epoch:
            async with self._seeking:
                pass  # no poll goes on before the seek that fetched it is over
        runs = {TopicPartition(*tp): run for tp, run in records.items() if tp.topic in self._options.topics}
        others = {tp: run for tp, run in records.items() if tp.topic not in self._options.topics}
        if not runs:
            return others
        poll = Poll(runs, self._assignment, epoch, self._numbers.next_in(epoch))
        if self._waiting is not None and self._waiting.absorb(poll, self.app.conf.broker_max_poll_records):
            return others
        self._waiting = poll
        return {**others, poll.first[0]: [poll]}

    async def _report(self, found: OutOfRange) -> None:
        """If that is to be the end, the batch in hand is still delivered."""
        try:
            await cast(Any, self.transport).on_out_of_range(found)
        except RecordsLost as fault:
            await self._settle()
            cast(Any, self.app).on_fault(fault)  # raised here, Faust would log where

    async def _wait_next_records(self, timeout: float) -> Any:
        """Wait for the flow to go on: Faust would answer its stop with a seek, in the middle of a rebalance."""
        while True:
            records = await super()._wait_next_records(timeout)
            if self.flow_active or self.should_stop:
                return records

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, Poll):
            return super()._to_message(tp, record)
        message = super()._to_message(tp, record.first[1])
        message.key, message.value, message.headers = None, cast(Any, record), []  # Faust passes values on untouched
        return message

    def on_buffer_full(self, tp: TP) -> None:
        """Do not pause the partition a poll happens to travel under: the full queue already stops the fetching."""
        if tp.topic not in self._options.topics:
            super().on_buffer_full(tp)

    async def perform_seek(self) -> None:
        """Fence, then read the committed offsets, then seek. Faust seeks from nowhere else; lanes in doubt do.

        Whoever awaits it may be cancelled; the seek goes on all the same, since half a seek would be none. Raises
        AssignmentRevoked while the group rebalances: to seek is to fence, and the partitions may be another's by now.
        """
        assignment = self._assignment
        seek = asyncio.ensure_future(self._seek_once(assignment))
        seek.add_done_callback(self._log_failure)
        await asyncio.shield(seek)
        assignment.require()

    def request_seek(self) -> None:
        """Have Faust seek and fetch again, unless a seek is under way.

        Faust abandons a seek when another rebalance begins meanwhile, and after a broker was frozen for minutes no
        other seek came: the worker owned partitions and read nothing.
        """
        if not self._seeking.locked():
            recovery = cast(Any, self.app.tables).recovery
            recovery._generation_id = self.app.consumer_generation_id  # Faust passes over one of another generation
            recovery.signal_recovery_start.set()

    async def _seek_once(self, assignment: Assignment) -> None:
        async with self._seeking:
            assignment.require()
            assignment.end_epoch()
            await self._leave_out_those_without_counterpart(assignment)
            # A batch of the old epoch that was delivered after the committed offset is read would be decided again.
            await assignment.quiet()
            assignment.require()
            kept = await self._listener.before_seek(assignment)
            committed, epoch = await self._thread.call_thread(self._thread.seek_all, kept)
            self._read_offset.update(dict.fromkeys(committed))  # what comes now may have been read before
            assignment.require()
            assignment.begin_epoch(epoch)
            ours = assignment.partitions or frozenset()
            self._listener.after_seek({tp: offset for tp, offset in committed.items() if tp in ours})
            log.info("reading %s", by_topic(ours) or "nothing: a spare in the group")

    async def _leave_out_those_without_counterpart(self, assignment: Assignment) -> None:
        """No lane is opened for them, nothing of them fetched."""
        if not self._counterparts.topics:
            return
        await self._thread.call_thread(self._thread.watch_topics, self._counterparts.topics)
        self._counterparts.take(self.partition_counts(self._counterparts.topics))
        assignment.partitions = self._counterparts.with_counterpart(self._assigned)

    def partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        """How many partitions these topics have, those left out of which nothing is known (yet)."""
        return self._thread.partition_counts(topics) if self._thread._consumer is not None else {}

    def needs_other_partitions(self) -> bool:
        """Whether topics of outputs have grown, or were made anew smaller, since the last seek."""
        return self._counterparts.changed(self.partition_counts(self._counterparts.topics))

    def _log_failure(self, seek: asyncio.Future[None]) -> None:
        """Of a seek that perhaps no task awaits any more."""
        fault = None if seek.cancelled() else seek.exception()
        if not (fault is None or isinstance(fault, IllegalStateError) or self.app.should_stop):
            log.warning("a seek failed: %s", trace_of(fault))

    async def wait_empty(self) -> None:
        """Wait for the batch in hand, too: Faust, which calls this before a rebalance or a stop, knows only acks."""
        await self._settle()
        await super().wait_empty()

    async def _settle(self) -> None:
        await self._assignment.settle()
        await self._listener.before_revocation()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish the batch in hand while its offsets can still be committed, then own nothing."""
        self._assignment.revoked.set()
        if self.app.should_stop:
            await self._settle()  # Faust, which has it settled otherwise, skips everything when it stops
        await super().on_partitions_revoked(revoked)
        self._assignment = self._assignment.end()
        self._listener.after_revocation()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Note the partitions before Faust seeks."""
        topics = self._options.topics
        self._assigned = frozenset(TopicPartition(*tp) for tp in assigned if tp.topic in topics)
        self._assignment.partitions = self._counterparts.with_counterpart(self._assigned)
        await super().on_partitions_assigned(assigned, generation_id)

    async def commit_offsets(self, offsets: Offsets) -> bool:
        """Commit explicitly. False: the group rebalanced; whoever owns the records now fetches them again."""
        try:
            await self._thread.call_thread(self._thread.commit_offsets, offsets)
        except (CommitFailedError, IllegalStateError):
            return False
        return True

    async def commit_read_on(self, found: OutOfRange) -> None:
        """Commit where reading goes on, if all before is committed: else each start would meet the same gap again."""
        committed = await self._thread.call_thread(self._thread.committed, found.partition)
        if committed is not None and committed >= found.position:
            await self.commit_offsets({found.partition: found.first})

    def fetch_states(self) -> dict[TopicPartition, FetchState]:
        """Each assigned partition as of its last fetch; empty before the consumer runs."""
        return self._thread.fetch_states() if self._thread._consumer is not None else {}

    def member(self) -> Member:
        """Who this worker is in its group, for the commits of the assignment in hand."""
        return self._thread.member()

    def membership(self) -> Membership:
        """How this worker stands with its consumer group."""
        if not self._thread.knows_its_coordinator():
            return Membership.UNANSWERED
        if self._assignment.partitions is None or self._assignment.revoked.is_set():
            return Membership.REBALANCING
        return Membership.OWNER if self._assignment.partitions else Membership.SPARE

    @Service.task
    async def watch_membership(self) -> None:
        """End the process when the group refuses this worker: aiokafka keeps that for whoever fetches, if anybody."""
        while not self.should_stop:
            if (fault := self._thread.refusal()) is not None:
                exit_process(refused(fault, self.app.conf))
            await self.sleep(LOOK_SECONDS)

    def reads(self) -> bool:
        """Whether Faust fetches what is assigned. It stops for a rebalance, and must be made to go on after it."""
        flows = self.flow_active and self._thread._consumer is not None
        return flows and (self._assignment.partitions or frozenset()) <= (self._active_partitions or set())

    def reading_fault(self) -> str | None:
        """Why something cannot be read now; None when everything can."""
        return self._thread.fault.current()

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """By partition of a topic, whoever reads it: the first offset there is, and the one the next record will get.

        Raises KafkaError; waits for as long as the broker is away. It goes past Faust's queue of calls, whose two
        workers fetch and commit.
        """
        asked = asyncio.run_coroutine_threadsafe(self._thread.bounds(topic), self._thread.thread_loop)
        return await asyncio.wrap_future(asked)
