"""Which windows may close, given how far each partition was read and which of them are idle; clocks are passed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Set
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
    """``watermark_us``: how far event time has come, None while it is unknown for some partition.

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


Bounds = Mapping[int, tuple[int, int]]
"""By partition number: the offset of the first record the broker still has, and the one its next record will get."""


class IdlePartitions:
    """Asks the broker where partitions end, whoever reads them, and remembers since when each has been read to its end.

    Time counts from answer to answer, and begins again for a partition without an answer: neither a broker that is away
    nor a process that was stopped makes a partition look idle. The clock (seconds, monotonic) is passed in.
    """

    def __init__(
        self, bounds: Callable[[], Awaitable[Bounds | None]], idle_seconds: float, clock: Callable[[], float]
    ) -> None:
        """``bounds``: of every partition as of now; None when the broker does not answer."""
        self._bounds, self._idle_seconds, self._clock = bounds, idle_seconds, clock
        self._at_end: dict[int, tuple[int, float]] = {}

    async def find(self, next_offsets: Mapping[int, int]) -> set[int]:
        """The partitions read to their end for the idle time. ``next_offsets``: the offset each is read from next.

        One that was never read is at its end when it has no records.
        """
        asked = self._clock()
        bounds = await self._bounds() or {}
        answered = self._clock()  # a first answer counts from when it came, a last one until it was asked for
        read = {number: max(next_offsets.get(number, first), first) for number, (first, _) in bounds.items()}
        at_end = {number: offset for number, offset in read.items() if offset >= bounds[number][1]}
        self._at_end = {number: self._since(number, offset, answered) for number, offset in at_end.items()}
        return {number for number, (_, since) in self._at_end.items() if asked - since >= self._idle_seconds}

    def _since(self, number: int, offset: int, answered: float) -> tuple[int, float]:
        """The offset a partition ends at, and the time of the first answer with it."""
        known = self._at_end.get(number)
        return known if known is not None and known[0] == offset else (offset, answered)
