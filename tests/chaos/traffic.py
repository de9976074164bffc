"""Real loan requests at a steady rate, whatever happens to the brokers, and an account of what was acknowledged."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

import msgspec
from kafka import KafkaProducer

from stream_app.demo.fault_injection import FAULTS, spoilt
from stream_app.demo.loan_book import Replay
from stream_app.events import LoanRequest
from stream_app.tables.messages import Message, request_message
from tests.servers.deployment import Source

TICK_SECONDS = 0.02
RECENT = 20_000
"""Sends of a partition whose time is remembered, the newest: some minutes."""
WEEK_MS = 7 * 24 * 3_600_000
MAX_REQUEST_BYTES = 65_536
"""What the scorer takes by default; poison of the kind *too large* is larger."""


class Traffic:
    """A thread that sends. Shares of requests (0..1), 0 at first: :attr:`poison` is made bad, each kind in turn;
    :attr:`repeats` is sent a second time a while later, half of these with other content under the same id."""

    def __init__(self, bootstrap: str, topic: str, book: Replay, run: str, *, rate: float) -> None:
        self._bootstrap, self._topic, self._run = bootstrap, topic, run
        self.poison = self.repeats = 0.0
        self._messages = self._endless(book, Random(run))
        self._rate = rate
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._offsets: dict[int, set[int]] = defaultdict(set)
        self._sends: dict[int, deque[tuple[float, int]]] = defaultdict(partial(deque, maxlen=RECENT))
        self.failed: list[str] = []
        """Deliveries whose end is not known; the oracle goes by what is on the topic."""
        self._producer = self._connected()
        self._thread = threading.Thread(target=self._send_steadily, name="traffic", daemon=True)
        self._thread.start()

    def _connected(self) -> KafkaProducer:
        return KafkaProducer(
            bootstrap_servers=self._bootstrap.split(","),
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            max_block_ms=WEEK_MS,
            delivery_timeout_ms=WEEK_MS,
            max_request_size=12_000_000,
            reconnect_backoff_max_ms=500,
        )

    def _endless(self, book: Replay, rng: Random) -> Iterator[Message]:
        number = bad = 0
        lately: deque[LoanRequest[Any]] = deque(maxlen=2_000)
        while True:
            if rng.random() < self.repeats and lately:
                yield _again(rng.choice(lately), number)
            request = book.requests[number % len(book)]
            request = msgspec.structs.replace(request, request_id=f"{self._run}-{number:07d}")
            number += 1
            if rng.random() < self.poison:
                bad += 1
                yield spoilt(request, FAULTS[bad % len(FAULTS)], MAX_REQUEST_BYTES)
            else:
                lately.append(request)
                yield request_message(request)

    def _send_steadily(self) -> None:
        due = 0.0
        while not self._ended.is_set():
            due = min(due + self._rate * TICK_SECONDS, self._rate)  # after an outage it does not catch up
            while due >= 1.0:
                due -= 1.0
                message = next(self._messages)
                self.send(message.key, message.value, answered=message.expected != UNANSWERED)
            self._ended.wait(TICK_SECONDS)  # the rate itself

    def send(self, key: bytes | None, value: bytes | None, *, answered: bool = True) -> Any:
        """Send one record; the future of its delivery. ``answered``: whether it is owed an output of its own."""
        future = self._producer.send(self._topic, value=value, key=key)
        future.add_callback(partial(self._was_acknowledged, time.monotonic(), answered))
        future.add_errback(lambda fault: self.failed.append(type(fault).__name__))
        return future

    def _was_acknowledged(self, sent_at: float, answered: bool, record: Any) -> None:
        with self._lock:
            self._offsets[record.partition].add(record.offset)
            if answered:
                self._sends[record.partition].append((sent_at, record.offset))

    def first_sent_after(self, moment: float) -> dict[int, Source]:
        """By partition: the first acknowledged request that was sent after this ``time.monotonic()``."""
        with self._lock:
            later = {
                partition: [offset for at, offset in sends if at >= moment] for partition, sends in self._sends.items()
            }
        return {partition: (partition, min(offsets)) for partition, offsets in later.items() if offsets}

    def sent_between(self, start: float, end: float) -> list[tuple[float, Source]]:
        """When each acknowledged request of that time was sent, and where it lies."""
        with self._lock:
            return [
                (at, (partition, offset))
                for partition, sends in self._sends.items()
                for at, offset in sends
                if start <= at < end
            ]

    def acknowledged(self, partition: int) -> set[int]:
        """Offsets of what the brokers said they have."""
        with self._lock:
            return set(self._offsets[partition])

    def pause(self) -> None:
        """Stop the thread and wait until everything sent is acknowledged or failed."""
        self._ended.set()
        self._thread.join()
        self._producer.flush()

    def close(self) -> None:
        self.pause()
        self._producer.close()


UNANSWERED = "nothing"
"""What a repeat is answered with."""


def _again(request: LoanRequest[Any], number: int) -> Message:
    """The same request, or every second time one that differs from it."""
    if number % 2:
        return msgspec.structs.replace(request_message(request), expected=UNANSWERED)
    return request_message(
        msgspec.structs.replace(request, requested_at=request.requested_at + dt.timedelta(seconds=1))
    )
