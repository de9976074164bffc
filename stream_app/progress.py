"""Is the worker getting on? Ready means: partitions assigned, and progress while there is lag."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Progress:
    """Remembers the last commit and the lag; the clock (seconds, monotonic) is passed in."""

    def __init__(self, stall_seconds: float, clock: Callable[[], float]) -> None:
        self._stall_seconds = stall_seconds
        self._clock = clock
        self._lag: Mapping[Any, int] = {}
        self._moved_at = clock()

    def committed(self) -> None:
        """Offsets were committed just now."""
        self._moved_at = self._clock()

    def lag_is(self, records_by_partition: Mapping[Any, int]) -> None:
        """The lag of every owned partition. Lag after none, or of other partitions, is waited for anew."""
        if not any(self._lag.values()) or records_by_partition.keys() != self._lag.keys():
            self._moved_at = self._clock()
        self._lag = dict(records_by_partition)

    def not_ready(self) -> str | None:
        """Why the worker is not ready, None when it is."""
        if not self._lag:
            return "no partitions assigned"
        idle = self._clock() - self._moved_at
        if idle > self._stall_seconds:
            return f"lag of {sum(self._lag.values())} records and no commit for {idle:.0f} s"
        return None
