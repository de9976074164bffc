"""Which partitions have been read to their end for long enough that they no longer hold windows back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

Bounds = Mapping[int, tuple[int, int]]
"""By partition number: the offset of the first record the broker still has, and the one its next record will get."""


class Idleness:
    """Asks the broker where partitions end, whoever reads them, and remembers since when each has been read to there.

    Time counts from answer to answer, and a partition that is not answered for begins anew: neither a broker that is
    away nor a process that was stopped lets one seem idle. The clock (seconds, monotonic) is passed in.
    """

    def __init__(
        self, bounds: Callable[[], Awaitable[Bounds | None]], idle_seconds: float, clock: Callable[[], float]
    ) -> None:
        """``bounds``: of every partition as of now; None when the broker does not say."""
        self._bounds, self._idle_seconds, self._clock = bounds, idle_seconds, clock
        self._resting: dict[int, tuple[int, float]] = {}

    async def idle(self, next_offsets: Mapping[int, int]) -> set[int]:
        """The partitions that have stood at their end for the idle time. ``next_offsets``: where each is read on now.

        One that was never read is at its end when it has no records.
        """
        asked = self._clock()
        bounds = await self._bounds() or {}
        answered = self._clock()  # a first answer counts from when it came, a last one until it was asked for
        at = {number: max(next_offsets.get(number, first), first) for number, (first, _) in bounds.items()}
        at_end = {number: offset for number, offset in at.items() if offset >= bounds[number][1]}
        self._resting = {number: self._since(number, offset, answered) for number, offset in at_end.items()}
        return {number for number, (_, since) in self._resting.items() if asked - since >= self._idle_seconds}

    def _since(self, number: int, offset: int, answered: float) -> tuple[int, float]:
        """The offset a partition rests at, and the time of the first answer that said so."""
        known = self._resting.get(number)
        return known if known is not None and known[0] == offset else (offset, answered)
