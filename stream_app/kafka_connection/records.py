"""A record of a fetched batch, and what stands for the records that cannot be parsed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from stream_app.events import Unreadable

MOST_RECORDS = 20_000
"""Of a batch that is given up offset by offset. A producer's 1 MiB has some 10,000."""


class Record(NamedTuple):
    """One record as aiokafka's fetcher takes it from a batch; ``timestamp`` in milliseconds since 1970."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    checksum: None = None


def unreadable(offsets: range, raw: bytes, fault: str, timestamp: int) -> Iterator[Record]:
    """One record for each offset, so that none is passed over; the first has the raw bytes.

    One for all of them where a damaged header claims more than any batch has.
    """
    if len(offsets) > MOST_RECORDS:
        fault = f"{fault} It stands for {len(offsets):,} offsets from {offsets[0]}."
        offsets = offsets[:1]
    for offset in offsets:
        yield Record(offset, timestamp, 0, None, Unreadable(raw, fault), [])
        raw = b""
