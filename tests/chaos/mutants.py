"""Scorers with one mistake each, so that the oracle can be seen to fail: ``python -m tests.chaos.mutants NAME ORDERS``.

Each is a mistake that a test without faults would never notice.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from stream_app.delivery.transactional_producer import AiokafkaTransactions

from stream_app.events import Offsets, Output, TopicPartition
from stream_app.transport import Assignment
from tests.chaos.victim import Orders, start

BETWEEN_COMMITS, OFFSET_READ = "between-commits", "offset-read"
"""Points that only mutants pass."""


class Unawaited(AiokafkaTransactions):
    """Hands the outputs to the producer and does not wait for their delivery."""

    async def send(self, topic: str, partition: int, outputs: Sequence[Output]) -> None:
        for each in outputs:
            given = {"key": each.key, "partition": partition, "headers": each.headers}
            delivery = await self._producer.send(topic, each.value, **given)
            delivery.add_done_callback(lambda done: done.exception())


class OneForAll:
    """One transactional id a worker, for all its partitions: their transactions take turns on one producer."""

    _shared: ClassVar[AiokafkaTransactions | None] = None
    _turn: ClassVar[asyncio.Lock] = asyncio.Lock()
    _mine = False

    def __init__(self, _transactional_id: str, **given: Any) -> None:
        self._given = given

    async def start(self) -> None:
        async with self._turn:
            if OneForAll._shared is None:
                OneForAll._shared = AiokafkaTransactions(f"worker-{os.getpid()}", **self._given)
                await OneForAll._shared.start()

    async def begin(self) -> None:
        await self._turn.acquire()
        self._mine = True
        await self._inner.begin()

    async def send(self, topic: str, partition: int, outputs: Sequence[Output]) -> None:
        await self._inner.send(topic, partition, outputs)

    async def add_offsets(self, offsets: Offsets, group: str) -> None:
        await self._inner.add_offsets(offsets, group)

    async def commit(self) -> None:
        await self._inner.commit()
        self._pass_on()

    async def discard(self) -> None:
        self._pass_on()

    @property
    def _inner(self) -> AiokafkaTransactions:
        assert OneForAll._shared is not None
        return OneForAll._shared

    def _pass_on(self) -> None:
        if self._mine:
            self._mine = False
            self._turn.release()


class OffsetsOutside(AiokafkaTransactions):
    """Commits the offsets through the consumer, before or after the transaction."""

    def __init__(self, transactional_id: str, *, orders: Orders, app: list[Any], before: bool, **given: Any) -> None:
        super().__init__(transactional_id, **given)
        self._orders, self._app, self._before = orders, app, before
        self._offsets: Offsets = {}

    async def add_offsets(self, offsets: Offsets, group: str) -> None:  # noqa: ARG002 - the mistake
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
        "one-for-all": (OneForAll, app.append),
        "offsets-before": (partial(outside, before=True), app.append),
        "offsets-after": (partial(outside, before=False), app.append),
        "reads-first": (AiokafkaTransactions, partial(_reads_first, orders)),
    }
    start(orders, *mutants[name])


def _reads_first(orders: Orders, app: Any) -> None:
    app.transport.listener = ReadsFirst(app, orders)


if __name__ == "__main__":
    main(sys.argv[1], Orders(Path(sys.argv[2])))
