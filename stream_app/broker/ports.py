"""Loopback TCP ports: find free ones, refuse taken ones."""

from __future__ import annotations

import contextlib
import socket

from stream_app.errors import PortTaken

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """``count`` different ports nobody listens on at this moment.

    All sockets stay open until the last port is known; otherwise the kernel could give the same port twice.
    """
    with contextlib.ExitStack() as sockets:
        bound = [sockets.enter_context(socket.create_server((LOOPBACK, 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in bound]


def require_free(port: int) -> None:
    """Raises :class:`PortTaken` if the port cannot be bound on the loopback interface."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError as error:
        raise port_taken(port, error.strerror or str(error)) from error


def port_taken(port: int, why: str) -> PortTaken:
    """The error for a port that cannot be used; ``why`` completes its sentence."""
    return PortTaken(
        f"Port {port} on {LOOPBACK} cannot be used: {why}.",
        kept="Nothing was started.",
        do_next="Choose another port (0 takes a free one), or end the process that listens there.",
    )
