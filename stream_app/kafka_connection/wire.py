"""Just enough of Kafka's wire protocol for a look at an address: a request, its answer, texts."""

from __future__ import annotations

import socket
import struct

_TLS_ALERT = b"\x15\x03"
_MOST_BYTES = 1024 * 1024


def call(stream: socket.socket, api: int, version: int, body: bytes) -> bytes:
    """The answer's body. Raises OSError when the connection ends, ValueError for what is no Kafka answer."""
    request = struct.pack(">hhi", api, version, 1) + text("diagnosis") + body
    stream.sendall(struct.pack(">i", len(request)) + request)
    head = _receive(stream, 4)
    [length] = struct.unpack(">i", head)
    if head.startswith(_TLS_ALERT) or not 4 <= length <= _MOST_BYTES:
        raise ValueError("no Kafka answer")
    return _receive(stream, length)[4:]


def _receive(stream: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = stream.recv(count - len(data))
        if not part:
            raise ConnectionResetError("the connection was closed")
        data += part
    return data


def text(value: str) -> bytes:
    return struct.pack(">h", len(value.encode())) + value.encode()


def texts(data: bytes) -> list[str]:
    [count] = struct.unpack_from(">i", data)
    texts, position = [], 4
    for _ in range(count):
        [length] = struct.unpack_from(">h", data, position)
        texts.append(data[position + 2 : position + 2 + length].decode())
        position += 2 + length
    return texts
