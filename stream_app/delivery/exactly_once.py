"""Exactly-once delivery: outputs and input offsets of a batch in one transaction a partition, all or nothing.

The lane of input partition *p* owns a producer whose transactional id names group, topic and partition. Opening a lane
fences every older one of the partition, wherever it runs, and happens before the committed offset is read: so what is
read is final, and what a fenced lane still tries fails.

A commit whose outcome is unknown (a timeout, a fenced producer, a failed send) is in doubt. Nothing is guessed: the
producers are discarded, all lanes are opened anew, and the committed offsets, read again, show what is still to
be decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from stream_app.delivery.fencing import open_lanes
from stream_app.delivery.in_doubt import InDoubtCommits
from stream_app.delivery.offset_commits import CommitListener
from stream_app.delivery.producer import Addressed, OutputTopics, by_partition, next_offsets
from stream_app.delivery.transactional_producer import Transactions
from stream_app.events import Offsets, Output, RawRecord, TopicPartition
from stream_app.runtime.background import Supervise
from stream_app.transport.assignment import Assignment

ATTEMPTS = 3
"""How often a connection that went silent is replaced by another before ``timeout_seconds`` are over."""


class TransactionalLanes:
    """One transaction a partition and batch, those of one poll concurrently. For one event loop."""

    def __init__(
        self,
        *,
        new_transactions: Callable[[str], Transactions],
        seek: Callable[[], Awaitable[None]],
        listener: CommitListener,
        supervise: Supervise,
        group: str,
        topics: OutputTopics,
        timeout_seconds: float,
    ) -> None:
        """``new_transactions`` makes those of an id, ``seek`` seeks all partitions as after a rebalance.

        ``timeout_seconds``: what takes longer is in doubt, and a doubt that lasts longer ends the process.
        """
        self._new_transactions, self._listener, self._supervise = new_transactions, listener, supervise
        self._group, self._topics, self._timeout = group, topics, timeout_seconds
        self._assignment = Assignment()
        self._lanes: dict[TopicPartition, Transactions] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._in_doubt = InDoubtCommits(seek, supervise=supervise, timeout_seconds=timeout_seconds)
        self._discards: set[asyncio.Future[None]] = set()

    async def before_seek(self, assignment: Assignment) -> None:
        """Fence whoever held these partitions before, ourselves included. Ends the process if that takes too long.

        Raises AssignmentRevoked once they are revoked: to go on would be to fence their next owner.
        """
        self._assignment = assignment
        self._discard_all()
        opened: dict[TopicPartition, Transactions] = {}
        opening = open_lanes(
            assignment.partitions or (),
            lambda tp: self._new_transactions(f"{self._group}.{tp.topic}.{tp.partition}"),
            opened,
            timeout_seconds=self._timeout,
            longest_attempt_seconds=self._timeout / ATTEMPTS,
        )
        try:
            await assignment.unless_revoked(self._supervise(opening))
        finally:
            self._lanes = opened  # the next opening closes them, however this one ended

    def after_seek(self, committed: Mapping[TopicPartition, int | None]) -> None:
        self._committed = {tp: offset or 0 for tp, offset in committed.items()}

    async def before_revocation(self) -> None:
        """Nothing waits: a batch is committed with its delivery, and the next seek looks up a doubt."""

    def after_revocation(self) -> None:
        self._committed = {}

    def committed_offsets(self) -> Offsets:
        return self._committed

    async def deliver(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> bool:
        """False: the transaction of at least one partition is in doubt; what it did not commit is fetched again."""
        with self._assignment.batch_in_hand():
            ends, addressed = next_offsets(records), by_partition(records, outputs, self._topics)
            commits = (self._commit(tp, end, addressed.get(tp.partition, {})) for tp, end in ends.items())
            faults = await asyncio.gather(*commits)
        in_doubt = {tp: fault for tp, fault in zip(ends, faults, strict=True) if fault is not None}
        if in_doubt:
            self._assignment.end_epoch()
            self._listener.not_committed(1)
            self._in_doubt.begin(in_doubt, self._assignment)
            return False
        self._in_doubt.committed()
        self._listener.committed()
        return True

    async def _commit(self, tp: TopicPartition, end: int, addressed: Addressed) -> Exception | None:
        """One transaction. Returns what it met, so that the transactions of other partitions are awaited, too."""
        try:
            async with asyncio.timeout(self._timeout / ATTEMPTS):
                await self._in_transaction(self._lanes[tp], tp, end, addressed)
        except Exception as fault:  # noqa: BLE001 - a client's failed assertion is a doubt like any other
            return fault
        return None

    async def _in_transaction(self, lane: Transactions, tp: TopicPartition, end: int, addressed: Addressed) -> None:
        await lane.begin()
        await asyncio.gather(*(lane.send(topic, tp.partition, outputs) for topic, outputs in addressed.items()))
        await lane.add_offsets({tp: end}, self._group)
        await lane.commit()
        if tp in self._committed:  # not what was revoked meanwhile
            self._committed[tp] = end

    def _discard_all(self) -> None:
        """In the background: letting go of a broker that is away takes its time."""
        for lane in self._lanes.values():
            task = asyncio.ensure_future(lane.discard())
            self._discards.add(task)  # asyncio holds its tasks weakly
            task.add_done_callback(self._discards.discard)
        self._lanes = {}

    async def close(self) -> None:
        """Deliver nothing more, await what is under way, then stop every producer."""
        await self._assignment.settle()
        self._discard_all()
        await asyncio.gather(*self._discards, return_exceptions=True)
