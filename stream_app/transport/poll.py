"""What one poll brought, and which of its records are to be decided now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stream_app.events import RawRecord, TopicPartition
from stream_app.transport.assignment import Assignment


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """``topics``: delivered as polls. ``fetch_max_wait_seconds``: how long a broker may hold an empty fetch.

    ``counterparts``: topics that must have a partition for each one that is read; those they lack wait unread.
    """

    topics: frozenset[str]
    fetch_max_wait_seconds: float
    max_partition_fetch_bytes: int = 4 * 1024 * 1024
    counterparts: frozenset[str] = frozenset()


class Poll:
    """Records fetched together: the run of each partition, in offset order, and the epoch they belong to.

    ``number`` counts the polls of an epoch from 0, so that one that never arrives is noticed. While a poll waits for
    the agent it absorbs what is fetched after it; once the agent took it, it is closed.
    """

    def __init__(
        self, runs: Mapping[TopicPartition, list[RawRecord]], assignment: Assignment, epoch: int, number: int
    ) -> None:
        self.runs = dict(runs)
        self.assignment = assignment
        self.epoch = epoch
        self.number = number
        self.next_number = number + 1
        self._taken = False

    @property
    def first(self) -> tuple[TopicPartition, RawRecord]:
        """The partition and record under which the poll travels through Faust."""
        tp, run = next(iter(self.runs.items()))
        return tp, run[0]

    @property
    def is_current(self) -> bool:
        """Whether its records are still this worker's to decide."""
        return self.assignment.holds(self.epoch)

    def __len__(self) -> int:
        return sum(map(len, self.runs.values()))

    def absorb(self, later: Poll, limit: int) -> bool:
        """Take in the poll fetched next, unless it is too late, of another epoch, or more than ``limit`` records."""
        if self._taken or (later.epoch, later.number) != (self.epoch, self.next_number):
            return False
        if len(self) + len(later) > limit:
            return False
        for tp, run in later.runs.items():
            self.runs[tp] = self.runs.get(tp, []) + run
        self.next_number = later.next_number
        return True

    def admit(self) -> list[RawRecord]:
        """Take the poll: its records, or none when they will be fetched again; see :meth:`Assignment.admits`.

        A run may begin above the offset of the seek (compaction, transaction markers) or below it (the topic was made
        anew).
        """
        self._taken = True
        admitted = self.assignment.admits(self.epoch, self.number, self.next_number)
        return [record for run in self.runs.values() for record in run] if admitted else []


class PollNumbers:
    """Counts polls anew in each epoch, before Faust can drop one."""

    def __init__(self) -> None:
        self._epoch, self._next = 0, 0

    def next_in(self, epoch: int) -> int:
        """The number of the next poll of this epoch."""
        number = self._next if epoch == self._epoch else 0
        self._epoch, self._next = epoch, number + 1
        return number
