"""A Faust transport on which one poll of a batch topic is one Faust event. The only file that touches Faust internals.

Faust spends about 75 µs on every message on its way to an agent. Here all that one poll brought from a batch topic,
every partition of it, travels as one message whose value is a :class:`Poll`; the agent stays ``async for poll in
polls``. While one poll is being scored the next one waits and absorbs what comes meanwhile, so batches grow under load
and shrink to one record without it. Other topics pass through unchanged.

Each seek begins a new *epoch*. Seeking and counting happen in one step of the consumer's own thread, and each poll is
stamped on that thread: a poll of an older epoch was fetched from a position that no longer holds, and is dropped.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, cast

import aiokafka
import faust
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode import Service

from stream_app.polls import Poll
from stream_app.progress import Standing


class SeekListener(Protocol):
    """Told around each seek, so that fencing always comes before the committed offsets are read."""

    async def open(self, partitions: set[TP]) -> Mapping[TP, int] | None:
        """Called before the committed offsets of these partitions are read.

        A listener that keeps positions of its own gives them: the broker is not asked then, and a partition that is
        not among them is read from its beginning. Raises SeekGivenUp when ``settle`` was called meanwhile and there
        is no answer.
        """

    def resume(self, committed: Mapping[TP, int | None], epoch: int) -> None:
        """Called after the seek: fetching goes on from these offsets (None: from the beginning) in this epoch.

        Not called when the partitions were given away during the seek.
        """

    async def settle(self) -> None:
        """Called when partitions are to be given away or the worker stops: wait for the batch in hand."""

    def forget(self) -> None:
        """Called when the partitions are given away: nothing is ours until the next ``resume``."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """``topics``: delivered as polls. ``fetch_max_wait_seconds``: how long a broker may hold an empty fetch."""

    topics: frozenset[str]
    fetch_max_wait_seconds: float
    max_partition_fetch_bytes: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """One partition as of its last fetch.

    ``end``: where a read_committed reader ends, None before the first fetch. ``stamp``: another one for each fetch that
    was answered. ``position``: where the next fetch begins. ``handed_on``: the offset after the last record handed on;
    between the two lies nothing but markers of transactions and what was rolled back.
    """

    end: int | None
    stamp: int | None
    position: int
    handed_on: int

    def lag(self, done: int) -> int:
        """Records still to be done when all below ``done`` are. Markers at the end of the log are no lag."""
        return 0 if self.end is None else max(0, self.end - self.reached(done))

    def reached(self, done: int) -> int:
        """Where the next record to be done can lie at the earliest, when all below ``done`` are."""
        return max(done, self.position) if done >= self.handed_on else done


class _Thread(driver.AIOKafkaConsumerThread):
    """The consumer's thread: made with our settings, stamps what it fetches, seeks atomically."""

    epoch = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._handed_on: dict[TP, int] = {}  # the offset after the last record handed on, or where reading began

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        options = transport.options
        return aiokafka.AIOKafkaConsumer(
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # a request sent before the first worker came is still a customer's
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=options.max_partition_fetch_bytes,
            fetch_max_wait_ms=int(options.fetch_max_wait_seconds * 1000),  # Faust hard-codes 1500
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            check_crcs=conf.broker_check_crcs,
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> Any:
        records = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        # No await between the drain and these lines: the stamp is exact.
        self._handed_on |= {TP(*tp): run[-1].offset + 1 for tp, run in records.items() if run}
        return records, self.epoch

    async def seek_all(self, kept: Mapping[TP, int] | None) -> tuple[dict[TP, int | None], int]:
        """Seek all to ``kept``, or to the committed offsets, and begin the next epoch in one step.

        An epoch of its own covers the time until then, so that nothing fetched meanwhile counts if this fails midway.
        """
        self.epoch += 1
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        if kept is None:
            committed = {tp: await consumer.committed(tp) for tp in assigned}
        else:
            committed = {tp: kept.get(TP(*tp)) for tp in assigned}
        fresh = [tp for tp, offset in committed.items() if offset is None]
        for tp, offset in committed.items():
            if offset is not None:
                consumer.seek(tp, offset)
        self.epoch += 1
        self._handed_on = {TP(*tp): offset or 0 for tp, offset in committed.items()}
        if fresh:
            await consumer.seek_to_beginning(*fresh)
            committed |= {tp: await consumer.position(tp) for tp in fresh}  # not 0 where old records are gone
        return {TP(*tp): offset for tp, offset in committed.items()}, self.epoch

    async def commit_offsets(self, offsets: Mapping[TP, int]) -> None:
        """Commit the position after the last delivered record of each partition; retries what is retriable."""
        positions = {TopicPartition(*tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
        await self._ensure_consumer().commit(positions)

    def partitions_seen(self) -> dict[TP, Seen]:
        """What the last fetch of each assigned partition told. From any thread."""
        subscription = self._ensure_consumer()._subscription.subscription
        assignment = subscription and subscription.assignment
        if assignment is None:
            return {}
        states = {TP(*tp): assignment.state_value(tp) for tp in assignment.tps}
        return {
            tp: Seen(state.lso, state.timestamp, state.position, self._handed_on.get(tp, state.position))
            for tp, state in states.items()
            if state is not None and state.has_valid_position
        }

    def knows_its_coordinator(self) -> bool:
        """False from the first request that the group's coordinator did not answer to the next one that it does."""
        coordinator = self._consumer._coordinator if self._consumer is not None else None
        return coordinator is not None and coordinator.coordinator_id is not None

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """First and next offset of each partition of a topic, as the broker says now.

        It answers in turn: both questions wait for the fetch that is under way, together rather than one by one.
        """
        consumer = self._ensure_consumer()
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        asked = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        first, end = await asyncio.gather(*asked)
        return {tp.partition: (first[tp], end[tp]) for tp in partitions}


class _Untrimmed(defaultdict[TP, int | None]):
    """Faust's notes of what it handed on last, which it never goes below: for batch topics there are none.

    It notes a poll when its queue took it, perhaps after a seek went back behind it, and would drop what comes then.
    """

    def __init__(self, topics: frozenset[str]) -> None:
        super().__init__(lambda: None)
        self._topics = topics

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        super().__setitem__(tp, None if tp.topic in self._topics else offset)


class BatchConsumer(driver.Consumer):
    """A Faust consumer that hands on whole polls of the batch topics."""

    _thread: _Thread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._options = cast(BatchTransport, self.transport).options
        self._listener = cast(BatchTransport, self.transport).listener
        self._read_offset = _Untrimmed(self._options.topics)
        self._seeking = asyncio.Lock()
        self._times_given_away = 0
        self._given: frozenset[TP] | None = None  # by the group; None while it rebalances, and before the first time
        self._waiting: Poll | None = None
        self._next_poll = (0, 0)  # epoch and number
        self._told_epoch = 0

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
        fetched = await self._thread.getmany(active_partitions, timeout)
        if not fetched:  # the flow was stopped before the thread looked
            return {}
        records, epoch = cast("tuple[Any, int]", fetched)
        if epoch != self._told_epoch:
            async with self._seeking:
                pass  # no poll goes on before the epoch it belongs to was told
        runs = {TP(*tp): run for tp, run in records.items() if tp.topic in self._options.topics}
        others = {tp: run for tp, run in records.items() if tp.topic not in self._options.topics}
        if not runs:
            return others
        poll = Poll(runs, epoch, self._number_in(epoch))
        if self._waiting is not None and self._waiting.absorb(poll, self.app.conf.broker_max_poll_records):
            return others
        self._waiting = poll
        return {**others, poll.first[0]: [poll]}

    def _number_in(self, epoch: int) -> int:
        """Polls are counted anew in each epoch, before Faust can drop one."""
        counted, number = self._next_poll
        number = number if counted == epoch else 0
        self._next_poll = (epoch, number + 1)
        return number

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, Poll):
            return super()._to_message(tp, record)
        message = super()._to_message(tp, record.first[1])
        message.key, message.value, message.headers = None, cast(Any, record), []  # Faust passes values on untouched
        return message

    def on_buffer_full(self, tp: TP) -> None:
        """Do not pause the partition a poll happens to travel under: the full queue itself holds the fetching back."""
        if tp.topic not in self._options.topics:
            super().on_buffer_full(tp)

    async def perform_seek(self) -> None:
        """Fence, then read the committed offsets, then seek. Faust seeks from nowhere else; lanes in doubt do.

        Whoever calls may give up waiting for it; it goes on all the same, since half a seek would be none.
        """
        await asyncio.shield(asyncio.ensure_future(self._seek_once()))

    async def _seek_once(self) -> None:
        async with self._seeking:
            assigned = {TP(*tp) for tp in self.assignment() if tp.topic in self._options.topics}
            times_given_away = self._times_given_away
            kept = await self._listener.open(assigned)
            committed, epoch = await self._thread.call_thread(self._thread.seek_all, kept)
            self._read_offset.update(dict.fromkeys(committed))  # what comes now may have been handed on before
            if times_given_away == self._times_given_away:
                self._told_epoch = epoch
                self._listener.resume({tp: offset for tp, offset in committed.items() if tp in assigned}, epoch)

    async def wait_empty(self) -> None:
        """Wait for the batch in hand, too: Faust, which calls this before a rebalance or a stop, knows only acks."""
        await self._listener.settle()
        await super().wait_empty()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish the batch in hand while its offsets can still be committed, then own nothing."""
        self._given = None
        await super().on_partitions_revoked(revoked)
        self._times_given_away += 1
        self._listener.forget()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Remember what the group gave: a worker it gave nothing to is a spare, no fault."""
        await super().on_partitions_assigned(assigned, generation_id)
        self._given = frozenset(assigned)

    async def commit_offsets(self, offsets: Mapping[TP, int]) -> bool:
        """Commit explicitly. False: the group rebalanced; whoever owns the records now fetches them again."""
        try:
            await self._thread.call_thread(self._thread.commit_offsets, offsets)
        except (CommitFailedError, IllegalStateError):
            return False
        return True

    def partitions_seen(self) -> dict[TP, Seen]:
        """What the last fetch of each assigned partition told; empty before the consumer runs."""
        return self._thread.partitions_seen() if self._thread._consumer is not None else {}

    def standing(self) -> Standing:
        """How this worker stands with its consumer group."""
        if not self._thread.knows_its_coordinator():
            return Standing.UNANSWERED
        if self._given is None:
            return Standing.REBALANCING
        return Standing.OWNER if self._given else Standing.SPARE

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """By partition of a topic, whoever reads it: the first offset there is, and the one the next record will get.

        Raises KafkaError; waits for as long as the broker is away. It goes past Faust's queue of calls, whose two
        workers fetch and commit.
        """
        thread = self._thread
        asked = asyncio.run_coroutine_threadsafe(thread.bounds(topic), thread.thread_loop)
        return await asyncio.wrap_future(asked)


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport with :class:`BatchConsumer`; set it on the app before the app starts."""

    Consumer: ClassVar[type[BatchConsumer]] = BatchConsumer

    def __init__(self, url: Any, app: Any, *, options: BatchOptions, listener: SeekListener) -> None:
        super().__init__(url, app)
        self.options = options
        self.listener = listener


class BatchApp(faust.App):
    """A Faust app without tables: it keeps no folder, and runs hooks around its life.

    ``on_fault`` hears of what any service of the app, such as a seek, raised, before Faust stops them all.
    """

    before_start: Callable[[], Awaitable[None]]
    after_stop: Callable[[], Awaitable[None]]
    on_fault: Callable[[BaseException], None]
    pages: Service

    @property
    def batch_consumer(self) -> BatchConsumer:
        """The consumer, once the app's transport is a :class:`BatchTransport`."""
        return cast(BatchConsumer, self.consumer)

    def _crash(self, reason: BaseException) -> None:
        if not (self.should_stop or isinstance(reason, asyncio.CancelledError)):
            self.on_fault(reason)
        super()._crash(reason)

    def _create_directories(self) -> None:
        """Faust would make a data folder in the working directory for tables there are none of."""

    async def on_first_start(self) -> None:
        """Check what the worker needs before Faust connects to anything."""
        await self.before_start()
        await super().on_first_start()
        await self.add_runtime_dependency(self.pages)

    async def on_stop(self) -> None:
        """Stop Faust first: the last batch is still delivered."""
        await super().on_stop()
        await self.after_stop()
