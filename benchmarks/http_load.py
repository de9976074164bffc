"""HTTP load generator: ``python -m benchmarks.http_load PORT RATE CONNECTIONS < calls > answers``.

A call is a line on standard input: base64 of the whole HTTP request, a space, a text that its response must contain.
Calls are made on a fixed schedule over CONNECTIONS kept connections, one call at a time on each, and timed from when
they were due (an open loop): a stalled gateway makes every call that was due meanwhile late. This process shares two
cores with what it measures, so it knows just enough of HTTP and prepares everything beforehand.
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

LAST_RESPONSE_SECONDS = 10.0
"""How long to wait for responses after the last call was made."""

Call = tuple[bytes, bytes]


class LoadGenerator:
    """The schedule and its results: ``ms`` by call from due to answered, None without response; counts by status."""

    def __init__(self, calls: list[Call], rate: int) -> None:
        self.calls, self._rate = calls, rate
        self.ms: list[float | None] = [None] * len(calls)
        self.statuses: Counter[str] = Counter()
        self.free: deque[Connection] = deque()
        self._due: deque[int] = deque()
        self._start = 0.0
        self._all_answered = asyncio.Event()

    async def run(self, port: int, connections: int) -> None:
        """Connect, make every call, wait for the responses."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", port)
        self._start = time.perf_counter() + 0.1
        for n in range(len(self.calls)):
            await asyncio.sleep(self._start + n / self._rate - time.perf_counter())
            self._due.append(n)
            self.next_call()
        try:
            await asyncio.wait_for(self._all_answered.wait(), LAST_RESPONSE_SECONDS)
        except TimeoutError:
            self.statuses["unanswered"] = self.ms.count(None)

    def next_call(self) -> None:
        """Make the next call that is due, if there is one and a connection is free."""
        if self._due and self.free:
            self.free.popleft().make(self._due.popleft())

    def record(self, n: int, status: str, response: bytes) -> None:
        """Note the response to call number ``n``."""
        self.ms[n] = (time.perf_counter() - self._start - n / self._rate) * 1000
        self.statuses[status if self.calls[n][1] in response else f"{status} to something else"] += 1
        if self.statuses.total() == len(self.calls):
            self._all_answered.set()


class Connection(asyncio.Protocol):
    """One kept connection, with one call at a time."""

    def __init__(self, load: LoadGenerator) -> None:
        self._load, self._received, self._call = load, b"", -1

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._load.free.append(self)

    def make(self, n: int) -> None:
        self._call = n
        self._transport.write(self._load.calls[n][0])

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if separator and len(body) >= _length(head):
            self._received, n, self._call = b"", self._call, -1
            self._load.record(n, head[9:12].decode(), body)
            self._load.free.append(self)
            self._load.next_call()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._call >= 0:
            self._load.record(self._call, "connection lost", b"")


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")


def encode_call(request: str, expected: str) -> str:
    """A call as one line of standard input."""
    return f"{base64.b64encode(request.encode()).decode()} {expected}\n"


def main() -> None:
    port, rate, connections = (int(argument) for argument in sys.argv[1:])
    lines = (line.rstrip("\n").partition(" ") for line in sys.stdin)
    calls = [(base64.b64decode(request), expected.encode()) for request, _, expected in lines]

    async def run() -> LoadGenerator:
        load = LoadGenerator(calls, rate)
        await load.run(port, connections)
        return load

    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        done = runner.run(run())
    json.dump({"ms": done.ms, "statuses": done.statuses}, sys.stdout)


if __name__ == "__main__":
    main()
