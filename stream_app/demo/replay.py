"""The replay: sender, reader and monitor view at once, until every request is answered or nothing comes back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any

import msgspec
from aiokafka.errors import KafkaError

from stream_app.demo.child_process import ChildProcess
from stream_app.demo.environment import Environment
from stream_app.demo.kafka_clients import Activity, started_consumer, started_producer
from stream_app.demo.loan_book import LabelSchedule
from stream_app.demo.monitor_view import MonitorView
from stream_app.demo.reader import Reader
from stream_app.demo.reconciliation import Ledger
from stream_app.demo.screen import Live, Screen
from stream_app.demo.sender import Pace, Sender
from stream_app.errors import BrokerUnreachable
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON
from stream_app.tables.messages import Message

_TICK_SECONDS = 0.25
_REST_SECONDS = 10.0


class ReplayJob(msgspec.Struct, frozen=True, kw_only=True):
    """``total`` messages at a pace, and their labels; it ends early when some are in flight and nothing has moved for
    ``timeout_seconds``. ``decisions``: their format."""

    messages: Iterable[Message]
    total: int
    labels: LabelSchedule
    decisions: Format = JSON
    pace: Pace
    timeout_seconds: float


async def run_replay(
    job: ReplayJob,
    ledger: Ledger,
    environment: Environment,
    scorer: ChildProcess,
    monitor: MonitorView | None,
    screen: Screen,
) -> int:
    """Send the messages, read their answers, then stop the scorer and read what it still published. Returns how many
    labels the broker has.

    Raises DemoFailed when the scorer ends by itself, BrokerUnreachable when the broker does.
    """
    activity = Activity()
    answers = environment.names.decisions, environment.names.rejections
    try:
        async with (
            started_producer(environment, "producer") as producer,
            started_producer(environment, "label-producer") as label_producer,
            started_consumer(environment, *answers) as consumer,
        ):
            sender = Sender(producer, label_producer, environment, ledger, activity)
            reader = Reader(consumer, ledger, activity, decisions=job.decisions)
            work = [sender.send_all(job.messages, job.pace, job.labels), reader.read_on()]
            if monitor:
                work.append(monitor.listen())
            async with _background(*work) as tasks:
                await _watch(ReplayProgress(job, sender, ledger, activity, monitor), scorer, tasks, screen)
            await asyncio.to_thread(scorer.stop)  # so that nothing can be answered twice after the last read
            async with asyncio.timeout(_REST_SECONDS):
                await reader.read_rest()
    except (KafkaError, TimeoutError) as fault:
        raise BrokerUnreachable(
            f"The broker at {environment.connection} stopped answering during the replay ({type(fault).__name__}).",
            do_next="Start the demo again; if it repeats, take another --engine.",
        ) from fault
    return sender.labels


class ReplayProgress:
    """How far the replay is."""

    def __init__(
        self, job: ReplayJob, sender: Sender, ledger: Ledger, activity: Activity, monitor: MonitorView | None
    ) -> None:
        self.job, self.activity = job, activity
        self._sender, self._ledger, self._monitor = sender, ledger, monitor
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=int(3 / _TICK_SECONDS))

    def is_complete(self) -> bool:
        """Whether every message is sent, confirmed and answered, and the broker has every label."""
        answered = self._ledger.requests == self.job.total and self._ledger.outstanding == 0
        return answered and self._sender.finished

    def is_stalled(self) -> bool:
        """Whether requests are in flight and nothing has moved for too long."""
        return self._sender.in_flight > 0 and self.activity.idle_seconds() > self.job.timeout_seconds

    def live(self) -> Live:
        """The figures now; the rate since the oldest of the last marks, about three seconds."""
        (since, decided_then), now, decided = self._marks[0], time.monotonic(), self._ledger.decisions
        self._marks.append((now, decided))
        return Live(
            total=self.job.total,
            sent=self._sender.sent,
            decided=decided,
            rejected=self._ledger.answers - decided,
            per_second=(decided - decided_then) / max(now - since, 1e-3),
            latency=self._ledger.recent_latency(),
            newest_window=self._monitor.newest if self._monitor else "",
        )


async def _watch(
    progress: ReplayProgress, scorer: ChildProcess, tasks: Iterable[asyncio.Task[None]], screen: Screen
) -> None:
    shown_at = time.monotonic()
    while not progress.is_complete():
        for task in tasks:
            if task.done():
                task.result()
        scorer.check()
        if progress.is_stalled():
            screen.say(f"Nothing came back for {progress.job.timeout_seconds:g} s; the accounts follow.")
            return
        if time.monotonic() - shown_at >= _TICK_SECONDS:
            shown_at = time.monotonic()
            screen.show(progress.live())
        await progress.activity.wait(_TICK_SECONDS)
    screen.show(progress.live())


@contextlib.asynccontextmanager
async def _background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Runs these beside the block and cancels them at its end."""
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
