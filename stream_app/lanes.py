"""Delivery: every output of a poll is on the broker before the poll's input offsets are committed.

Each input partition has a lane: output partition = input partition, order kept. ``Lanes`` is the whole promise the
agent relies on; a transactional implementation, which commits with each delivery, fits behind it without touching agent
or pipeline. This module holds the at-least-once one: after a crash the batch in hand and those that waited for their
commit (``commit_interval_seconds``) are decided again, under the same ``request_id`` and, while the client's profile is
the same, with the same outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, UnknownError, UnsupportedVersionError
from faust.types import TP

from stream_app.commits import PacedCommits
from stream_app.errors import DeliveryFailed
from stream_app.events import Output, RawRecord
from stream_app.polls import Poll, Positions
from stream_app.transport import SeekListener

log = logging.getLogger(__name__)

BATCH_BYTES = 512 * 1024  # half of what a broker takes by default
STOP_SECONDS = 10.0


class Lanes(SeekListener, Protocol):
    """One lane for each assigned partition."""

    def admit(self, poll: Poll) -> list[RawRecord]:
        """The records of the poll that are to be decided now; see :meth:`Positions.admit`."""

    def holds(self, poll: Poll) -> bool:
        """Whether the records admitted of this poll, not yet delivered, are still to be decided here."""

    async def deliver(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> bool:
        """Publish the outputs of these records; a repeat has none. Their offsets are committed with it or, where that
        is allowed, later.

        False: a rebalance undid the commit and the records come again. Raises DeliveryFailed when the broker took too
        long.
        """

    def committed_offsets(self) -> Mapping[TP, int]:
        """The offset of the first record not yet committed, of every partition owned now."""

    async def close(self) -> None: ...


class AtLeastOnceLanes:
    """Idempotent where the broker can: every delivery awaited, then committed through the consumer, several at once.

    Nothing waits for its commit when partitions are given away or sought, or the worker stops: only a crash repeats.
    """

    def __init__(
        self,
        *,
        commits: PacedCommits,
        bootstrap: str,
        decisions: str,
        rejections: str,
        timeout_seconds: float,
    ) -> None:
        self._positions = Positions()
        self._idle = asyncio.Event()
        self._idle.set()
        self._bootstrap = bootstrap
        self._topics = {False: decisions, True: rejections}
        self._commits = commits
        self._timeout = timeout_seconds
        self._producer: AIOKafkaProducer | None = None

    async def open(self, partitions: set[TP]) -> None:  # noqa: ARG002 - nothing to fence without transactions
        """Start the producer, once; commit what was delivered, before the committed offsets are read."""
        await self._started()
        self._commits.at_once()
        await self._commits.flush()

    def resume(self, committed: Mapping[TP, int | None], epoch: int) -> None:
        self._commits.restart(committed)
        self._positions.restart(epoch)

    async def settle(self) -> None:
        """Wait for the batch in hand to be delivered, and commit it."""
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
        by_target: dict[tuple[str, int], list[Output]] = defaultdict(list)
        for record, output in zip(records, outputs, strict=True):
            if output is not None:
                by_target[self._topics[output.rejected], record.partition].append(output)
        producer = await self._started()
        await asyncio.gather(*(send(producer, *target, some) for target, some in by_target.items()))

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = await start_producer(self._bootstrap, self._timeout)
        return self._producer

    async def close(self) -> None:
        """Close the producer; every delivery was awaited and, by :meth:`settle`, committed before."""
        self._commits.forget()
        if self._producer is not None:
            await _stop(self._producer)
            self._producer = None


async def start_producer(bootstrap: str, timeout_seconds: float) -> AIOKafkaProducer:
    """A started producer that waits for all replicas: idempotent, or plain where the broker knows no idempotence."""
    options: dict[str, Any] = {
        "bootstrap_servers": bootstrap,
        "acks": "all",
        "max_batch_size": BATCH_BYTES,
        "request_timeout_ms": int(timeout_seconds * 1000),
    }
    try:
        return await _start(AIOKafkaProducer(enable_idempotence=True, **options))
    except (UnknownError, UnsupportedVersionError) as fault:  # what brokers without it answer
        log.info("no idempotent producer on this broker (%s); a retried send may double a record", type(fault).__name__)
        return await _start(AIOKafkaProducer(**options))


async def _start(producer: AIOKafkaProducer) -> AIOKafkaProducer:
    """One that does not start leaves nothing behind: it is tried again as long as the broker is away."""
    try:
        await producer.start()
    except BaseException:
        await _stop(producer)
        raise
    return producer


async def _stop(producer: AIOKafkaProducer) -> None:
    """``stop()`` can hang while brokers are away."""
    with contextlib.suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(STOP_SECONDS):
            await producer.stop()


async def send(producer: AIOKafkaProducer, topic: str, partition: int, outputs: Iterable[Output]) -> None:
    """Publish to one partition in bulk, in order, and wait until the broker has all of it."""
    deliveries = []
    batch = producer.create_batch()
    for output in outputs:
        if not _append(batch, output):
            deliveries.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            _append(batch, output)  # an empty batch takes a record of any size
    deliveries.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*deliveries)


def _append(batch: Any, output: Output) -> bool:
    return batch.append(key=output.key, value=output.value, headers=output.headers, timestamp=None) is not None
