"""Serves the gateway: one process, uvicorn, no access log, since the paths name clients."""

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
from stream_app.gateway.header_timeout import HeaderTimeoutProtocol
from stream_app.settings import GatewaySettings

log = logging.getLogger(__name__)

GRACE_SECONDS = 5
"""For calls in hand when it is stopped."""

BACKLOG = 1024


def serve(settings: GatewaySettings) -> None:
    """Serve in the foreground until SIGTERM or SIGINT. Raises PortTaken, BundleError, SettingsError or
    RegistryError.

    Binds the port first: a port that is taken is reported at once, and early calls wait while the rest loads.
    """
    _set_up_log(settings.log_level)
    with bind(settings) as listening:
        app = create_app(settings)
        formats = app.state.dependencies.formats
        formats.prepare(formats.requests, wait_seconds=settings.broker_wait_seconds, say=log.warning)
        _tune_garbage_collector()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _ignore)  # uvicorn handles them and, having ended well, raises them once more
        host, port = listening.getsockname()[:2]
        log.info("the gateway is at http://%s:%d/, its documentation at /docs", host, port)
        uvicorn.Server(config_of(app)).run(sockets=[listening])


def _set_up_log(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for library in ("aiokafka", "kafka"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # each attempt to connect; at debug whole requests
    for library in ("asyncio", "sse_starlette"):
        logging.getLogger(library).setLevel(logging.WARNING)  # at debug what is sent


def config_of(app: ASGIApp) -> uvicorn.Config:
    """uvicorn's settings for the gateway."""
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


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    """A stop that ended well is no failure."""


def bind(settings: GatewaySettings) -> socket.socket:
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


def _tune_garbage_collector() -> None:
    """Spare the garbage collector what is loaded by now, and call it less often: a pause in it is a slow answer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
