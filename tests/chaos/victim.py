"""A scorer that dies where it is told to: ``python -m tests.chaos.victim ORDERS``, settings from the environment.

ORDERS is a file, looked at whenever the scorer passes one of the named points; there is nothing of it in the product.
It holds ``POINT AFTER SIGNAL``: the process sends itself SIGNAL the AFTER-th time it passes POINT. Then the file is
renamed to ``*.obeyed``, first, so that the next process of the same orders lives.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stream_app.delivery.transactional_producer import AiokafkaTransactions, Transactions

from stream_app.events import Offsets
from stream_app.pipeline import Pipeline
from stream_app.runtime.process import run
from stream_app.settings import WorkerSettings
from stream_app.transport.thread import BatchThread
from stream_app.worker import composition

POINTS = (
    "fetched",
    "scored",
    "begun",
    "decisions-sent",
    "rejections-sent",
    "offsets-sent",
    "before-commit",
    "after-commit",
    "fenced",
    "before-seek",
)
"""``fenced``: one lane is open, others perhaps not; ``before-seek``: all are, the committed offset is not read yet."""


class Orders:
    """The file, and how often its point was passed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._passed = 0

    def at(self, point: str) -> None:
        """Called by the scorer as it passes ``point``."""
        try:
            wanted, after, how = self._file.read_text().split()
        except (OSError, ValueError):
            return
        if wanted != point:
            return
        self._passed += 1
        if self._passed >= int(after):
            self._file.rename(obeyed(self._file))
            self._passed = 0
            os.kill(os.getpid(), signal.Signals[how])


def obeyed(orders: Path) -> Path:
    return orders.with_suffix(".obeyed")


class WatchedTransactions:
    """Transactions that pass every point on their way."""

    def __init__(self, inner: Transactions, orders: Orders, decisions: str) -> None:
        self._inner, self._at, self._decisions = inner, orders.at, decisions

    async def start(self) -> None:
        await self._inner.start()
        self._at("fenced")

    async def begin(self) -> None:
        await self._inner.begin()
        self._at("begun")

    async def send(self, topic: str, partition: int, outputs: Sequence[Any]) -> None:
        await self._inner.send(topic, partition, outputs)
        self._at("decisions-sent" if topic == self._decisions else "rejections-sent")

    async def add_offsets(self, offsets: Offsets, group: str) -> None:
        await self._inner.add_offsets(offsets, group)
        self._at("offsets-sent")

    async def commit(self) -> None:
        self._at("before-commit")
        await self._inner.commit()
        self._at("after-commit")

    async def discard(self) -> None:
        await self._inner.discard()


Make = Callable[..., Transactions]


def watched(make: Make, orders: Orders, settings: WorkerSettings) -> Make:
    """The same factory, of transactions that pass the points."""
    decisions = settings.topic_prefix + "loan.decisions"
    return lambda *given, **named: WatchedTransactions(make(*given, **named), orders, decisions)


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
    app = composition.create_app(settings, make_transactions=watched(make, orders, settings))
    change(app)
    run(app, settings)


if __name__ == "__main__":
    start(Orders(Path(sys.argv[1])), AiokafkaTransactions)
