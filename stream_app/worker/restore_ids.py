"""A scorer that is given partitions first learns what was decided there: the memory is rebuilt around each seek.

The broker's decisions are the truth, the memory a copy. Whatever was remembered of a batch that was never delivered
goes with the seek that drops the batch.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiokafka.errors import KafkaError
from faust.types import TP

from stream_app.errors import RecallFailed
from stream_app.steps.deduplicate import DecidedIds
from stream_app.transport.assignment import Assignment, SeekListener
from stream_app.worker.decision_tail import Named

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 0.5

Read = Callable[[Iterable[int]], Awaitable[Mapping[int, list[Named]]]]
"""The newest decisions of these partitions."""

Guard = Callable[[Awaitable[Mapping[int, list[Named]]]], Awaitable[Any]]
"""Ends the process when it fails: Faust passes over what a seek raises, and would score with an empty memory."""


class Recall(SeekListener):
    """Lanes, and the memory of decided ids beside them."""

    def __init__(
        self, lanes: SeekListener, decided: DecidedIds, read: Read, *, guard: Guard, timeout_seconds: float
    ) -> None:
        self._lanes, self._decided = lanes, decided
        self._read, self._guard, self._timeout = read, guard, timeout_seconds
        self._recalled: Mapping[int, list[Named]] = {}

    async def before_seek(self, assignment: Assignment) -> Mapping[TP, int] | None:
        """Open the lanes, which fences older owners; then nothing is added to what is read."""
        kept = await self._lanes.before_seek(assignment)
        recalling = self._guard(self._recall({tp.partition for tp in assignment.partitions or ()}))
        self._recalled = await assignment.unless_revoked(recalling)
        return kept

    def after_seek(self, committed: Mapping[TP, int | None]) -> None:
        """In one step with the new epoch: what a batch of the old one adds meanwhile is dropped as that batch is."""
        recalled, self._recalled = self._recalled, {}
        self._decided.restart({p: [each[1:] for each in some] for p, some in recalled.items()})
        self._lanes.after_seek(committed)

    async def before_revocation(self) -> None:
        await self._lanes.before_revocation()

    def after_revocation(self) -> None:
        self._decided.restart({})
        self._lanes.after_revocation()

    async def _recall(self, partitions: set[int]) -> Mapping[int, list[Named]]:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                found = await self._read_at_last(partitions)
        except TimeoutError as fault:
            raise RecallFailed(
                f"The newest decisions could not be read within {self._timeout:g} s.",
                kept="Nothing was decided or committed since the partitions were assigned.",
                do_next="Check the broker, then start the worker again.",
            ) from fault
        count, seconds = sum(map(len, found.values())), time.monotonic() - started
        log.info("%d decided request ids recalled in %.2f s", count, seconds)
        return found

    async def _read_at_last(self, partitions: Iterable[int]) -> Mapping[int, list[Named]]:
        """A broker that restarts refuses connections for a while: ask until the deadline of the whole."""
        while True:
            try:
                return await self._read(partitions)
            except (KafkaError, OSError) as fault:
                log.warning("the newest decisions cannot be read yet (%s)", type(fault).__name__)
                await asyncio.sleep(ASK_AGAIN_SECONDS)
