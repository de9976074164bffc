"""Scorers with one mistake each, so that the oracle can be seen to fail: ``python -m tests.chaos.mutants NAME ORDERS``.

Each is a mistake that a test without faults would never notice.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from stream_app.events import Offsets, TopicPartition
from stream_app.transactions.batches import Record
from stream_app.transactions.cluster import Cluster
from stream_app.transactions.errors import NoAnswer
from stream_app.transactions.group import committed_offsets
from stream_app.transactions.requests import Member
from stream_app.transactions.turns import GroupTransactions
from stream_app.transport import Assignment
from tests.chaos.victim import Orders, start

BETWEEN_COMMITS, OFFSET_READ = "between-commits", "offset-read"
"""Points that only mutants pass."""


class Unawaited(GroupTransactions):
    """Hands the outputs to the broker and does not wait for its answer."""

    async def publish(self, records: Mapping[TopicPartition, Sequence[Record]]) -> None:
        publishing = asyncio.ensure_future(super().publish(records))
        publishing.add_done_callback(lambda done: done.exception())
        await asyncio.sleep(0.1)  # what the broker takes is there by now


class Trusting(GroupTransactions):
    """Fences nobody, names no generation, and takes offsets that a pending transaction may still change."""

    def __init__(self, member: Member, **given: Any) -> None:
        super().__init__(member, **given)
        self._stranger = Member(member.group, -1, "")

    async def take_over(self, partitions: Collection[TopicPartition]) -> Offsets:
        await self._cluster.start()
        await self._fence([producer.id for producer in self._producers])
        return await committed_offsets(self._cluster, self._stranger.group, partitions, stable=False)

    async def add_offsets(self, offsets: Offsets) -> None:
        await self._turn.add_offsets(offsets, self._stranger)


class AsksAgain(GroupTransactions):
    """The first version of the protocol, and an end that was not answered is asked for again, in place."""

    def __init__(self, member: Member, **given: Any) -> None:
        super().__init__(member, **given)
        self._producers = self._producers[:1]

    async def take_over(self, partitions: Collection[TopicPartition]) -> Offsets:
        Cluster.transaction_version = property(lambda _self: 1, lambda _self, _version: None)  # type: ignore[assignment]
        return await super().take_over(partitions)

    async def commit(self) -> None:
        try:
            await super().commit()
        except NoAnswer:
            await super().commit()


class Forgives(GroupTransactions):
    """Goes on with the transaction after a doubt about its outputs, as if they had arrived."""

    async def publish(self, records: Mapping[TopicPartition, Sequence[Record]]) -> None:
        with suppress(NoAnswer):
            await super().publish(records)


class OffsetsOutside(GroupTransactions):
    """Commits the offsets through the consumer, before or after the transaction."""

    def __init__(self, member: Member, *, orders: Orders, app: list[Any], before: bool, **given: Any) -> None:
        super().__init__(member, **given)
        self._orders, self._app, self._before = orders, app, before
        self._offsets: Offsets = {}

    async def add_offsets(self, offsets: Offsets) -> None:
        self._offsets = offsets

    async def commit(self) -> None:
        first, second = super().commit, partial(self._app[0].batch_consumer.commit_offsets, self._offsets)
        if self._before:
            first, second = second, first
        await first()
        self._orders.at(BETWEEN_COMMITS)
        await second()


class ReadsFirst:
    """A listener that reads the committed offsets before it fences whoever may still commit."""

    def __init__(self, app: Any, orders: Orders) -> None:
        self._inner, self._app, self._orders = app.transport.listener, app, orders

    async def before_seek(self, assignment: Assignment) -> Offsets:
        thread = self._app.batch_consumer._thread
        committed: Offsets = await thread.call_thread(_committed, thread)
        self._orders.at(OFFSET_READ)
        await self._inner.before_seek(assignment)
        return committed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def _committed(thread: Any) -> dict[TopicPartition, int]:
    consumer = thread._ensure_consumer()
    found = {TopicPartition(*tp): await consumer.committed(tp) for tp in consumer.assignment()}
    return {tp: offset for tp, offset in found.items() if offset is not None}


def main(name: str, orders: Orders) -> None:
    app: list[Any] = []
    outside = partial(OffsetsOutside, orders=orders, app=app)
    mutants: dict[str, tuple[Callable[..., Any], Callable[[Any], None]]] = {
        "unawaited": (Unawaited, app.append),
        "trusting": (Trusting, app.append),
        "asks-again": (AsksAgain, app.append),
        "forgives": (Forgives, app.append),
        "offsets-before": (partial(outside, before=True), app.append),
        "offsets-after": (partial(outside, before=False), app.append),
        "reads-first": (GroupTransactions, partial(_reads_first, orders)),
    }
    start(orders, *mutants[name])


def _reads_first(orders: Orders, app: Any) -> None:
    app.transport.listener = ReadsFirst(app, orders)


if __name__ == "__main__":
    main(sys.argv[1], Orders(Path(sys.argv[2])))
