"""The target of HTTP: the real gateway on a real socket, whose scorer is the real pipeline."""

from __future__ import annotations

import logging
import random
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import uvicorn

from stream_app.gateway.app import create_app
from stream_app.gateway.server import config_of
from tests.builders.gateway import PROFILE, LocalStream, settings_in, shipped_pipeline
from tests.builders.records import Profiles
from tests.builders.scorer_requests import good
from tests.fuzz.mutate import ODD_BYTES, spoil_bytes, spoil_json
from tests.fuzz.target import Target, corpus, demand
from tests.servers.waiting import wait_until

PATHS = (
    *[b"/requests"] * 8, b"/predict/7", b"/predict/8", b"/predict/7%0A", b"/requests/r1", b"/decisions/r1", b"/health",
    b"/ready", b"/live", b"/status", b"/", b"/openapi.json", b"/docs", b"/board/state", b"/board/histogram",
    b"/board/decisions", b"/board/outcomes", b"/board/drift", b"/board/performance", b"/board/events", b"/reports/x",
)  # fmt: skip
METHODS = (b"POST", b"POST", b"POST", b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"\xff")
HEADERS = (
    b"Idempotency-Key: abc", b"Idempotency-Key: \xff\x00", b"Content-Type: text/plain", b"Accept: application/xml",
    b"Authorization: Bearer x", b"Authorization: \xff", b"X-API-Key: " + b"k" * 5000, b"Expect: 100-continue",
    b"Host: evil.example", b"Origin: http://evil.example", b"Transfer-Encoding: chunked", b"Content-Encoding: gzip",
    b"Range: bytes=0-", b"If-None-Match: *", b"traceparent: 00-0-0-00", b"Upgrade: websocket\r\nConnection: Upgrade",
    b": ", b"A" * 70_000 + b": 1",
)  # fmt: skip
READ_SECONDS, MAX_ANSWER = 5.0, 4 * 1024 * 1024
EXPECTED_FAULTS = {b"501", b"503", b"504"}
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_REASON = re.compile(rb'"reason":"(\w+)"')


class _Faults(logging.Handler):
    """Whatever the gateway logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def http() -> Target:
    """Started once; in a thread, on a free port of loopback."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-http-"))
    profiles = Profiles({"7": PROFILE, "8": PROFILE})
    settings = settings_in(folder, rate_per_minute=0)
    app = create_app(settings, lambda _, deliver, __: LocalStream(shipped_pipeline(profiles), deliver))
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server, faults = uvicorn.Server(config_of(app)), _Faults()
    logging.getLogger().addHandler(faults)
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    serving.start()
    wait_until(lambda: server.started, "the gateway serves")
    target = Target("http", partial(_call, listening.getsockname(), faults), [good("7", "r1"), *corpus("http")], _spoil)
    target.close = partial(_stop, server, serving, folder)
    return target


def _stop(server: uvicorn.Server, serving: threading.Thread, folder: Path) -> None:
    server.should_exit = True
    serving.join(20)
    shutil.rmtree(folder, ignore_errors=True)


def _spoil(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A whole HTTP request around a spoilt body, a tenth of them spoilt as bytes, too."""
    if data.startswith(tuple(METHODS)):
        return spoil_bytes(rng, data, others)
    body = spoil_json(rng, data, others)
    path = rng.choice(PATHS)
    if rng.random() < 0.2:
        path = spoil_bytes(rng, path, PATHS, most=2).replace(b" ", b"%20").replace(b"\n", b"%0A").replace(b"\r", b"")
    if rng.random() < 0.1:
        path += b"?" + rng.choice(
            (b"last=-1", b"limit=1e9", b"a=%ff", b"=&=", b"wait=nan", b"q=" + rng.choice(ODD_BYTES[:9]).strip())
        )
    method = rng.choice(METHODS) if rng.random() < 0.3 else (b"POST" if path.startswith(b"/requests") else b"GET")
    headers = [
        b"Host: localhost",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
    ]
    headers += rng.sample(HEADERS, rng.choice((0, 0, 0, 1, 2)))
    request = b"%s %s HTTP/1.1\r\n%s\r\n\r\n" % (method, path, b"\r\n".join(headers)) + body
    return spoil_bytes(rng, request) if rng.random() < 0.1 else request


def _call(address: tuple[str, int], faults: _Faults, data: bytes) -> str:
    answer = _answer(address, data)
    demand(not faults.lines, f"the gateway logs no error: {faults.lines[:1]}")
    if (status := _STATUS.match(answer)) is None:
        return "no answer" if not answer else "no HTTP"
    demand(
        not status[1].startswith(b"5") or status[1] in EXPECTED_FAULTS,
        f"no input is a fault of the gateway: {status[1]!r}",
    )
    reason = _REASON.search(answer)
    demand(status[1] < b"400" or b"Traceback" not in answer, "no trace is shown")
    method = method.decode() if (method := data.split(b" ", 1)[0]) in METHODS[:-1] else "?"
    return f"{method} {status[1].decode()} {reason[1].decode() if reason else ''}"


def _answer(address: tuple[str, int], data: bytes) -> bytes:
    """All of it; of a stream of events its head. What is half a request is ended by closing our side."""
    answer = b""
    with socket.create_connection(address, timeout=READ_SECONDS) as caller:
        try:
            caller.sendall(data)
            if not _is_whole(data):
                caller.shutdown(socket.SHUT_WR)
            while len(answer) < MAX_ANSWER and (part := caller.recv(65_536)):
                answer += part
                if b"text/event-stream" in answer:
                    break
        except (ConnectionError, BrokenPipeError):
            pass  # refused before it was read to the end
    return answer


def _is_whole(data: bytes) -> bool:
    head, separator, body = data.partition(b"\r\n\r\n")
    length = re.findall(rb"\r\nContent-Length: (\d{1,9})(?=\r\n|$)", head)
    closes = b"\r\nConnection: close" in head and b"chunked" not in head
    return bool(separator) and closes and length == [b"%d" % len(body)]
