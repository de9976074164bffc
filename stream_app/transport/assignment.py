"""The partitions assigned to this worker: one object for all that ends when they are revoked.

Each seek begins an *epoch*, a number that no other seek has. Polls of the current epoch are admitted, each once and in
order; a poll of another one was fetched from a position that no longer holds, and will be fetched again. A batch that
was begun is *in hand* until its end. *Revoked* is set as soon as the group takes the partitions back, or the worker
stops: from then on nothing is begun, the batch in hand ends while its offsets can still be committed, and whatever a
seek waits for is cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import Protocol, TypeVar

from aiokafka.errors import IllegalStateError

from stream_app.errors import PollLost
from stream_app.events import Offsets, TopicPartition

Result = TypeVar("Result")

CANCEL_AGAIN_SECONDS = 25.0
"""aiokafka swallows a cancellation that meets it while it cleans up, for which a producer has 20 s."""


class AssignmentRevoked(IllegalStateError):  # type: ignore[misc]  # aiokafka ships no types
    """The partitions were revoked, so where to read on no longer matters. Faust waits for the next assignment.

    Its base is what a consumer raises about partitions that are no longer its own: any other error would end the app.
    """


class Assignment:
    """From one rebalance to the next. Made and moved on by the transport; the rest only use it. For one event loop."""

    def __init__(self, previous: Assignment | None = None) -> None:
        self.partitions: frozenset[TopicPartition] | None = None
        """None until the group gave out its partitions. Empty: this worker is a spare, which is no fault."""
        self.revoked = asyncio.Event()
        self.epoch: int | None = None
        """None outside of an epoch: before a seek is done, and after a commit in doubt."""
        self._next_number = 0
        self._idle: asyncio.Event
        if previous is None:
            self._idle = asyncio.Event()
            self._idle.set()
        else:
            self._idle = previous._idle  # a batch may outlast its assignment

    def holds(self, epoch: int | None) -> bool:
        """Whether records of this epoch are still this worker's to decide."""
        return epoch is not None and epoch == self.epoch and not self.revoked.is_set()

    def admits(self, epoch: int, number: int, next_number: int) -> bool:
        """Whether to take the polls from ``number`` up to ``next_number`` of this epoch; counts them as taken.

        Raises PollLost when a poll before them is missing: its records would be passed over.
        """
        if not self.holds(epoch):
            return False
        if number != self._next_number:
            raise PollLost(
                f"Poll {self._next_number} never arrived, poll {number} did.",
                kept="Nothing after the last delivered batch was committed.",
                do_next="Start the worker again: it resumes from the committed offsets.",
            )
        self._next_number = next_number
        return True

    @contextmanager
    def batch_in_hand(self) -> Iterator[None]:
        """While a batch is worked on. One at a time."""
        self._idle.clear()
        try:
            yield
        finally:
            self._idle.set()

    def begin_epoch(self, epoch: int) -> None:
        """After a seek: polls of this epoch are admitted, counted from 0."""
        self.epoch, self._next_number = epoch, 0

    def end_epoch(self) -> None:
        """Begin nothing more of what was fetched; the next seek begins another epoch."""
        self.epoch = None

    async def quiet(self) -> None:
        """Wait for the batch in hand to end."""
        await self._idle.wait()

    async def settle(self) -> None:
        """The partitions are being revoked or the worker stops: begin nothing more, wait for the batch in hand."""
        self.revoked.set()
        await self.quiet()

    def end(self) -> Assignment:
        """The partitions are revoked: whoever still works under this assignment holds nothing. Gives the next one."""
        self.revoked.set()
        self.end_epoch()
        return Assignment(self)

    def require(self) -> None:
        """Raise AssignmentRevoked unless the partitions are this worker's."""
        if self.partitions is None or self.revoked.is_set():
            raise AssignmentRevoked("The partitions were revoked before the seek was done.")

    async def unless_revoked(self, work: Awaitable[Result]) -> Result:
        """What the work gives. Raises AssignmentRevoked once that is so, when the work, cancelled, has ended."""
        working = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(self.revoked.wait())
        try:
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if working.done():
            return working.result()
        while not working.done():
            working.cancel()
            await asyncio.wait({working}, timeout=CANCEL_AGAIN_SECONDS)
        raise AssignmentRevoked("The partitions were revoked before the seek was done.")


def by_topic(partitions: Iterable[TopicPartition]) -> str:
    """Partitions for a log line: ``loan.requests 0, 1``."""
    topics = groupby(sorted(partitions), key=lambda tp: tp.topic)
    return "; ".join(f"{topic} {', '.join(str(tp.partition) for tp in tps)}" for topic, tps in topics)


class SeekListener(Protocol):
    """What the transport calls around each seek, so that fencing always comes before the committed offsets are read."""

    async def before_seek(self, assignment: Assignment) -> Offsets | None:
        """Called before the committed offsets of these partitions are read, with no batch in hand.

        A listener that keeps offsets of its own gives them: the broker is not asked then, and a partition that is not
        among them is read from its beginning. Raises AssignmentRevoked when that is so and there is no answer.
        """

    def after_seek(self, committed: Mapping[TopicPartition, int | None]) -> None:
        """Called when an epoch begins: fetching goes on from these offsets (None: from the beginning).

        Not called when the partitions were revoked during the seek.
        """

    async def before_revocation(self) -> None:
        """Called when partitions are being revoked or the worker stops, with no batch in hand: commit what waits."""

    def after_revocation(self) -> None:
        """Called when the partitions are revoked: nothing is this worker's until the next :meth:`after_seek`."""
