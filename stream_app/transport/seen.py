"""What the last fetch told of a partition, and so how far behind its reader is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """One partition as of its last fetch.

    ``end``: where a read_committed reader ends, None before the first fetch. ``stamp``: another one for each fetch that
    was answered. ``position``: where the next fetch begins. ``handed_on``: the offset after the last record handed on;
    between the two lies nothing but markers of transactions and what was rolled back.
    """

    end: int | None
    stamp: int | None
    position: int
    handed_on: int

    def lag(self, done: int) -> int:
        """Records still to be done when all below ``done`` are. Markers at the end of the log are no lag."""
        return 0 if self.end is None else max(0, self.end - self.reached(done))

    def reached(self, done: int) -> int:
        """Where the next record to be done can lie at the earliest, when all below ``done`` are."""
        return max(done, self.position) if done >= self.handed_on else done
