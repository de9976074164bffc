"""The thread that fetches, seeks and commits: where aiokafka's consumer runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import aiokafka
from aiokafka import structs
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)
from faust.transport.drivers import aiokafka as driver

from stream_app.events import Offsets, TopicPartition
from stream_app.kafka_connection.record_batches import read_every_batch
from stream_app.kafka_connection.stopping import stop_client
from stream_app.runtime.library_logs import SERVICES
from stream_app.runtime.reading_fault import ReadingFault
from stream_app.transactions.requests import Member
from stream_app.transport.assignment import AssignmentRevoked
from stream_app.transport.log_bounds import OutOfRange, tell_what_is_gone
from stream_app.transport.slots import heartbeat_with

STOP_SECONDS = 5.0
"""For the consumer to leave its group; a broker that is away does not answer."""

FAULT_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class FetchState:
    """A partition as of its last fetch, and so how far behind its reader is.

    ``end``: where a read_committed reader ends, None before the first fetch. ``stamp``: another one for each fetch that
    was answered. ``position``: where the next fetch begins. ``after_last_record``: the offset after the last record
    that was fetched; between the two lies nothing but markers of transactions and what was rolled back.
    """

    end: int | None
    stamp: int | None
    position: int
    after_last_record: int

    def lag(self, next_offset: int) -> int:
        """Records from ``next_offset`` on. Markers at the end of the log are no lag."""
        return 0 if self.end is None else max(0, self.end - self.past_markers(next_offset))

    def past_markers(self, next_offset: int) -> int:
        """Where the first record from ``next_offset`` on can lie at the earliest."""
        return max(next_offset, self.position) if next_offset >= self.after_last_record else next_offset


class BatchThread(driver.AIOKafkaConsumerThread):
    """The consumer's thread: made with our settings, stamps what it fetches, seeks atomically."""

    logger = SERVICES
    epoch = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._after_last_record: dict[TopicPartition, int] = {}  # at first where reading began
        self.fault = ReadingFault()

    async def on_thread_stop(self) -> None:
        if self._consumer is not None and self._consumer._coordinator is not None:
            self._consumer._coordinator._group_instance_id = None  # a slot's worker would not leave its group otherwise
        await stop_client(super().on_thread_stop(), STOP_SECONDS)

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        options = transport.options
        read_every_batch(cast(Any, self.app).connection.max_inflated_bytes)
        if conf.consumer_group_instance_id:
            heartbeat_with(conf.consumer_group_instance_id)
        return aiokafka.AIOKafkaConsumer(
            **cast(Any, self.app).connection.for_aiokafka(),
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="none",  # what the log does not have is reported, see _read_on
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
        )

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> Any:
        """Records by partition, the epoch, and what could not be read on where it was."""
        _require_tasks(consumer)
        records: Any = {}
        found: list[OutOfRange] = []
        try:
            records = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        except NoOffsetForPartitionError:
            pass  # fetched before the first seek
        except OffsetOutOfRangeError as fault:
            [positions] = fault.args
            found = await self._read_on(consumer, positions)
        except TopicAuthorizationFailedError:
            raise  # a right that was taken away ends the process with its name
        except KafkaError as fault:
            self.fault.note(fault)
            await asyncio.sleep(FAULT_PAUSE_SECONDS)
        # No await between the drain and these lines: the stamp is exact.
        self._after_last_record |= {TopicPartition(*tp): run[-1].offset + 1 for tp, run in records.items() if run}
        return records, self.epoch, found

    async def _read_on(self, consumer: Any, positions: Offsets) -> list[OutOfRange]:
        """Seek to the first record there is where a position is not in the log; it may be by now."""
        try:
            asked = consumer.beginning_offsets([*positions]), consumer.end_offsets([*positions])
            first, end = await asyncio.gather(*asked)
        except KafkaError as fault:
            self.fault.note(fault)
            await asyncio.sleep(FAULT_PAUSE_SECONDS)
            return []
        found = []
        assignment = consumer._subscription.subscription.assignment
        for tp, position in positions.items():
            sought = tp not in assignment.tps or assignment.state_value(tp).position != position
            if not sought and not first[tp] <= position <= end[tp]:
                consumer.seek(tp, first[tp])
                found.append(OutOfRange(TopicPartition(*tp), position, first[tp], end[tp]))
        return found

    async def seek_all(self, kept: Offsets | None) -> tuple[dict[TopicPartition, int | None], int]:
        """Seek all to ``kept``, or to the committed offsets, and begin the next epoch in one step.

        An epoch of its own covers the time until then, so that nothing fetched meanwhile counts if this fails midway.
        """
        self.epoch += 1
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        if kept is None:
            committed = {tp: await consumer.committed(tp) for tp in assigned}
        else:
            committed = {tp: kept.get(TopicPartition(*tp)) for tp in assigned}
        if fresh := [tp for tp, offset in committed.items() if offset is None]:
            first = await consumer.beginning_offsets(fresh)  # a request sent before the first worker is answered
            committed |= first
            tell_what_is_gone(first)
        # No await from here on: whatever is fetched bears the old epoch, or begins at these offsets.
        for tp, offset in committed.items():
            consumer.seek(tp, offset)
        self.epoch += 1
        self._after_last_record = {TopicPartition(*tp): offset for tp, offset in committed.items()}
        return {TopicPartition(*tp): offset for tp, offset in committed.items()}, self.epoch

    async def watch_topics(self, topics: Iterable[str]) -> None:
        """Have these topics' partitions known, too. Whoever leads the group asks for its own topics anew each time."""
        for topic in topics:
            await self._ensure_consumer()._client.add_topic(topic)

    def partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        """How many partitions each topic has, as far as known. From any thread."""
        known = {topic: self._ensure_consumer().partitions_for_topic(topic) for topic in topics}
        return {topic: len(partitions) for topic, partitions in known.items() if partitions}

    async def committed(self, tp: TopicPartition) -> int | None:
        """The group's offset, None without one."""
        return cast("int | None", await self._ensure_consumer().committed(structs.TopicPartition(*tp)))

    async def commit_offsets(self, offsets: Offsets) -> None:
        """Commit the position after the last delivered record of each partition; retries what is retriable."""
        committed = structs.OffsetAndMetadata
        positions = {structs.TopicPartition(*tp): committed(offset, "") for tp, offset in offsets.items()}
        await self._ensure_consumer().commit(positions)

    def fetch_states(self) -> dict[TopicPartition, FetchState]:
        """Each assigned partition as of its last fetch. From any thread."""
        subscription = self._ensure_consumer()._subscription.subscription
        assignment = subscription and subscription.assignment
        if assignment is None:
            return {}
        states = {TopicPartition(*tp): assignment.state_value(tp) for tp in assignment.tps}
        return {
            tp: FetchState(state.lso, state.timestamp, state.position, self._after_last_record.get(tp, state.position))
            for tp, state in states.items()
            if state is not None and state.has_valid_position
        }

    def member(self) -> Member:
        """Who this worker is in its group. Raises AssignmentRevoked while it is nobody."""
        coordinator = self._ensure_consumer()._coordinator
        member = Member(
            coordinator.group_id, coordinator.generation, coordinator.member_id, coordinator._group_instance_id
        )
        if (
            member.generation < 0 or not member.member_id
        ):  # would be taken for a producer that belongs to no group, and committed
            raise AssignmentRevoked("The worker left its group.")
        return member

    def knows_its_coordinator(self) -> bool:
        """False from the first request that the group's coordinator did not answer to the next one that it does."""
        coordinator = self._consumer._coordinator if self._consumer is not None else None
        return coordinator is not None and coordinator.coordinator_id is not None

    def refusal(self) -> BaseException | None:
        """What the group's coordinator answered if it refuses this member for good."""
        coordinator = self._consumer._coordinator if self._consumer is not None else None
        return None if coordinator is None else cast("BaseException | None", coordinator._pending_exception)

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """First and next offset of each partition of a topic, as the broker says now.

        It answers in turn: both questions wait for the fetch that is under way, together rather than one by one.
        """
        consumer = self._ensure_consumer()
        partitions = [structs.TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        asked = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        first, end = await asyncio.gather(*asked)
        return {tp.partition: (first[tp], end[tp]) for tp in partitions}


def _require_tasks(consumer: Any) -> None:
    """Raise what ended the consumer's background tasks, if one did: nothing would ever be fetched again."""
    for task in (consumer._fetcher.error_future, consumer._coordinator._coordination_task):
        if task.done() and not consumer._closed:
            task.result()
            raise RuntimeError("a background task of the consumer returned")
