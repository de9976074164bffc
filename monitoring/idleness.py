"""Which partitions have been read to their end for long enough that they no longer hold windows back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitoring.incoming import Partition


class Idleness:
    """Remembers since when each partition has had nothing unread; the clock (seconds, monotonic) is passed in."""

    def __init__(self, idle_seconds: float, clock: Callable[[], float]) -> None:
        self._idle_seconds, self._clock = idle_seconds, clock
        self._since: dict[Partition, tuple[int, float]] = {}

    def lag_is(self, next_offsets: Mapping[Partition, int], lag: Mapping[Partition, int]) -> None:
        """Where each owned partition is read on, and how many records are unread there."""
        now = self._clock()
        at_end = {partition: offset for partition, offset in next_offsets.items() if not lag.get(partition, 0)}
        self._since = {
            partition: self._since[partition] if self._since.get(partition, (-1,))[0] == offset else (offset, now)
            for partition, offset in at_end.items()
        }

    def idle(self, topic: str) -> set[int]:
        """The partitions of this topic that have stood at their end for the idle time."""
        now = self._clock()
        return {
            number
            for (name, number), (_, since) in self._since.items()
            if name == topic and now - since >= self._idle_seconds
        }
