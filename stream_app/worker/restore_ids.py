"""Restores the memory of decided ids at each seek, so that a scorer knows what was decided in partitions it takes over.

The decision topic is authoritative, the memory a copy. A seek drops batches that were never delivered, and the memory
forgets their ids.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiokafka.errors import KafkaError

from stream_app.errors import RegistryUnavailable, RestoreFailed
from stream_app.events import Offsets, TopicPartition
from stream_app.runtime.background import Supervise
from stream_app.steps.deduplicate import DecidedIds
from stream_app.transport.assignment import Assignment, SeekListener
from stream_app.worker.decision_tail import DecisionsByPartition

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5

ReadDecisions = Callable[[Iterable[int]], Awaitable[DecisionsByPartition]]
"""Reads the newest decisions of these partitions."""


class RestoreIds(SeekListener):
    """Passes the calls around a seek on to the lanes, and restores the memory between them.

    ``supervise``: ends the process when the decisions cannot be read. Faust passes over what a seek raises, and would
    score with an empty memory.
    """

    def __init__(
        self,
        lanes: SeekListener,
        decided_ids: DecidedIds,
        read_decisions: ReadDecisions,
        *,
        supervise: Supervise,
        timeout_seconds: float,
    ) -> None:
        self._lanes, self._decided_ids = lanes, decided_ids
        self._read_decisions, self._supervise, self._timeout = read_decisions, supervise, timeout_seconds
        self._restored: DecisionsByPartition = {}

    async def before_seek(self, assignment: Assignment) -> Offsets | None:
        """Open the lanes, which fences older owners; from then on nothing is added to what is read."""
        kept = await self._lanes.before_seek(assignment)
        reading = self._supervise(self._read({tp.partition for tp in assignment.partitions or ()}))
        self._restored = await assignment.unless_revoked(reading)
        return kept

    def after_seek(self, committed: Mapping[TopicPartition, int | None]) -> None:
        """In one step with the new epoch: what a batch of the old one adds meanwhile is dropped as that batch is."""
        self._decided_ids.restart(self._restored)
        self._restored = {}
        self._lanes.after_seek(committed)

    async def before_revocation(self) -> None:
        await self._lanes.before_revocation()

    def after_revocation(self) -> None:
        self._decided_ids.restart({})
        self._lanes.after_revocation()

    async def _read(self, partitions: set[int]) -> DecisionsByPartition:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                decisions = await self._read_with_retries(partitions)
        except TimeoutError as fault:
            raise RestoreFailed(
                f"The newest decisions could not be read within {self._timeout:g} s.",
                kept="Nothing was decided or committed since the partitions were assigned.",
                do_next="Check the broker, then start the worker again.",
            ) from fault
        count, seconds = sum(map(len, decisions.values())), time.monotonic() - started
        log.info("%d decided request ids restored in %.2f s", count, seconds)
        return decisions

    async def _read_with_retries(self, partitions: set[int]) -> DecisionsByPartition:
        """A broker that restarts refuses connections for a while."""
        while True:
            try:
                return await self._read_decisions(partitions)
            except (KafkaError, OSError, RegistryUnavailable) as fault:
                log.warning("the newest decisions cannot be read yet (%s)", type(fault).__name__)
                await asyncio.sleep(RETRY_SECONDS)
