"""When offsets are committed: several batches together, a little after their outputs were delivered.

A commit is a round trip that costs worker and broker as much as a small batch does. So the offsets of delivered batches
are kept and go out together, at most ``interval_seconds`` after the first of them, while the next batch is scored. A
crash loses what was kept: its records are decided again, and none is lost, since no commit runs ahead of a delivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from aiokafka.errors import KafkaError

from stream_app.errors import DeliveryFailed
from stream_app.events import Offsets, TopicPartition

Commit = Callable[[Offsets], Awaitable[bool]]
"""Commits offsets. False: the group rebalanced, whoever owns the records now fetches them again."""

Guard = Callable[[Awaitable[Any]], Awaitable[Any]]
"""Awaits work that nobody else awaits, such as a commit that a timer starts, and ends the process if it fails."""


class CommitListener(Protocol):
    """Told of what became of commits."""

    def committed(self) -> None:
        """Offsets were committed just now."""

    def not_committed(self, batches: int) -> None:
        """A rebalance came between delivering and committing that many batches: their records come again."""


class PacedCommits:
    """Keeps the offsets of delivered batches and commits them, one commit at a time. For one event loop."""

    def __init__(
        self,
        commit: Commit,
        *,
        listener: CommitListener,
        guard: Guard,
        interval_seconds: float,
        timeout_seconds: float,
    ) -> None:
        """``interval_seconds``: how long a delivered batch may wait for its commit; 0: each is committed at once.

        ``timeout_seconds``: a commit that takes longer is a DeliveryFailed.
        """
        self._commit, self._listener, self._guard = commit, listener, guard
        self._interval, self._timeout = interval_seconds, timeout_seconds
        self._one_at_a_time = asyncio.Lock()  # an older commit that came last would set the group back
        self._at_once = False
        self._flushing: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pending: dict[TopicPartition, int] = {}
        self._batches = 0
        self.committed: dict[TopicPartition, int] = {}
        """The committed offset of every partition owned now."""

    async def add(self, ends: Offsets, *, now: bool = False) -> bool:
        """The records below these offsets were delivered; ``now`` commits them at once.

        False: a rebalance undid their commit, they come again.
        """
        self._pending.update(ends)
        self._batches += 1
        if now or self._at_once or not self._interval:
            return await self.flush()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._start_flush)
        return True

    def at_once(self) -> None:
        """From here to :meth:`restart` the partitions may go at any time: commit each batch at once."""
        self._at_once = True

    async def flush(self) -> bool:
        """Commit what is kept, after any commit under way. False when a rebalance undid it."""
        async with self._one_at_a_time:
            ends, batches = self._take()
            return not batches or bool(await self._guard(self._send(ends, batches)))

    def restart(self, committed: Mapping[TopicPartition, int | None]) -> None:
        """The partitions were sought to these offsets (None: the beginning): what is still kept comes again."""
        self.forget()
        self.committed = {tp: offset or 0 for tp, offset in committed.items()}
        self._at_once = False

    def forget(self) -> None:
        """The partitions were given away: what is still kept is not committed."""
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
        self._flushing = asyncio.ensure_future(self.flush())  # held, for asyncio holds its tasks weakly

    async def _send(self, ends: Offsets, batches: int) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                committed = await self._commit(ends)
        except (KafkaError, TimeoutError) as fault:
            raise DeliveryFailed(
                f"The broker did not take a commit within {self._timeout:g} s ({type(fault).__name__}).",
                kept=f"The outputs of {batches} batches are delivered; their requests will be decided again.",
                do_next="Check the broker, then start the worker again.",
            ) from fault
        if committed:
            self.committed |= {tp: end for tp, end in ends.items() if tp in self.committed}  # not what is gone by now
            self._listener.committed()
        else:
            self._listener.not_committed(batches)
        return committed
