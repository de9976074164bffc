"""The replay itself: sender, reader and listener at once, until every request is answered or nothing comes back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any

import msgspec
from aiokafka.errors import KafkaError

from stream_app.demo.child_process import ChildWorker
from stream_app.demo.kafka_clients import ActivitySignal, Wire, consumer_of, started_producer
from stream_app.demo.loan_book import LabelSchedule
from stream_app.demo.monitor_view import MonitorView
from stream_app.demo.reader import Reader
from stream_app.demo.reconciliation import Ledger
from stream_app.demo.screen import Live, Screen
from stream_app.demo.sender import Pace, Sender
from stream_app.errors import BrokerUnreachable
from stream_app.tables.messages import Message

_TICK_SECONDS = 0.25
_REST_SECONDS = 10.0


class ReplayJob(msgspec.Struct, frozen=True, kw_only=True):
    """``total`` messages at a pace, and the truth about them; when some are under way and nothing moved for
    ``patience_seconds``, it is over."""

    messages: Iterable[Message]
    total: int
    truth: LabelSchedule
    pace: Pace
    patience_seconds: float


class Participants(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes part: the scorer and, unless it is left out, the monitor."""

    scorer: ChildWorker
    monitor_view: MonitorView | None


async def replay_all(job: ReplayJob, ledger: Ledger, wire: Wire, participants: Participants, screen: Screen) -> int:
    """Send the messages, read their answers, then end the scorer and read what it still left. Gives the number of
    outcomes the broker has.

    Raises DemoFailed when the scorer ends by itself, BrokerUnreachable when the broker does.
    """
    pulse = ActivitySignal()
    answers = wire.names.decisions, wire.names.rejections
    try:
        async with started_producer(wire) as producer, consumer_of(wire, *answers) as consumer:
            sender = Sender(producer, wire, ledger, pulse)
            reader = Reader(consumer, ledger, pulse)
            work = [sender.send_all(job.messages, job.pace, job.truth), reader.read_on()]
            if participants.monitor_view:
                work.append(participants.monitor_view.listen())
            async with _background(*work) as tasks:
                await _watch(
                    ReplayProgress(job, sender, ledger, pulse, participants.monitor_view),
                    participants.scorer,
                    tasks,
                    screen,
                )
            await asyncio.to_thread(
                participants.scorer.stop
            )  # so that nothing can be answered twice after the last look
            async with asyncio.timeout(_REST_SECONDS):
                await reader.read_rest()
    except (KafkaError, TimeoutError) as fault:
        raise BrokerUnreachable(
            f"The broker at {wire.bootstrap} stopped answering in mid-replay ({type(fault).__name__}).",
            do_next="Start the demo again; if it repeats, take another --engine.",
        ) from fault
    return sender.outcomes


class ReplayProgress:
    """The replay as the watcher sees it."""

    def __init__(
        self, job: ReplayJob, sender: Sender, ledger: Ledger, pulse: ActivitySignal, monitor_view: MonitorView | None
    ) -> None:
        self.job, self.sender, self.ledger, self.pulse, self._monitor_view = job, sender, ledger, pulse, monitor_view
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=int(3 / _TICK_SECONDS))

    def is_complete(self) -> bool:
        """Whether every message is sent, confirmed and answered, and the broker has the whole truth."""
        answered = self.ledger.requests == self.job.total and self.ledger.outstanding == 0
        return answered and self.sender.finished

    def is_stalled(self) -> bool:
        """Whether something is under way and nothing has moved for too long."""
        return self.sender.under_way > 0 and self.pulse.still_seconds() > self.job.patience_seconds

    def live(self) -> Live:
        """The state now; the rate since the oldest of the last marks, about three seconds."""
        (since, decided_then), now, decided = self._marks[0], time.monotonic(), self.ledger.decisions
        self._marks.append((now, decided))
        return Live(
            total=self.job.total,
            sent=self.sender.sent,
            decided=decided,
            rejected=self.ledger.answers - decided,
            per_second=(decided - decided_then) / max(now - since, 1e-3),
            latency=self.ledger.recent_latency(),
            newest_window=self._monitor_view.newest if self._monitor_view else "",
        )


async def _watch(
    watched: ReplayProgress, scorer: ChildWorker, tasks: Iterable[asyncio.Task[None]], screen: Screen
) -> None:
    shown_at = time.monotonic()
    while not watched.is_complete():
        for task in tasks:
            if task.done():
                task.result()
        scorer.check()
        if watched.is_stalled():
            screen.say(f"Nothing came back for {watched.job.patience_seconds:g} s; the accounts follow.")
            return
        if time.monotonic() - shown_at >= _TICK_SECONDS:
            shown_at = time.monotonic()
            screen.show(watched.live())
        await watched.pulse.next(_TICK_SECONDS)
    screen.show(watched.live())


@contextlib.asynccontextmanager
async def _background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Runs these beside the block and cancels them at its end."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
