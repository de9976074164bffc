"""What connections may take from the server that serves the gateway: time, memory, a listener's place, log lines."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stream_app.gateway import event_stream, header_timeout, limits
from stream_app.gateway.event_stream import EventStream
from stream_app.gateway.limits import BodyLimitMiddleware
from stream_app.gateway.server import config_of
from tests.builders.gateway import run
from tests.servers.waiting import pass_time, until

Result = TypeVar("Result")
SHORT = 0.05
CALL = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"


async def _size(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header_timeout, "HEAD_SECONDS", SHORT)
    monkeypatch.setattr(limits, "BODY_SECONDS", SHORT)
    monkeypatch.setattr(event_stream, "STALL_SECONDS", SHORT)


def serving(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Result]], *routes: Route) -> Result:
    """What came of a talk over one connection."""

    async def served() -> Result:
        app = Starlette(routes=[Route("/", _size, methods=["POST"]), *routes])
        app.add_middleware(BodyLimitMiddleware, max_bytes=100)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = uvicorn.Server(config_of(app))
            task = asyncio.create_task(server.serve(sockets=[listening]))
            reader, writer = await asyncio.open_connection(*listening.getsockname(), limit=1_000)
            try:
                return await talk(reader, writer)
            finally:
                writer.close()
                server.should_exit = True
                await task

    return run(served())


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the connection ended."""
    return await reader.read()


def test_a_connection_that_says_nothing_is_ended() -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> bytes:
        return await ended(reader)

    assert serving(talk) == b""


def test_a_head_in_drips_is_not_waited_for() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for drip in (CALL[:10], CALL[10:20], CALL[20:30]):
            writer.write(drip)
            await asyncio.sleep(0)
        return await ended(reader)

    assert serving(talk) == b""


def test_a_head_without_end_is_refused() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(CALL[:-2])
        for n in range(header_timeout.HEAD_BYTES // 1_000 + 2):
            writer.write(b"X-%d: " % n + b"x" * 1_000 + b"\r\n")
        return await reader.readline()

    assert b" 431 " in serving(talk)


def test_a_body_that_does_not_come_is_408() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(CALL + b"ab")
        return await ended(reader)

    answer = serving(talk)
    assert b" 408 " in answer
    assert b"too_slow" in answer


def test_call_after_call_on_one_connection_is_answered_however_long_it_is_silent_between() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[bool]:
        answers = []
        for _ in range(2):
            writer.write(CALL + b"abcd")
            answers.append(b" 200 " in await reader.readline())
            await reader.readuntil(b"\r\n\r\n4")
            await pass_time(2 * SHORT)  # longer than a head may take
        return answers

    assert serving(talk) == [True, True]


def test_an_upgrade_that_is_not_supported_is_answered_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(CALL[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nabcd")
        return await reader.readline()

    assert b" 200 " in serving(talk)
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def test_a_listener_that_does_not_read_loses_its_place() -> None:
    news = iter(range(1_000_000))

    async def much() -> bytes:
        return b"%d" % next(news) + b"x" * 1_000_000

    listeners = EventStream(much, seconds=0.0)

    async def events(_: Request) -> Response:
        return listeners.response()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        writer.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: listeners.listeners, "it listens")
        await until(lambda: not listeners.listeners, "its place is free")
        return listeners.listeners

    assert serving(talk, Route("/events", events)) == 0
