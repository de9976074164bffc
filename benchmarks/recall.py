"""What one decision a request id costs: each request in the pipeline, and a scorer that takes four partitions over,
which reads back the ids of their newest 10,000 decisions each."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import time
import tracemalloc

import numpy as np

from benchmarks.contestants.options import product_pipeline
from benchmarks.contestants.record import Record
from benchmarks.loans import requests
from benchmarks.outputs import READ_SECONDS, Reader
from benchmarks.report import Report, Verdict
from benchmarks.stage import PARTITIONS, TOPICS, Stage
from stream_app.settings import WorkerSettings
from stream_app.steps.decided import DecidedIds
from stream_app.worker.composition import QUIET_SECONDS
from stream_app.worker.decision_tail import Tail

DECISIONS = 48_000
"""So many that each partition has more than are read back."""

ROUNDS, BATCH = 7, 2_048
PIPELINED = 20 * BATCH
LIMIT_SECONDS = 2.0


def measure(stage: Stage) -> Report:
    """Have the product decide a backlog, then read its decisions back as its successor does."""
    stage.load(TOPICS.requests, DECISIONS)
    with Reader(stage, TOPICS.decisions) as reader, stage.worker("recall") as worker:
        answered = 0
        while answered < DECISIONS:
            assert worker.poll() is None, f"the worker ended with status {worker.returncode}"
            answered += len(reader.more(READ_SECONDS))
    seconds = [_recall(stage)[0] for _ in range(ROUNDS)]
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)  # as in the worker
    costs = [(_microseconds_a_request(stage, None), _microseconds_a_request(stage, _memory())) for _ in range(ROUNDS)]
    tracemalloc.start()
    _, memory = _recall(stage)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    figures: dict[str, object] = {
        "ids": len(memory),
        "seconds": [round(each, 3) for each in sorted(seconds)],
        "of_them_waiting_for_quiet": QUIET_SECONDS,
        "pipeline_microseconds_without_memory": round(min(without for without, _ in costs), 2),
        "pipeline_microseconds_with_memory": round(min(with_memory for _, with_memory in costs), 2),
        "bytes_an_id": round(held / len(memory)),
    }
    median = float(np.median(seconds))
    return Report("recall", stage.engine, figures, [Verdict("seconds, median", median, LIMIT_SECONDS, at_least=False)])


def _memory() -> DecidedIds:
    settings = WorkerSettings()
    return DecidedIds(settings.remembered_ids, settings.remembered_seconds)


def _microseconds_a_request(stage: Stage, memory: DecidedIds | None) -> float:
    """CPU time of the pipeline alone, over batches as large as they get; both sides make the digest and publish it."""
    pipeline = product_pipeline(stage.clients, memory)
    records = [
        Record(TOPICS.requests, n % PARTITIONS, n, key, value, headers=[], timestamp=0)
        for n, (key, value) in enumerate(requests(stage.book, PIPELINED))
    ]
    started = time.process_time()
    for first in range(0, PIPELINED, BATCH):
        now = dt.datetime.now(dt.UTC)
        judged = pipeline.judge(records[first : first + BATCH], now)
        if memory is not None:
            memory.remember(judged.decided, now)
    return (time.process_time() - started) / PIPELINED * 1e6


def _recall(stage: Stage) -> tuple[float, DecidedIds]:
    settings, memory = WorkerSettings(), _memory()
    tail = Tail(
        stage.bootstrap,
        TOPICS.decisions,
        most=settings.remembered_ids,
        fetch_wait_seconds=stage.fetch_wait_ms / 1000,
        quiet_seconds=QUIET_SECONDS,
    )
    started = time.perf_counter()
    found = asyncio.run(tail.read(range(PARTITIONS)))
    memory.restart({partition: [each[1:] for each in some] for partition, some in found.items()})
    return time.perf_counter() - started, memory
