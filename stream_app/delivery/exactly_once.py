"""Exactly-once delivery: outputs and input offsets of a batch in one transaction a partition, all or nothing.

The lane of input partition *p* owns a producer whose transactional id names group, topic and partition. Opening a lane
fences every older one of the partition, wherever it runs, and happens before the committed offset is read: so what is
read is final, and what a fenced lane still tries fails.

After any doubt (a timeout, a fenced producer, a failed send) nothing is guessed: the producers are thrown away, all
lanes are opened anew, and the committed offsets, read again, tell which records are still to be decided.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence

from faust.types import TP

from stream_app.delivery.fencing import open_lanes
from stream_app.delivery.in_doubt import Doubts
from stream_app.delivery.offset_commits import CommitListener, Guard
from stream_app.delivery.producer import OutputTopics, by_target
from stream_app.delivery.transactional_producer import Transactions
from stream_app.events import Output, RawRecord
from stream_app.transport.poll import Poll, Positions, SeekGivenUp
from stream_app.transport.seek import unless_given_away

ATTEMPTS = 3
"""How often a connection that went silent is replaced by another before ``timeout_seconds`` are over."""

Batch = tuple[list[RawRecord], list[Output | None]]


class TransactionalLanes:
    """One transaction a partition and batch, those of one poll concurrently. For one event loop."""

    def __init__(
        self,
        *,
        make: Callable[[str], Transactions],
        seek_again: Callable[[], Awaitable[None]],
        listener: CommitListener,
        guard: Guard,
        group: str,
        topics: OutputTopics,
        timeout_seconds: float,
    ) -> None:
        """``make`` gives the transactions of an id, ``seek_again`` seeks all partitions as after a rebalance.

        ``timeout_seconds``: what takes longer is in doubt, and a doubt that lasts longer ends the process.
        """
        self._make, self._listener, self._guard = make, listener, guard
        self._group, self._topics, self._timeout = group, topics, timeout_seconds
        self._positions = Positions()
        self._lanes: dict[TP, Transactions] = {}
        self._committed: dict[TP, int] = {}
        self._idle, self._leaving = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._doubts = Doubts(seek_again, sought=self._is_open, guard=guard, timeout_seconds=timeout_seconds)
        self._discards: set[asyncio.Future[None]] = set()

    async def open(self, partitions: set[TP]) -> None:
        """Fence whoever held these partitions before, ourselves included. Ends the process if that takes too long.

        Raises SeekGivenUp once they are to be given away: to go on would be to fence their next owner.
        """
        leaving, opened = self._leaving, dict[TP, Transactions]()
        # A batch of the old epoch, delivered by a new lane after the committed offset was read, would be fetched again.
        await self._quiet()
        self._discard_all()
        if leaving.is_set():
            raise SeekGivenUp("The partitions were given away before their lanes were opened.")
        opening = open_lanes(
            partitions,
            lambda tp: self._make(f"{self._group}.{tp.topic}.{tp.partition}"),
            opened,
            timeout_seconds=self._timeout,
            longest_attempt_seconds=self._timeout / ATTEMPTS,
        )
        try:
            await unless_given_away(leaving, self._guard(opening))
        finally:
            self._lanes = opened  # the next opening closes them, however this one ended

    def resume(self, committed: Mapping[TP, int | None], epoch: int) -> None:
        self._committed = {tp: offset or 0 for tp, offset in committed.items()}
        self._positions.restart(epoch)

    async def settle(self) -> None:
        """Wait for the batch in hand to be committed or in doubt; a reopening is left to the seek that follows."""
        self._leaving.set()
        self._doubts.leave()
        await self._quiet()
        self._doubts.leave()  # the one that the batch in hand ended in

    async def _quiet(self) -> None:
        """Begin nothing more of this epoch, and end what is under way."""
        self._positions.forget()
        await self._idle.wait()

    def _is_open(self) -> bool:
        return self._positions.epoch is not None

    def forget(self) -> None:
        self._positions.forget()
        self._committed = {}
        self._leaving = asyncio.Event()  # whoever was opening keeps the one that is set

    def admit(self, poll: Poll) -> list[RawRecord]:
        return self._positions.admit(poll)

    def holds(self, poll: Poll) -> bool:
        return poll.epoch == self._positions.epoch

    def committed_offsets(self) -> Mapping[TP, int]:
        return self._committed

    async def deliver(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> bool:
        """False: some partition's transaction is in doubt; what it did not commit is fetched again."""
        self._idle.clear()
        try:
            batches = _by_partition(records, outputs)
            faults = await asyncio.gather(*(self._commit(tp, batch) for tp, batch in batches.items()))
        finally:
            self._idle.set()
        doubted = {tp: fault for tp, fault in zip(batches, faults, strict=True) if fault is not None}
        if doubted:
            self._doubt(doubted)
            return False
        self._doubts.over()
        self._listener.committed()
        return True

    async def _commit(self, tp: TP, batch: Batch) -> Exception | None:
        """One transaction; what went wrong is given back, so that those of the other partitions are awaited, too."""
        try:
            async with asyncio.timeout(self._timeout / ATTEMPTS):
                await self._in_transaction(tp, self._lanes[tp], batch)
        except Exception as fault:  # noqa: BLE001 - a client's failed assertion is a doubt like any other
            return fault
        return None

    async def _in_transaction(self, tp: TP, lane: Transactions, batch: Batch) -> None:
        records, outputs = batch
        end = records[-1].offset + 1
        await lane.begin()
        targets = by_target(records, outputs, self._topics)
        await asyncio.gather(*(lane.send(*target, some) for target, some in targets.items()))
        await lane.add_offsets({tp: end}, self._group)
        await lane.commit()
        if tp in self._committed:  # not what was given away meanwhile
            self._committed[tp] = end

    def _doubt(self, faults: Mapping[TP, Exception]) -> None:
        """Decide nothing more of what was fetched, and find out what was committed."""
        self._positions.forget()
        self._listener.not_committed(1)
        self._doubts.begin(faults)

    def _discard_all(self) -> None:
        """In the background: letting go of a broker that is away takes its time."""
        for lane in self._lanes.values():
            task = asyncio.ensure_future(lane.discard())
            self._discards.add(task)  # asyncio holds its tasks weakly
            task.add_done_callback(self._discards.discard)
        self._lanes = {}

    async def close(self) -> None:
        """Deliver nothing more, await what is under way, then let go of every producer."""
        await self.settle()
        self._discard_all()
        await asyncio.gather(*self._discards, return_exceptions=True)


def _by_partition(records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> Mapping[TP, Batch]:
    batches: dict[TP, Batch] = defaultdict(lambda: ([], []))
    for record, output in zip(records, outputs, strict=True):
        some, their = batches[TP(record.topic, record.partition)]
        some.append(record)
        their.append(output)
    return batches
