"""The replay itself: sender and reader at once, watched until every request is answered or nothing comes back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any

from aiokafka.errors import KafkaError

from stream_app.demo.reader import Reader
from stream_app.demo.scorer import Scorer
from stream_app.demo.screen import Live, Screen
from stream_app.demo.sender import Pace, Sender
from stream_app.demo.wire import Pulse, Wire, consumer_of_answers, producer_of_requests
from stream_app.errors import BrokerUnreachable
from stream_app.ledger import Ledger
from stream_app.simulator import Message

STALL_SECONDS = 30.0
"""Requests are under way and nothing came back for this long: the demo ends and says what is missing."""

_TICK_SECONDS = 0.25
_REST_SECONDS = 10.0


async def exchange(
    messages: Iterable[Message], total: int, ledger: Ledger, wire: Wire, pace: Pace, scorer: Scorer, screen: Screen
) -> None:
    """Send ``total`` messages, read their answers, then end the scorer and read what it still left.

    Raises DemoFailed when the scorer ends by itself, BrokerUnreachable when the broker does.
    """
    pulse = Pulse()
    try:
        async with producer_of_requests(wire) as producer, consumer_of_answers(wire) as consumer:
            sender = Sender(producer, wire.names.requests, wire.partitions, ledger, pulse)
            reader = Reader(consumer, ledger, pulse)
            async with _background(sender.send_all(messages, pace), reader.read_on()) as tasks:
                await _watch(Watched(total, sender, ledger, pulse, scorer), tasks, screen)
            await asyncio.to_thread(scorer.stop)  # so that nothing can be answered twice after the last look
            async with asyncio.timeout(_REST_SECONDS):
                await reader.read_rest()
    except (KafkaError, TimeoutError) as fault:
        raise BrokerUnreachable(
            f"The broker at {wire.bootstrap} stopped answering in mid-replay ({type(fault).__name__}).",
            do_next="Start the demo again; if it repeats, take another --engine.",
        ) from fault


class Watched:
    """The replay as the watcher sees it."""

    def __init__(self, total: int, sender: Sender, ledger: Ledger, pulse: Pulse, scorer: Scorer) -> None:
        self.total, self.sender, self.ledger, self.pulse, self.scorer = total, sender, ledger, pulse, scorer
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=int(3 / _TICK_SECONDS))

    def is_complete(self) -> bool:
        return self.ledger.requests == self.total and self.ledger.outstanding == 0

    def is_stalled(self) -> bool:
        return self.sender.under_way > 0 and self.pulse.still_seconds() > STALL_SECONDS

    def live(self) -> Live:
        """The state now; the rate since the oldest of the last marks, about three seconds."""
        (since, decided_then), now, decided = self._marks[0], time.monotonic(), self.ledger.decisions
        self._marks.append((now, decided))
        return Live(
            total=self.total,
            sent=self.sender.sent,
            decided=decided,
            rejected=self.ledger.answers - decided,
            per_second=(decided - decided_then) / max(now - since, 1e-3),
            latency=self.ledger.recent_latency(),
        )


async def _watch(watched: Watched, tasks: Iterable[asyncio.Task[None]], screen: Screen) -> None:
    shown_at = time.monotonic()
    while not watched.is_complete():
        for task in tasks:
            if task.done():
                task.result()
        watched.scorer.check()
        if watched.is_stalled():
            screen.say(f"Nothing came back for {STALL_SECONDS:g} s; the accounts follow.")
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
