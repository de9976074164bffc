"""Exactly-once delivery: outputs and input offsets of a batch in one transaction, all or nothing.

Before anything is read, the partitions are taken over: transactions that former members of the group, or this worker
itself, left open are ended, and then the committed offsets are read. They are final, since the group refuses the
offsets of its former members and generations. Decision 0009 and its successor say why that suffices.

A commit whose outcome is unknown (a timeout, a fenced producer, a failed send) is in doubt. Nothing is guessed: the
transactions are discarded, the partitions are taken over anew, and the committed offsets show what is still to be
decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from stream_app.delivery.in_doubt import InDoubtCommits
from stream_app.delivery.offset_commits import CommitListener
from stream_app.delivery.output_stamps import OutputStamps, is_refusal
from stream_app.delivery.producer import OutputTopics, by_partition, next_offsets
from stream_app.delivery.takeover import take_over
from stream_app.delivery.transactions import Transactions
from stream_app.events import Offsets, Output, RawRecord, TopicPartition
from stream_app.runtime.background import Supervise
from stream_app.transactions.requests import Member
from stream_app.transport.assignment import Assignment, AssignmentRevoked

ATTEMPTS = 3
"""How often a connection that went silent is replaced by another before ``timeout_seconds`` are over."""


class TransactionalLanes:
    """One transaction a batch, of all its partitions. For one event loop."""

    def __init__(
        self,
        *,
        new_transactions: Callable[[Member], Transactions],
        member: Callable[[], Member],
        seek: Callable[[], Awaitable[None]],
        listener: CommitListener,
        supervise: Supervise,
        topics: OutputTopics,
        timeout_seconds: float,
    ) -> None:
        """``member``: this worker in its group, now. ``seek`` seeks all partitions as after a rebalance.

        ``timeout_seconds``: what takes longer is in doubt, and a doubt that lasts longer ends the process.
        """
        self._new_transactions, self._member = new_transactions, member
        self._listener, self._supervise = listener, supervise
        self._topics, self._timeout = topics, timeout_seconds
        self._stamps = OutputStamps()
        self._assignment = Assignment()
        self._transactions: Transactions | None = None
        self._committed: dict[TopicPartition, int] = {}
        self._in_doubt = InDoubtCommits(seek, supervise=supervise, timeout_seconds=timeout_seconds)
        self._discards: set[asyncio.Future[None]] = set()

    async def before_seek(self, assignment: Assignment) -> Offsets:
        """Take the partitions over and give their committed offsets. Ends the process if that takes too long.

        Raises AssignmentRevoked once they are revoked: to go on would be to fence their next owner.
        """
        self._assignment = assignment
        self._discard()
        if not assignment.partitions:
            return {}
        member = self._member()
        assignment.require()  # so the member is of this assignment's generation, not of a later one
        taking_over = take_over(
            assignment.partitions,
            partial(self._new_transactions, member),
            timeout_seconds=self._timeout,
            longest_attempt_seconds=self._timeout / ATTEMPTS,
        )
        self._transactions, committed = await assignment.unless_revoked(self._supervise(taking_over))
        return dict(committed)

    def after_seek(self, committed: Mapping[TopicPartition, int | None]) -> None:
        self._committed = {tp: offset or 0 for tp, offset in committed.items()}

    async def before_revocation(self) -> None:
        """Nothing waits: a batch is committed with its delivery, and the next seek looks up a doubt."""

    def after_revocation(self) -> None:
        self._committed = {}

    def committed_offsets(self) -> Offsets:
        return self._committed

    async def deliver(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> bool:
        """False: the transaction is in doubt; if it was not committed, its records are fetched again."""
        ends = next_offsets(records)
        with self._assignment.batch_in_hand():
            fault = await self._commit(by_partition(records, outputs, self._topics, self._stamps), ends)
        if fault is not None:
            if is_refusal(fault):
                self._stamps.refused()  # what the seek brings again is stamped otherwise
            self._assignment.end_epoch()
            self._discard()  # nothing more is sent under this epoch
            self._listener.not_committed(1)
            self._in_doubt.begin(ends, fault, self._assignment)
            return False
        self._committed |= {
            tp: end for tp, end in ends.items() if tp in self._committed
        }  # not what was revoked meanwhile
        self._in_doubt.committed()
        self._listener.committed()
        return True

    async def _commit(self, outputs: Mapping[TopicPartition, Sequence[Output]], ends: Offsets) -> Exception | None:
        """One transaction. Returns what it met."""
        try:
            async with asyncio.timeout(self._timeout / ATTEMPTS):
                await self._in_transaction(outputs, ends)
        except Exception as fault:  # noqa: BLE001 - a client's failed assertion is a doubt like any other
            return fault
        return None

    async def _in_transaction(self, outputs: Mapping[TopicPartition, Sequence[Output]], ends: Offsets) -> None:
        if self._transactions is None:
            raise AssignmentRevoked("No transactions are open.")
        await self._transactions.publish(outputs)
        await self._transactions.add_offsets(ends)
        await self._transactions.commit()

    def _discard(self) -> None:
        """In the background: letting go of a broker that is away takes its time."""
        if self._transactions is not None:
            task = asyncio.ensure_future(self._transactions.discard())
            self._discards.add(task)  # asyncio holds its tasks weakly
            task.add_done_callback(self._discards.discard)
        self._transactions = None

    async def close(self) -> None:
        """Deliver nothing more, await what is under way, then stop the producers."""
        await self._assignment.settle()
        self._discard()
        await asyncio.gather(*self._discards, return_exceptions=True)
