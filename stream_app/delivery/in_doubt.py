"""Resolves commits in doubt: a seek reopens the producers, which fences the old ones, and reads the committed offsets.

These show whether each commit happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiokafka.errors import IllegalStateError, KafkaError

from stream_app.delivery.output_stamps import remedy
from stream_app.errors import DeliveryFailed, trace_of
from stream_app.events import TopicPartition
from stream_app.runtime.background import Supervise
from stream_app.transactions.errors import Fenced, TransactionError
from stream_app.transport.assignment import Assignment, AssignmentRevoked

log = logging.getLogger(__name__)

CHECK_TOPICS = "Check the broker and the output topics (do they exist, and take records of this size?)"

REOPEN_SECONDS = 0.5
"""Between a doubt and the new fence, so that a lasting fault is no busy loop."""

FENCED_SECONDS = 3.0
"""The same after being fenced: a worker that others took for dead learns of it by its next heartbeat meanwhile, instead
of fencing them in return."""


class InDoubtCommits:
    """Looks up one doubt at a time. A doubt that lasts ends the process."""

    def __init__(self, seek: Callable[[], Awaitable[None]], *, supervise: Supervise, timeout_seconds: float) -> None:
        """``seek``: of all partitions, as after a rebalance.

        ``timeout_seconds``: how long nothing but doubts may follow one another.
        """
        self._seek, self._supervise, self._timeout = seek, supervise, timeout_seconds
        self._first_at: float | None = None
        self._last_at = 0.0
        self._lookup: asyncio.Future[Any] | None = None

    def begin(self, partitions: Iterable[TopicPartition], fault: Exception, assignment: Assignment) -> None:
        """The commit of these partitions of the assignment is in doubt. Once it is revoked nothing is looked up."""
        self.note(time.monotonic())
        numbers = ", ".join(str(tp.partition) for tp in sorted(partitions))
        log.warning("partitions %s: the commit is in doubt (%s); it is looked up", numbers, _kind(fault))
        if self._lookup is None or self._lookup.done():
            lookup = self._look_up_unless_revoked(fault, assignment)
            self._lookup = asyncio.ensure_future(self._supervise(lookup))

    def committed(self) -> None:
        """Something was committed: there are not only doubts."""
        self._first_at = None

    def note(self, now: float) -> None:
        """A doubt, at ``now``. One that comes long after the last is another: perhaps there was nothing to commit."""
        if self._first_at is None or now - self._last_at > self._timeout:
            self._first_at = now
        self._last_at = now

    def lasting(self, now: float) -> float:
        """For how long there were nothing but doubts, in seconds."""
        return 0.0 if self._first_at is None else now - self._first_at

    async def _look_up_unless_revoked(self, fault: Exception, assignment: Assignment) -> None:
        with contextlib.suppress(AssignmentRevoked):  # the seek after the next rebalance looks it up
            await assignment.unless_revoked(self._look_up(fault, assignment))

    async def _look_up(self, fault: Exception, assignment: Assignment) -> None:
        while True:
            self._fail_after_long(fault)
            await asyncio.sleep(FENCED_SECONDS if isinstance(fault, Fenced) else REOPEN_SECONDS)
            if assignment.epoch is not None:
                return None  # another seek was done meanwhile: what is fetched now is sound
            try:
                return await self._seek()
            except IllegalStateError:
                return None  # the partitions were revoked meanwhile: Faust seeks after the rebalance
            except (KafkaError, TransactionError) as another:
                fault = another

    def _fail_after_long(self, fault: Exception) -> None:
        if (seconds := self.lasting(time.monotonic())) > self._timeout:
            raise DeliveryFailed(
                f"No batch could be committed for {seconds:.0f} s ({_kind(fault)}).",
                kept="Whatever the broker did not commit will be decided after the next start.",
                do_next=f"{remedy(fault, otherwise=CHECK_TOPICS)}, then start the worker again.",
            ) from fault


def _kind(fault: Exception) -> str:
    """The class alone: texts may hold what was sent. One that no broker causes comes with its place."""
    if isinstance(fault, TransactionError):
        return str(fault) or type(fault).__name__  # the name of Kafka's error
    return type(fault).__name__ if isinstance(fault, KafkaError | TimeoutError) else trace_of(fault)
