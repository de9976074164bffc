"""The worker's three pages, which show what its timer measured last: ``/metrics``, ``/live`` and ``/ready``.

Faust's web server listens on every address without authentication and shows its tables and router; it stays off.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any

from aiohttp import web
from mode import Service
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import CollectorRegistry

from stream_app.errors import PortTaken
from stream_app.runtime.library_logs import SERVICES

Readiness = Callable[[], "str | None"]


class WebPages(Service):
    """Serves the pages on one address for as long as the worker lives."""

    logger = SERVICES

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        not_ready: Readiness,
        port_setting: str = "STREAM_APP_WEB_PORT",
        exemplars: bool = False,
        **kwargs: Any,
    ) -> None:
        """``not_ready``: why the worker is not ready, None when it is. To serve a page has no effect on the worker.

        ``port`` 0 takes a free one; ``port_setting`` is named where the port is taken. ``exemplars``: there are some,
        so that who asks for OpenMetrics, the format that has them, gets it.
        """
        super().__init__(**kwargs)
        self.host, self.port = host, port
        self._registry, self._not_ready = registry, not_ready
        self._port_setting = port_setting
        self._exemplars = exemplars
        self._runner: web.AppRunner | None = None

    async def listen(self) -> None:
        """Bind the address. Raises PortTaken when another process has it."""
        pages = web.Application()
        pages.router.add_get("/metrics", self._metrics)
        pages.router.add_get("/live", self._live)
        pages.router.add_get("/ready", self._ready)
        self._runner = web.AppRunner(pages, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except OSError as fault:
            raise _port_taken(fault, self.host, self.port, self._port_setting) from fault
        self.port = self._runner.addresses[0][1]

    async def on_stop(self) -> None:
        """Close the address."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        accepted = request.headers.get("Accept", "") if self._exemplars else ""
        render, content_type = choose_encoder(accepted) if accepted else (generate_latest, CONTENT_TYPE_LATEST)
        # In a thread: thousands of series of the monitor's windows would hold the event loop for tens of milliseconds.
        body = await asyncio.to_thread(render, self._registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _live(self, _request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _ready(self, _request: web.Request) -> web.Response:
        why = self._not_ready()
        return web.json_response({"ready": why is None, "why_not": why}, status=503 if why else 200)


def _port_taken(fault: OSError, host: str, port: int, port_setting: str) -> PortTaken:
    if fault.errno == errno.EADDRINUSE:
        return PortTaken(
            f"Port {port} on {host} is taken by another process.",
            kept="Nothing was read.",
            do_next=f"End that process, or choose another with {port_setting} (0 takes a free one).",
        )
    return PortTaken(
        f"Cannot listen on {host}:{port} ({fault.strerror}).",
        do_next=f"Choose another STREAM_APP_WEB_HOST or {port_setting}.",
    )
