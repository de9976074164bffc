"""What one poll brought and which of its records are to be decided now."""

from __future__ import annotations

from collections.abc import Mapping

from faust.types import TP

from stream_app.events import RawRecord


class Poll:
    """Records fetched together: the run of each partition, in offset order, and the epoch they belong to.

    While a poll waits for the agent it takes in what is fetched after it; once the agent took it, it is closed.
    """

    def __init__(self, runs: Mapping[TP, list[RawRecord]], epoch: int) -> None:
        self.runs = dict(runs)
        self.epoch = epoch
        self._taken = False

    @property
    def first(self) -> tuple[TP, RawRecord]:
        """The partition and record under which the poll travels through Faust."""
        tp, run = next(iter(self.runs.items()))
        return tp, run[0]

    def __len__(self) -> int:
        return sum(map(len, self.runs.values()))

    def absorb(self, later: Poll, limit: int) -> bool:
        """Take in a poll fetched later, unless it is too late, of another epoch, or more than ``limit`` records."""
        if self._taken or later.epoch != self.epoch or len(self) + len(later) > limit:
            return False
        for tp, run in later.runs.items():
            self.runs[tp] = self.runs.get(tp, []) + run
        return True

    def take(self) -> Mapping[TP, list[RawRecord]]:
        """The runs, for the agent; nothing is absorbed from now on."""
        self._taken = True
        return self.runs


class Positions:
    """The next offset of every assigned partition, within one epoch."""

    def __init__(self) -> None:
        self.epoch = -1
        self.next: dict[TP, int] = {}

    def restart(self, committed: Mapping[TP, int | None], epoch: int) -> None:
        """Begin an epoch at these committed offsets (None: no commit yet, any offset will do)."""
        self.epoch = epoch
        self.next = {tp: offset or 0 for tp, offset in committed.items()}

    def admit(self, poll: Poll) -> list[RawRecord]:
        """See :meth:`Lanes.admit`."""
        runs = poll.take()
        if poll.epoch != self.epoch:
            return []
        return [
            record
            for tp, run in runs.items()
            if tp in self.next
            for record in (run if run[0].offset >= self.next[tp] else _from_offset(run, self.next[tp]))
        ]


def _from_offset(run: list[RawRecord], offset: int) -> list[RawRecord]:
    return [record for record in run if record.offset >= offset]
