"""The records of a compressed batch, inflated within a bound: gzip, snappy, lz4 and zstd."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import cramjam

_FIRST_GUESS_BYTES = 64 * 1024
_LENGTH = struct.Struct(">i")
_XERIAL_HEADER = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16


class BatchUnreadable(Exception):
    """A batch, or the rest of one, cannot be parsed; the text says why."""


def inflate(data: bytes, codec: int, limit: int) -> bytes | memoryview:
    """The records of a compressed batch, at most ``limit`` bytes.

    Inflates into a buffer of a guessed size, four times as large each time it is full, so that a bomb costs no more
    than the limit. Raises BatchUnreadable: unknown codec, damaged, or larger.
    """
    if codec == 2:
        return b"".join(_snappy_blocks(data, limit))
    module = {1: cramjam.gzip, 3: cramjam.lz4, 4: cramjam.zstd}.get(codec)
    if module is None:
        raise BatchUnreadable(f"The batch is compressed in an unknown way ({codec}).")
    size = min(limit, max(_FIRST_GUESS_BYTES, 4 * len(data)))
    while True:
        buffer = bytearray(size)
        try:
            return memoryview(buffer)[: module.decompress_into(data, buffer)]
        except cramjam.DecompressionError as fault:
            if "whole buffer" not in str(fault):  # cramjam's words for a full buffer; anything else is damage
                raise BatchUnreadable("The batch cannot be inflated: its bytes are damaged.") from fault
        if size == limit:
            raise _too_large(limit)
        size = min(limit, 4 * size)


def _snappy_blocks(data: bytes, limit: int) -> Iterator[bytes]:
    """Of snappy's own format, which states its length, or of the framing of Java's library around several of it."""
    left = limit
    for block in _xerial_blocks(data) if data.startswith(_XERIAL_HEADER) else (data,):
        try:
            left -= cramjam.snappy.decompress_raw_len(block)
            if left < 0:
                raise _too_large(limit)
            yield bytes(cramjam.snappy.decompress_raw(block))
        except cramjam.DecompressionError as fault:
            raise BatchUnreadable("The batch cannot be inflated: its bytes are damaged.") from fault


def _xerial_blocks(data: bytes) -> Iterator[bytes]:
    position = _XERIAL_HEADER_BYTES
    while position < len(data):
        if position + _LENGTH.size > len(data):
            raise BatchUnreadable("The batch cannot be inflated: its bytes are damaged.")
        (length,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size
        if not 0 <= length <= len(data) - position:
            raise BatchUnreadable("The batch cannot be inflated: its bytes are damaged.")
        yield data[position : position + length]
        position += length


def _too_large(limit: int) -> BatchUnreadable:
    return BatchUnreadable(f"The batch inflates to more than {limit:,} bytes.")
