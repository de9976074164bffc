"""The worker's own pages on a real loopback socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from stream_app.errors import PortTaken
from stream_app.runtime.health_server import WebPages

LOOPBACK = "127.0.0.1"


@dataclass
class Worker:
    """What the pages show: a reason not to be ready, and a gauge."""

    why_not: str | None = None
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        Gauge("lag", "Records", registry=self.registry).set(7)

    def pages(self, port: int = 0) -> WebPages:
        return WebPages(LOOPBACK, port, self.registry, lambda: self.why_not)


@dataclass(frozen=True)
class Page:
    status: int
    content_type: str
    text: str


@contextlib.asynccontextmanager
async def listening(pages: WebPages) -> AsyncIterator[WebPages]:
    try:
        await pages.listen()
        yield pages
    finally:
        await pages.on_stop()


def asked(worker: Worker, *paths: str) -> list[Page]:
    """The answers to these requests, in their order, from pages that are closed afterwards."""

    async def ask() -> list[Page]:
        async with (
            listening(worker.pages()) as pages,
            aiohttp.ClientSession(f"http://{LOOPBACK}:{pages.port}") as session,
        ):
            return [await page(session, path) for path in paths]

    return asyncio.run(ask())


async def page(session: aiohttp.ClientSession, path: str) -> Page:
    async with session.get(path) as answer:
        return Page(answer.status, answer.headers["Content-Type"], await answer.text())


def port_of(pages: WebPages) -> int:
    """Listen and close; on which port it was. Raises what listening raises."""

    async def listen() -> int:
        async with listening(pages):
            return pages.port

    return asyncio.run(listen())


def test_a_worker_that_answers_is_alive_ready_or_not() -> None:
    [live] = asked(Worker(why_not="no partitions assigned"), "/live")
    assert (live.status, live.text) == (200, '{"live": true}')


def test_a_worker_that_is_not_ready_says_503_and_why() -> None:
    [ready] = asked(Worker(why_not="no partitions assigned"), "/ready")
    assert (ready.status, ready.text) == (503, '{"ready": false, "why_not": "no partitions assigned"}')


def test_a_worker_that_is_ready_says_200() -> None:
    [ready] = asked(Worker(), "/ready")
    assert (ready.status, ready.text) == (200, '{"ready": true, "why_not": null}')


def test_the_metrics_are_the_registry_as_prometheus_text() -> None:
    [metrics] = asked(Worker(), "/metrics")
    assert metrics.status == 200
    assert metrics.content_type.startswith("text/plain; version=")
    [family] = [family for family in text_string_to_metric_families(metrics.text) if family.name == "lag"]
    assert family.samples[0].value == 7


def test_there_is_no_other_page() -> None:
    assert [answer.status for answer in asked(Worker(), "/", "/graph", "/tables")] == [404, 404, 404]


def test_port_0_takes_a_free_port_which_is_free_again_once_the_pages_are_closed() -> None:
    port = port_of(Worker().pages(port=0))
    assert port != 0
    with socket.create_server((LOOPBACK, port)):
        pass


def test_a_port_that_is_taken_is_one_error_that_says_what_to_do() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} on {LOOPBACK} is taken") as raised:
            port_of(Worker().pages(port))
    assert "STREAM_APP_WEB_PORT" in raised.value.do_next


def test_an_address_that_is_not_ours_is_one_error_that_says_what_to_do() -> None:
    pages = WebPages("192.0.2.1", 0, CollectorRegistry(), lambda: None)  # reserved for documentation
    with pytest.raises(PortTaken, match=r"Cannot listen on 192\.0\.2\.1") as raised:
        port_of(pages)
    assert "STREAM_APP_WEB_HOST" in raised.value.do_next
