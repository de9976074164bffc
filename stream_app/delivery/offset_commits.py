"""When offsets are committed: several batches together, a little after their outputs were delivered.

A commit is a round trip that costs worker and broker as much as a small batch does. So the offsets of delivered batches
wait and go out together, at most ``interval_seconds`` after the first of them, while the next batch is scored. A crash
loses those that wait: their records are decided again, and none is lost, since no commit runs ahead of a delivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from aiokafka.errors import KafkaError

from stream_app.errors import DeliveryFailed
from stream_app.events import Offsets, TopicPartition
from stream_app.runtime.background import Supervise

Commit = Callable[[Offsets], Awaitable[bool]]
"""Commits offsets. False: the group rebalanced, whoever owns the records now fetches them again."""


class CommitListener(Protocol):
    """Called with the outcome of commits."""

    def committed(self) -> None:
        """Offsets were committed just now."""

    def not_committed(self, batches: int) -> None:
        """A rebalance came between delivering and committing that many batches: their records come again."""


class GroupedCommits:
    """Collects the offsets of delivered batches and commits them, one commit at a time. For one event loop."""

    def __init__(
        self,
        commit: Commit,
        *,
        listener: CommitListener,
        supervise: Supervise,
        interval_seconds: float,
        timeout_seconds: float,
    ) -> None:
        """``interval_seconds``: how long a delivered batch may wait for its commit; 0: each is committed at once.

        ``timeout_seconds``: a commit that takes longer is a DeliveryFailed.
        """
        self._commit, self._listener, self._supervise = commit, listener, supervise
        self._interval, self._timeout = interval_seconds, timeout_seconds
        self._one_at_a_time = asyncio.Lock()  # an older commit that came last would set the group back
        self._flushing: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pending: dict[TopicPartition, int] = {}
        self._batches = 0
        self.committed: dict[TopicPartition, int] = {}
        """The committed offset of every partition owned now."""

    async def add(self, next_offsets: Offsets, *, now: bool = False) -> bool:
        """The records below these offsets were delivered; ``now`` commits them at once.

        False: a rebalance undid their commit, they come again.
        """
        self._pending.update(next_offsets)
        self._batches += 1
        if now or not self._interval:
            return await self.flush()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._start_flush)
        return True

    async def flush(self) -> bool:
        """Commit what waits, after any commit under way. False when a rebalance undid it."""
        async with self._one_at_a_time:
            offsets, batches = self._take()
            return not batches or bool(await self._supervise(self._send(offsets, batches)))

    def restart(self, committed: Mapping[TopicPartition, int | None]) -> None:
        """After a seek to these offsets (None: the beginning): the records of what still waits come again."""
        self.drop()
        self.committed = {tp: offset or 0 for tp, offset in committed.items()}

    def drop(self) -> None:
        """The partitions are revoked: what still waits is not committed."""
        _, batches = self._take()
        if batches:
            self._listener.not_committed(batches)
        self.committed = {}

    def _take(self) -> tuple[dict[TopicPartition, int], int]:
        if self._timer is not None:
            self._timer.cancel()
        taken = self._pending, self._batches
        self._timer, self._pending, self._batches = None, {}, 0
        return taken

    def _start_flush(self) -> None:
        self._timer = None
        self._flushing = asyncio.ensure_future(self.flush())  # kept, for asyncio refers to its tasks weakly

    async def _send(self, offsets: Offsets, batches: int) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                committed = await self._commit(offsets)
        except (KafkaError, TimeoutError) as fault:
            raise DeliveryFailed(
                f"The broker did not take a commit within {self._timeout:g} s ({type(fault).__name__}).",
                kept=f"The outputs of {batches} batches are delivered; their requests will be decided again.",
                do_next="Check the broker, then start the worker again.",
            ) from fault
        if committed:
            self.committed |= {tp: offset for tp, offset in offsets.items() if tp in self.committed}  # not revoked ones
            self._listener.committed()
        else:
            self._listener.not_committed(batches)
        return committed
