"""What the agent does with a poll: judge its records, deliver the outputs, count what was delivered."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

from stream_app.delivery.protocol import Lanes
from stream_app.errors import ClientStoreUnavailable, RegistryUnavailable, StreamAppError
from stream_app.events import RawRecord
from stream_app.pipeline import Judged, Pipeline
from stream_app.runtime.background import Supervise
from stream_app.runtime.readiness import Progress
from stream_app.steps.deduplicate import DecidedIds, Fingerprints
from stream_app.transport.poll import Poll
from stream_app.worker.metrics import ScorerMetrics
from stream_app.worker.tracing import BatchTrace, Untraced

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.25
CHUNK_RECORDS = 256
"""Judged between two turns of a delivery under way: 6 ms of work, against some 5 turns that a transaction takes."""

CLOCK_SKEW_SECONDS = 86_400.0
OLDEST_SECONDS = 10 * 365 * 86_400.0
"""A time stamp further ahead or behind is no time of an event: Kafka's -1 for none, or seconds for milliseconds."""


def ages_seconds(records: Iterable[RawRecord], now: float) -> list[float]:
    """Seconds from the time stamp of each record to ``now`` (Unix time); records without a plausible one are left out.

    A stamp that is ahead, by a clock that differs from ours, makes an age of 0.
    """
    ages = (now - record.timestamp / 1000 for record in records)
    return [max(0.0, age) for age in ages if -CLOCK_SKEW_SECONDS <= age <= OLDEST_SECONDS]


async def _unsupervised(work: Awaitable[Any]) -> Any:
    return await work


class CommitMetrics:
    """Passes on to metrics and readiness what became of commits; a delivery's ``CommitListener``."""

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
    """Pipeline, memory of decided ids, lanes and metrics, in the order a poll meets them.

    While one batch is being delivered the next one is judged, in chunks, so that the delivery gets its turns. It is
    delivered after the first, which keeps the order of every partition.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        lanes: Lanes,
        metrics: ScorerMetrics,
        clients_wait_seconds: float = 0.0,
        decided_ids: DecidedIds | None = None,
        supervise: Supervise = _unsupervised,
        trace_batch: Callable[[Sequence[RawRecord]], BatchTrace] = Untraced(),  # noqa: B008 - has no state
    ) -> None:
        """``clients_wait_seconds``: how long a batch waits for a client store or a schema registry that is
        away; rebalances go on meanwhile.

        ``decided_ids``: the memory the pipeline reads, if it reads one. ``supervise`` awaits a delivery and ends the
        process when it fails. ``trace_batch``: starts the span of a batch.
        """
        self._trace_batch = trace_batch
        self._pipeline, self._lanes, self._metrics, self._decided_ids = pipeline, lanes, metrics, decided_ids
        self._clients_wait, self._supervise = clients_wait_seconds, supervise
        self._delivery: asyncio.Future[Any] | None = None

    async def handle(self, poll: Poll) -> None:
        """Judge every record of a poll and begin to deliver the outputs, after those of the poll before.

        Raises StreamAppError when it could not; none of the poll is committed then.
        """
        records = poll.admit()
        if not records:
            await self.delivered()
            return
        trace = self._trace_batch(records)
        judged = await self._judge(poll, records)
        await self.delivered()
        if judged is None or not poll.is_current:
            trace.given_up()
        else:
            # Nothing may come between these two: ids remembered of a batch that is not delivered would be taken for
            # delivered, and its records never be decided.
            self._remember(judged)
            self._delivery = asyncio.ensure_future(self._supervise(self._deliver(poll, records, judged, trace)))

    async def delivered(self) -> None:
        """Wait for the delivery under way. Raises what it raised, unless ``supervise`` ended the process."""
        if self._delivery is not None:
            await asyncio.shield(self._delivery)  # an agent that is stopped must not tear a transaction apart

    async def _judge(self, poll: Poll, records: Sequence[RawRecord]) -> Judged | None:
        """None when the partitions were revoked meanwhile."""
        judged = Judged([], [])
        for chunk in self._chunks(records):
            if (judged_chunk := await self._judge_chunk(poll, chunk, judged.decided)) is None:
                return None
            judged += judged_chunk
        return judged

    def _chunks(self, records: Sequence[RawRecord]) -> Iterator[Sequence[RawRecord]]:
        """All at once while no delivery is under way: fewer, larger calls of the model are cheaper."""
        start = 0
        while start < len(records):
            size = len(records) if self._delivery is None or self._delivery.done() else CHUNK_RECORDS
            yield records[start : start + size]
            start += size

    async def _judge_chunk(self, poll: Poll, records: Sequence[RawRecord], earlier: Fingerprints) -> Judged | None:
        started, warned = time.monotonic(), False
        await asyncio.sleep(0)
        while poll.is_current:
            try:
                timer = _StageTimer(self._metrics)
                return self._pipeline.judge(records, dt.datetime.now(dt.UTC), timer.stage_ended, earlier)
            except (ClientStoreUnavailable, RegistryUnavailable) as fault:
                self._metrics.waits_for(fault)
                if time.monotonic() - started >= self._clients_wait:
                    raise self._waited_in_vain(fault) from fault
                if not warned:
                    log.warning("%s The batch in hand waits for it for %g s.", fault.happened, self._clients_wait)
                warned = True
                await asyncio.sleep(RETRY_SECONDS)
        return None

    def _waited_in_vain(self, fault: StreamAppError) -> StreamAppError:
        return type(fault)(
            f"{fault.happened} The batch in hand waited for it for {self._clients_wait:g} s.",
            kept="Nothing of the batch was committed; it is decided after the next start.",
            do_next=fault.do_next,
        )

    def _remember(self, judged: Judged) -> None:
        """Before the delivery, for what is judged meanwhile; a delivery that fails has the memory restored."""
        if self._decided_ids is not None:
            self._decided_ids.remember(judged.decided, dt.datetime.now(dt.UTC))

    async def _deliver(self, poll: Poll, records: Sequence[RawRecord], judged: Judged, trace: BatchTrace) -> None:
        if not poll.is_current:
            trace.given_up()
            return
        timer, now = _StageTimer(self._metrics), time.time()
        is_final = await self._lanes.deliver(records, judged.outputs)
        timer.stage_ended("publish")
        if not is_final:
            trace.given_up()
            return
        answered = (record for record, output in zip(records, judged.outputs, strict=True) if output is not None)
        self._metrics.batch_delivered(judged, ages_seconds(answered, now))
        for record, trace_id in trace.delivered(records, judged):
            self._metrics.exemplify(ages_seconds([record], now), trace_id)
        for bug in judged.bugs:
            log.error("a record was rejected for a fault of the scorer: %s", bug)


class _StageTimer:
    """Measures the stages of one batch, one after the other."""

    def __init__(self, metrics: ScorerMetrics) -> None:
        self._metrics, self._since = metrics, time.perf_counter()

    def stage_ended(self, stage: str) -> None:
        now = time.perf_counter()
        self._metrics.stage_took(stage, now - self._since)
        self._since = now
