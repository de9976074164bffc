"""Which windows may close, given how far each partition was read and which are at rest. Pure: now is passed in."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from monitoring.event_time import WindowSize, close_before_us, quiet_close_before_us, watermark_us
from monitoring.store import PartitionOffset


@dataclass(frozen=True)
class Windowing:
    """Which windows there are; times in microseconds. ``count``: decisions in a count window, 0 for none of these.

    ``retention_us``: how long decisions stay.
    """

    size: WindowSize
    lateness_us: int
    count: int
    retention_us: int


@dataclass(frozen=True)
class Progression:
    """``watermark_us``: how far event time has come, None while nothing can be said of some partition.

    ``close_before_us``: every window that ends by then may close; None: none may.
    """

    watermark_us: int | None
    close_before_us: int | None


def progression(
    windowing: Windowing, partitions: int, read: Mapping[int, PartitionOffset], idle: Set[int], now_us: int
) -> Progression:
    """``partitions``: how many there are, numbered from 0. ``read``: those that have brought a record so far."""
    latest_us = {number: read[number].latest_us if number in read else None for number in range(partitions)}
    watermark = watermark_us(latest_us, idle)
    if watermark is None:
        return Progression(None, None)
    before_us = close_before_us(windowing.size, watermark, windowing.lateness_us)
    if idle >= latest_us.keys():
        before_us = quiet_close_before_us(windowing.size, watermark, now_us, windowing.lateness_us) or before_us
    return Progression(watermark, before_us)
