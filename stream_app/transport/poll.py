"""What one poll brought, and which of its records are to be decided now."""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka.errors import IllegalStateError
from faust.types import TP

from stream_app.errors import PollLost
from stream_app.events import RawRecord


class SeekGivenUp(IllegalStateError):  # type: ignore[misc]  # aiokafka ships no types
    """The partitions are being given away, so where to read on no longer matters. Faust waits for the next assignment.

    Its base is what a consumer raises about partitions that are no longer its own: any other error would end the app.
    """


class Poll:
    """Records fetched together: the run of each partition, in offset order, and the epoch they belong to.

    ``number`` counts the polls of an epoch from 0, so that one that never arrives is noticed. While a poll waits for
    the agent it takes in what is fetched after it; once the agent took it, it is closed.
    """

    def __init__(self, runs: Mapping[TP, list[RawRecord]], epoch: int, number: int) -> None:
        self.runs = dict(runs)
        self.epoch = epoch
        self.number = number
        self.next_number = number + 1
        self._taken = False

    @property
    def first(self) -> tuple[TP, RawRecord]:
        """The partition and record under which the poll travels through Faust."""
        tp, run = next(iter(self.runs.items()))
        return tp, run[0]

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

    def take(self) -> Mapping[TP, list[RawRecord]]:
        """The runs, for the agent; nothing is absorbed from now on."""
        self._taken = True
        return self.runs


class Positions:
    """The next poll expected within one epoch; none outside of one."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The partitions are being given away: nothing is admitted until the next epoch begins."""
        self.epoch: int | None = None
        self._next_number = 0

    def restart(self, epoch: int) -> None:
        """Begin an epoch, after a seek."""
        self.epoch = epoch
        self._next_number = 0

    def admit(self, poll: Poll) -> list[RawRecord]:
        """Take the poll: its records, or none when it is of another epoch and will be fetched again.

        A run may begin above the offset sought (compaction, transaction markers) or below it (the topic was made
        anew). Raises PollLost when a poll of this epoch is missing: its records would be passed over.
        """
        runs = poll.take()
        if poll.epoch != self.epoch:
            return []
        if poll.number != self._next_number:
            raise PollLost(
                f"Poll {self._next_number} never arrived, poll {poll.number} did.",
                kept="Nothing after the last delivered batch was committed.",
                do_next="Start the worker again: it resumes from the committed offsets.",
            )
        self._next_number = poll.next_number
        return [record for run in runs.values() for record in run]
