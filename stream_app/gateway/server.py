"""Serving the gateway: one process, uvicorn, no log of the calls, since their paths name clients."""

from __future__ import annotations

import errno
import gc
import logging
import signal
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from stream_app.errors import PortTaken
from stream_app.gateway.app import create_app
from stream_app.gateway.dependencies import Dependencies
from stream_app.gateway.header_timeout import HeaderTimeoutProtocol
from stream_app.settings import GatewaySettings

log = logging.getLogger(__name__)

GRACE_SECONDS = 5
"""For calls in hand when it is told to stop."""

BACKLOG = 1024


class _Server(uvicorn.Server):
    """Ends the event streams before it waits for calls to end: they never would."""

    def __init__(self, config: uvicorn.Config, parts: Dependencies) -> None:
        super().__init__(config)
        self._parts = parts

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._parts.feed.end()
        await super().shutdown(sockets)


def serve(settings: GatewaySettings) -> None:
    """Serve in the foreground until SIGTERM or SIGINT. Raises PortTaken, BundleError or SettingsError.

    Takes the port first: that it cannot have it is told at once, and whoever calls while it still loads waits.
    """
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    for library in ("aiokafka", "kafka", "asyncio"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # at debug they log whole requests
    with bound(settings) as listening:
        app = create_app(settings)
        _rest_the_collector()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, _nothing)  # the server takes them over and, having ended well, raises them once more
        host, port = listening.getsockname()[:2]
        log.info("the gateway is at http://%s:%d/, its documents at /docs", host, port)
        _Server(config_of(app), app.state.parts).run(sockets=[listening])


def config_of(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn serves it."""
    return uvicorn.Config(
        app,
        http=HeaderTimeoutProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # anybody can write them, and the rate limit goes by addresses
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
        log_level="warning",
    )


def _nothing(_signal: int, _frame: FrameType | None) -> None:
    """Being told to stop is no fault."""


def bound(settings: GatewaySettings) -> socket.socket:
    """A socket that listens at the gateway's address. Raises PortTaken."""
    host, port = settings.gateway_host, settings.gateway_port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as fault:
        if fault.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"Port {port} on {host} is taken by another process.",
                kept="Nothing was started.",
                do_next="End that process, or choose another with STREAM_APP_GATEWAY_PORT (0 takes a free one).",
            ) from fault
        raise PortTaken(
            f"Cannot listen on {host}:{port} ({fault.strerror}).",
            do_next="Choose another STREAM_APP_GATEWAY_HOST or STREAM_APP_GATEWAY_PORT.",
        ) from fault


def _rest_the_collector() -> None:
    """Spare the garbage collector what is loaded by now, and call it less often: a pause in it is a slow answer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
