"""What deduplication by request id costs: per request in the pipeline, and when a scorer is assigned partitions and
restores the ids of their newest 10,000 decisions each."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import time
import tracemalloc

import numpy as np

from benchmarks.contestants.harness import Record, product_pipeline
from benchmarks.loans import requests
from benchmarks.outputs import Reader
from benchmarks.report import Report, Verdict
from benchmarks.testbed import PARTITIONS, TOPICS, Testbed
from stream_app.settings import WorkerSettings
from stream_app.steps.deduplicate import DecidedIds
from stream_app.worker.composition import QUIET_SECONDS
from stream_app.worker.decision_tail import DecisionTail

DECISIONS = 48_000
"""Enough that each of the four partitions has more than are restored."""

ROUNDS, BATCH = 7, 2_048
PIPELINED = 20 * BATCH
LIMIT_SECONDS = 2.0


def measure(testbed: Testbed) -> Report:
    """Let the product decide a backlog, then restore its ids as the next scorer does."""
    testbed.load(TOPICS.requests, DECISIONS)
    with Reader(testbed, TOPICS.decisions) as reader, testbed.worker("deduplication") as worker:
        for _ in reader.progress(DECISIONS, worker):
            pass
    seconds = [_restore(testbed)[0] for _ in range(ROUNDS)]
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)  # as in the worker
    costs = [
        (_microseconds_a_request(testbed, None), _microseconds_a_request(testbed, _no_ids())) for _ in range(ROUNDS)
    ]
    tracemalloc.start()
    _, ids = _restore(testbed)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    figures: dict[str, object] = {
        "ids": len(ids),
        "seconds": [round(duration, 3) for duration in sorted(seconds)],
        "of_them_waiting_for_quiet": QUIET_SECONDS,
        "pipeline_microseconds_without_memory": round(min(without for without, _ in costs), 2),
        "pipeline_microseconds_with_memory": round(min(with_ids for _, with_ids in costs), 2),
        "bytes_an_id": round(held / len(ids)),
    }
    median = float(np.median(seconds))
    return Report(
        "deduplication", testbed.engine, figures, [Verdict("seconds, median", median, LIMIT_SECONDS, at_least=False)]
    )


def _no_ids() -> DecidedIds:
    settings = WorkerSettings()
    return DecidedIds(settings.remembered_ids, settings.remembered_seconds)


def _microseconds_a_request(testbed: Testbed, decided: DecidedIds | None) -> float:
    """CPU time of the pipeline alone, in full batches. Both variants compute the digest of a request."""
    pipeline = product_pipeline(testbed.clients, decided)
    records = [
        Record(TOPICS.requests, n % PARTITIONS, n, key, value, headers=[], timestamp=0)
        for n, (key, value) in enumerate(requests(testbed.book, PIPELINED))
    ]
    started = time.process_time()
    for first in range(0, PIPELINED, BATCH):
        now = dt.datetime.now(dt.UTC)
        judged = pipeline.judge(records[first : first + BATCH], now)
        if decided is not None:
            decided.remember(judged.decided, now)
    return (time.process_time() - started) / PIPELINED * 1e6


def _restore(testbed: Testbed) -> tuple[float, DecidedIds]:
    settings, ids = WorkerSettings(), _no_ids()
    tail = DecisionTail(
        testbed.connection,
        TOPICS.decisions,
        most=settings.remembered_ids,
        fetch_wait_seconds=testbed.fetch_wait_ms / 1000,
        quiet_seconds=QUIET_SECONDS,
    )
    started = time.perf_counter()
    ids.restart(asyncio.run(tail.read(range(PARTITIONS))))
    return time.perf_counter() - started, ids
