"""Offsets that a partition's log does not have: records deleted before they were read, or a log made anew.

The broker says so when it is asked for them, right after a seek or in the middle of a run. Reading then goes on with
the first record there is. That is where nothing that can still be read is missed: of a log that ends before the
position, everything is read again, and what was decided before is known by its request id.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stream_app.errors import RecordsLost
from stream_app.events import TopicPartition

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """A partition was to be read at ``position``; its log has the offsets from ``first`` to before ``end``."""

    partition: TopicPartition
    position: int
    first: int
    end: int

    @property
    def lost_records(self) -> int:
        """How many offsets lie between; markers of transactions among them were no records. 0 beyond the end."""
        return max(0, self.first - self.position)

    def __str__(self) -> str:
        topic, number = self.partition
        if self.lost_records:
            return (
                f"{self.lost_records} records of {topic}, partition {number}, were deleted before they were read: "
                f"offsets {self.position} to {self.first - 1}."
            )
        return (
            f"Partition {number} of {topic} was read up to offset {self.position} and ends at {self.end}: the topic "
            "was made anew, or a broker that had not all of it took the lead. What it lost is not known."
        )


class LossMetrics(Protocol):
    """Counts them."""

    def out_of_range(self, found: OutOfRange) -> None: ...


class LossReport:
    """Counts and logs each; by setting it ends the process instead of reading on.

    ``read_on``: called when reading goes on, to note the new position.
    """

    def __init__(self, metrics: LossMetrics, read_on: Callable[[OutOfRange], Awaitable[None]], *, stop: bool) -> None:
        self._metrics, self._read_on, self._stop = metrics, read_on, stop

    async def __call__(self, found: OutOfRange) -> None:
        """Raises RecordsLost when the process is to stop."""
        self._metrics.out_of_range(found)
        if self._stop:
            raise RecordsLost(
                str(found),
                kept="Nothing after them was committed; every start ends like this one.",
                do_next="See why they were deleted (docs/runbooks.md#recordslost), then start once with "
                f"STREAM_APP_ON_LOST_RECORDS=go_on: it reads on at offset {found.first}.",
            )
        log.error("%s Reading goes on at offset %d.", found, found.first)
        await self._read_on(found)


def tell_what_is_gone(first: Mapping[Any, int]) -> None:
    """``first``: the first offset there is of partitions where this group committed nothing yet.

    Whether somebody else read what was before it is not known: no loss that could be counted, but a word.
    """
    for tp, offset in first.items():
        if offset:
            log.warning(
                "%s partition %d: its first %d offsets are gone; this group never read them",
                tp.topic,
                tp.partition,
                offset,
            )
