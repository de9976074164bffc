"""Many HTTP clients in one process: ``python -m benchmarks.callers PORT RATE CONNECTIONS < calls > answers``.

A call is a line on standard input: base64 of the whole HTTP request, a space, what its answer must contain. They are
made on a fixed timetable over that many kept connections, each in turn as it is free, and timed from when they were
due, so a stalled gateway makes every call that was due meanwhile late. This process shares two cores with what it
measures: it knows just enough of HTTP, and prepares everything before it begins.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import sys
import time
from collections import Counter, deque
from typing import Any

import uvloop

PATIENCE_SECONDS = 10.0
"""For the last answers."""

Call = tuple[bytes, bytes]


class Callers:
    """The timetable and what came of it: ``ms`` from due to answered, None where no answer came."""

    def __init__(self, calls: list[Call], rate: int) -> None:
        self.calls, self._rate = calls, rate
        self.ms: list[float | None] = [None] * len(calls)
        self.statuses: Counter[str] = Counter()
        self.free: deque[Connection] = deque()
        self._due: deque[int] = deque()
        self._start = 0.0
        self._all_answered = asyncio.Event()

    async def run(self, port: int, connections: int) -> None:
        """Connect, make every call, wait for the answers."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", port)
        self._start = time.perf_counter() + 0.1
        for n in range(len(self.calls)):
            await asyncio.sleep(self._start + n / self._rate - time.perf_counter())
            self._due.append(n)
            self.next_call()
        try:
            await asyncio.wait_for(self._all_answered.wait(), PATIENCE_SECONDS)
        except TimeoutError:
            self.statuses["unanswered"] = sum(each is None for each in self.ms)

    def next_call(self) -> None:
        """Make the call that is due, if there is one and a connection is free."""
        if self._due and self.free:
            self.free.popleft().make(self._due.popleft())

    def answered(self, n: int, status: str, answer: bytes) -> None:
        self.ms[n] = (time.perf_counter() - self._start - n / self._rate) * 1000
        self.statuses[status if self.calls[n][1] in answer else f"{status} to something else"] += 1
        if self.statuses.total() == len(self.calls):
            self._all_answered.set()


class Connection(asyncio.Protocol):
    """One kept connection with one call at a time on it."""

    def __init__(self, callers: Callers) -> None:
        self._callers, self._came, self._call = callers, b"", -1

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._callers.free.append(self)

    def make(self, n: int) -> None:
        self._call = n
        self._transport.write(self._callers.calls[n][0])

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, separator, body = self._came.partition(b"\r\n\r\n")
        if separator and len(body) >= _length(head):
            self._came, n, self._call = b"", self._call, -1
            self._callers.answered(n, head[9:12].decode(), body)
            self._callers.free.append(self)
            self._callers.next_call()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._call >= 0:
            self._callers.answered(self._call, "connection lost", b"")


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")


def line_of(request: str, expected: str) -> str:
    """A call as it is read from standard input."""
    return f"{base64.b64encode(request.encode()).decode()} {expected}\n"


def main() -> None:
    port, rate, connections = (int(argument) for argument in sys.argv[1:])
    lines = (line.rstrip("\n").partition(" ") for line in sys.stdin)
    calls = [(base64.b64decode(request), expected.encode()) for request, _, expected in lines]

    async def run() -> Callers:
        callers = Callers(calls, rate)
        await callers.run(port, connections)
        return callers

    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        done = runner.run(run())
    json.dump({"ms": done.ms, "statuses": done.statuses}, sys.stdout)


if __name__ == "__main__":
    main()
