"""Requests of a transaction that come late, or twice: what a network does to a connection that broke.

A request that is *held* is not sent: its connection breaks, as its sender sees it. One that is *repeated* is sent. Of
both a copy reaches the broker later, over another connection: the broker cannot tell it from the delayed one.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import time
from typing import Any, Protocol

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

from stream_app.transactions.wire import CLIENT_ID, Request

REQUESTS = ("Produce", "TxnOffsetCommit", "EndTxn")
HELD, REPEATED = "held", "repeated"


class Due(Protocol):
    """The part of the orders that is needed here."""

    def due(self, point: str) -> str | None: ...


def fate(how: str, seconds: float) -> str:
    """As it stands in the orders."""
    return f"{how}:{seconds:.3f}"


def make_late(orders: Due) -> None:
    """From now on this process's requests meet the fate that the orders have for them."""
    send = AIOKafkaConnection.send

    def send_in_time(self: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
        told = orders.due(_name(request)) if isinstance(request, Request) else None
        if told is None:
            return send(self, request, expect_response)
        how, seconds = told.split(":")
        send_later(self.host, self.port, frame_of(request), float(seconds))
        if how == REPEATED:
            return send(self, request, expect_response)
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"{_name(request)} is held")

    AIOKafkaConnection.send = send_in_time


def _name(request: Request) -> str:
    return str(request).split(" ")[0].removesuffix("Request")


def frame_of(request: Request) -> bytes:
    """What a connection would write."""
    request.build_request_header(correlation_id=1, client_id=CLIENT_ID)
    body = request.encode()
    return struct.pack(">i", len(body)) + body


def send_later(host: str, port: int, frame: bytes, seconds: float) -> None:
    """From a process of its own, which goes on when the scorer is stopped or killed."""
    sender = subprocess.Popen([sys.executable, "-m", __name__, host, str(port), str(seconds)], stdin=subprocess.PIPE)
    with sender.stdin or sys.stdin.buffer as frames:
        frames.write(frame)


def main(host: str, port: str, seconds: str) -> None:
    frame = sys.stdin.buffer.read()
    time.sleep(float(seconds))  # how late it is
    with socket.create_connection((host, int(port))) as broker:
        broker.sendall(frame)
        broker.recv(4)  # an answer begins: the broker has done with it what it does


if __name__ == "__main__":
    main(*sys.argv[1:])
