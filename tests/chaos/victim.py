"""A scorer that dies where it is told to: ``python -m tests.chaos.victim ORDERS``, settings from the environment.

ORDERS is a file, looked at whenever the scorer passes one of the named points; there is nothing of it in the product.
It holds ``POINT AFTER HOW``: the AFTER-th time it passes POINT, the process sends itself the signal HOW or does with a
request what ``late_requests.py`` says. Then the file is renamed to ``*.obeyed``, first, so that the next process of the
same orders lives.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from stream_app.delivery.transactions import Transactions
from stream_app.events import Offsets, Output, TopicPartition
from stream_app.pipeline import Pipeline
from stream_app.runtime.process import run
from stream_app.settings import WorkerSettings
from stream_app.transactions.turns import GroupTransactions
from stream_app.transport.thread import BatchThread
from stream_app.worker import composition
from tests.chaos.late_requests import make_late

POINTS = (
    "fetched",
    "scored",
    "outputs-sent",
    "offsets-sent",
    "before-commit",
    "after-commit",
    "before-takeover",
    "before-seek",
)
"""``before-seek``: the partitions are taken over and the decided ids read, the position is not set yet."""


class Orders:
    """The file, and how often its point was passed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._passed = 0

    def due(self, point: str) -> str | None:
        """What to do as the scorer passes ``point``: a signal, a request's fate, or None."""
        try:
            wanted, after, how = self._file.read_text().split()
        except (OSError, ValueError):
            return None
        if wanted != point:
            return None
        self._passed += 1
        if self._passed < int(after):
            return None
        self._file.rename(obeyed(self._file))
        self._passed = 0
        return how

    def at(self, point: str) -> None:
        """Called by the scorer as it passes ``point``."""
        if how := self.due(point):
            os.kill(os.getpid(), signal.Signals[how])


def obeyed(orders: Path) -> Path:
    return orders.with_suffix(".obeyed")


class WatchedTransactions:
    """Transactions that pass every point on their way."""

    def __init__(self, inner: Transactions, orders: Orders) -> None:
        self._inner, self._at = inner, orders.at

    async def take_over(self, partitions: Collection[TopicPartition]) -> Offsets:
        self._at("before-takeover")
        return await self._inner.take_over(partitions)

    async def publish(self, records: Mapping[TopicPartition, Sequence[Output]]) -> None:
        await self._inner.publish(records)
        self._at("outputs-sent")

    async def add_offsets(self, offsets: Offsets) -> None:
        await self._inner.add_offsets(offsets)
        self._at("offsets-sent")

    async def commit(self) -> None:
        self._at("before-commit")
        await self._inner.commit()
        self._at("after-commit")

    async def discard(self) -> None:
        await self._inner.discard()


Make = Callable[..., Transactions]


def watched(make: Make, orders: Orders) -> Make:
    """The same factory, of transactions that pass the points."""
    return lambda *given, **named: WatchedTransactions(make(*given, **named), orders)


def watch_the_rest(orders: Orders) -> None:
    """The points that lie outside of transactions."""
    judge, seek_all = Pipeline.judge, BatchThread.seek_all

    def judge_between_points(self: Pipeline, *given: Any, **named: Any) -> Any:
        orders.at("fetched")
        judged = judge(self, *given, **named)
        orders.at("scored")
        return judged

    async def seek_after_point(self: BatchThread, kept: Offsets | None) -> Any:
        orders.at("before-seek")
        return await seek_all(self, kept)

    Pipeline.judge = judge_between_points  # type: ignore[method-assign]  # only of this process
    BatchThread.seek_all = seek_after_point  # type: ignore[method-assign]  # likewise


def start(orders: Orders, make: Make, change: Callable[[Any], None] = lambda _: None) -> None:
    """Run a scorer with these transactions; ``change`` gets the app before it starts."""
    settings = WorkerSettings.read()
    watch_the_rest(orders)
    make_late(orders)
    app = composition.create_app(settings, make_transactions=watched(make, orders))
    change(app)
    run(app, settings)


if __name__ == "__main__":
    start(Orders(Path(sys.argv[1])), GroupTransactions)
