"""Delivery: every output of a poll is on the broker before the poll's input offsets are committed.

Each input partition has a lane: output partition = input partition, order kept. ``Lanes`` is the whole promise the
agent relies on; a transactional implementation, which commits with each delivery, fits behind it without touching agent
or pipeline. This module holds the at-least-once one: after a crash the batch in hand and those that waited for their
commit (``commit_interval_seconds``) are decided again, under the same ``request_id`` and, while the client's profile is
the same, with the same outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.types import TP

from stream_app.delivery.offset_commits import PacedCommits
from stream_app.delivery.producer import OutputTopics, by_target, send, start_producer, stop
from stream_app.errors import DeliveryFailed
from stream_app.events import Output, RawRecord
from stream_app.transport import SeekListener
from stream_app.transport.poll import Poll, Positions


class Lanes(SeekListener, Protocol):
    """One lane for each assigned partition."""

    def admit(self, poll: Poll) -> list[RawRecord]:
        """The records of the poll that are to be decided now; see :meth:`Positions.admit`."""

    def holds(self, poll: Poll) -> bool:
        """Whether the records admitted of this poll, not yet delivered, are still to be decided here."""

    async def deliver(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> bool:
        """Publish the outputs of these records (a repeat has none) and commit, or soon, their offsets.

        False: the commit was undone or is in doubt; what was not committed comes again. Raises DeliveryFailed when the
        broker took too long.
        """

    def committed_offsets(self) -> Mapping[TP, int]:
        """The offset of the first record not yet committed, of every partition owned now."""

    async def close(self) -> None:
        """Finish the batch in hand, then let go of the broker."""


class AtLeastOnceLanes:
    """Idempotent where the broker can: every delivery awaited, then committed through the consumer, several at once.

    Nothing waits for its commit when partitions are given away or sought, or the worker stops: only a crash repeats.
    """

    def __init__(
        self,
        *,
        commits: PacedCommits,
        bootstrap: str,
        topics: OutputTopics,
        timeout_seconds: float,
    ) -> None:
        self._positions = Positions()
        self._idle = asyncio.Event()
        self._idle.set()
        self._bootstrap = bootstrap
        self._topics = topics
        self._commits = commits
        self._timeout = timeout_seconds
        self._producer: AIOKafkaProducer | None = None

    async def open(self, partitions: set[TP]) -> None:  # noqa: ARG002 - nothing to fence without transactions
        """Start the producer, once; deliver and commit what is in hand, before the committed offsets are read."""
        await self._started()
        await self.settle()

    def resume(self, committed: Mapping[TP, int | None], epoch: int) -> None:
        self._commits.restart(committed)
        self._positions.restart(epoch)

    async def settle(self) -> None:
        """Begin nothing more, wait for the batch in hand to be delivered, and commit it."""
        self._positions.forget()
        self._commits.at_once()
        await self._idle.wait()
        await self._commits.flush()

    def forget(self) -> None:
        self._commits.forget()
        self._positions.forget()

    def admit(self, poll: Poll) -> list[RawRecord]:
        return self._positions.admit(poll)

    def holds(self, poll: Poll) -> bool:
        return poll.epoch == self._positions.epoch

    def committed_offsets(self) -> Mapping[TP, int]:
        return self._commits.committed

    async def deliver(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> bool:
        self._idle.clear()
        try:
            return await self._deliver(records, outputs)
        finally:
            self._idle.set()

    async def _deliver(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> bool:
        epoch = self._positions.epoch
        try:
            async with asyncio.timeout(self._timeout):
                await self._publish(records, outputs)
        except (KafkaError, TimeoutError) as fault:
            raise DeliveryFailed(
                f"The broker did not take {len(outputs)} outputs within {self._timeout:g} s ({type(fault).__name__}).",
                kept="Nothing of it was committed; its requests will be decided again.",
                do_next="Check the broker, then start the worker again.",
            ) from fault
        ends = {TP(record.topic, record.partition): record.offset + 1 for record in records}
        return await self._commits.add(ends, now=epoch != self._positions.epoch)  # ours for a moment more, if at all

    async def _publish(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> None:
        producer = await self._started()
        targets = by_target(records, outputs, self._topics)
        await asyncio.gather(*(send(producer, *target, some) for target, some in targets.items()))

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = await start_producer(self._bootstrap, self._timeout)
        return self._producer

    async def close(self) -> None:
        """Deliver nothing more, commit what is under way, then close the producer."""
        await self.settle()
        self._commits.forget()
        if self._producer is not None:
            await stop(self._producer)
            self._producer = None
