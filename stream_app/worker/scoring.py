"""What the agent does with a poll: judge it, deliver it, tell the metrics. And what is told of commits."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from typing import Any

from stream_app.delivery.offset_commits import Guard
from stream_app.delivery.protocol import Lanes
from stream_app.errors import ClientStoreUnavailable
from stream_app.events import Decision, RawRecord, Rejection
from stream_app.pipeline import Judged, Pipeline
from stream_app.runtime.readiness import Progress
from stream_app.steps.deduplicate import DecidedIds, Fingerprints
from stream_app.transport.poll import Poll
from stream_app.worker.metrics import ScorerMetrics

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 0.25
PIECE_RECORDS = 256
"""Judged between two turns of a delivery under way: 6 ms of work, against some 5 turns that a transaction takes."""


async def _unguarded(work: Awaitable[Any]) -> Any:
    return await work


class CommitNews:
    """Tells metrics and readiness of commits; a :class:`~stream_app.delivery.offset_commits.CommitListener`."""

    def __init__(self, metrics: ScorerMetrics, progress: Progress) -> None:
        self._metrics, self._progress = metrics, progress

    def committed(self) -> None:
        """Offsets were committed just now."""
        self._progress.committed()
        self._metrics.committed(time.time())

    def not_committed(self, batches: int) -> None:
        """That many delivered batches come again."""
        self._metrics.not_committed(batches)


class Scoring:
    """Pipeline, memory, lanes and metrics, in the order a poll meets them.

    While a batch is being delivered the next one is judged, in pieces, so that the delivery gets its turns. It is
    delivered after the first, which keeps the order of every partition.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        lanes: Lanes,
        metrics: ScorerMetrics,
        patience_seconds: float = 0.0,
        decided_ids: DecidedIds | None = None,
        guard: Guard = _unguarded,
    ) -> None:
        """``patience_seconds``: how long a batch waits for a client store that is away; rebalances go on meanwhile.

        ``decided_ids``: the memory that the pipeline reads, if it reads one. ``guard`` awaits a delivery and ends the
        process when it fails.
        """
        self._pipeline, self._lanes, self._metrics, self._decided_ids = pipeline, lanes, metrics, decided_ids
        self._patience, self._guard = patience_seconds, guard
        self._delivery: asyncio.Future[Any] | None = None

    async def handle(self, poll: Poll) -> None:
        """Judge every record of one poll and begin to deliver the answers, after those of the poll before.

        Raises StreamAppError when it could not; none of the poll is committed then.
        """
        records = poll.admit()
        judged = await self._judge(poll, records) if records else None
        await self.delivered()
        if judged is not None and poll.is_current:
            # Nothing may come between these two: what is remembered of a batch that is not ours would be taken for
            # delivered, and never be.
            self._remember(judged)
            self._delivery = asyncio.ensure_future(self._guard(self._deliver(poll, records, judged)))

    async def delivered(self) -> None:
        """Wait for the delivery under way. Raises what it met, where the guard lets it."""
        if self._delivery is not None:
            await asyncio.shield(self._delivery)  # an agent that is stopped must not tear a transaction apart

    async def _judge(self, poll: Poll, records: Sequence[RawRecord]) -> Judged | None:
        """None when the partitions were given away meanwhile."""
        judged = Judged([], [])
        for piece in self._pieces(records):
            if (some := await self._judge_piece(poll, piece, judged.decided)) is None:
                return None
            judged += some
        return judged

    def _pieces(self, records: Sequence[RawRecord]) -> Iterator[Sequence[RawRecord]]:
        """All at once while nothing is under way: fewer, larger calls of the model are cheaper."""
        at = 0
        while at < len(records):
            size = len(records) if self._delivery is None or self._delivery.done() else PIECE_RECORDS
            yield records[at : at + size]
            at += size

    async def _judge_piece(self, poll: Poll, records: Sequence[RawRecord], earlier: Fingerprints) -> Judged | None:
        waiting = _Waiting(self._patience)
        await asyncio.sleep(0)
        while poll.is_current:
            try:
                return self._pipeline.judge(records, dt.datetime.now(dt.UTC), _Stopwatch(self._metrics).lap, earlier)
            except ClientStoreUnavailable as fault:
                self._metrics.client_store_failed()
                await waiting.after(fault)
        return None

    def _remember(self, judged: Judged) -> None:
        """Before the delivery, for what is judged meanwhile; a delivery that fails has the memory rebuilt."""
        if self._decided_ids is not None:
            self._decided_ids.remember(judged.decided, dt.datetime.now(dt.UTC))

    async def _deliver(self, poll: Poll, records: Sequence[RawRecord], judged: Judged) -> None:
        if not poll.is_current:
            return
        stopwatch = _Stopwatch(self._metrics)
        now = time.time()
        stands = await self._lanes.deliver(records, judged.outputs)
        stopwatch.lap("publish")
        if stands:
            self._tell(records, judged, now)

    def _tell(self, records: Sequence[RawRecord], judged: Judged, now: float) -> None:
        for bug in judged.bugs:
            log.error("a record was rejected for a fault of the scorer: %s", bug)
        decisions = [verdict for verdict in judged.verdicts if isinstance(verdict, Decision)]
        answered = [record for record, output in zip(records, judged.outputs, strict=True) if output is not None]
        self._metrics.batch_decided(
            records=len(records),
            repeats=len(records) - len(answered),
            outcomes=Counter(decision.outcome for decision in decisions),
            reasons=Counter(reason.code for decision in decisions for reason in decision.reasons),
            rejections=Counter(verdict.reason for verdict in judged.verdicts if isinstance(verdict, Rejection)),
            probabilities=[decision.probability_of_default for decision in decisions],
            ages_seconds=[max(0.0, now - record.timestamp / 1000) for record in answered],
            unseen=judged.unseen_categories,
            bugs=len(judged.bugs),
        )


class _Waiting:
    """Waits between two attempts, and gives up once it has waited for so long."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience = patience_seconds
        self._since: float | None = None

    async def after(self, fault: ClientStoreUnavailable) -> None:
        """Raises the fault when there is no more patience."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
            log.warning("%s The batch in hand waits for it for %g s.", fault.happened, self._patience)
        if now - self._since >= self._patience:
            raise ClientStoreUnavailable(
                f"{fault.happened} The batch in hand waited for it for {self._patience:g} s.",
                kept="Nothing of the batch was committed; it is decided after the next start.",
                do_next=fault.do_next,
            ) from fault
        await asyncio.sleep(ASK_AGAIN_SECONDS)


class _Stopwatch:
    """Tells the metrics how long each stage took, from lap to lap."""

    def __init__(self, metrics: ScorerMetrics) -> None:
        self._metrics, self._since = metrics, time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._metrics.stage_took(stage, now - self._since)
        self._since = now
