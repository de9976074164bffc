"""A closed window in the monitor's two child processes: its drift event and its Evidently report, read from the store.

Meanwhile an event loop like the monitor's ticks every millisecond: its longest gap is how long a child process blocks
the loop that waits for it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import repeat
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.loop_lag import TICK_SECONDS, running_clock
from benchmarks.report import Report, Verdict
from benchmarks.window_statistics import decision_record, synthetic_columns, synthetic_contract
from models.bundle import Bundle
from models.policy import OUTCOMES, Policy
from models.training.fit import ModelSize
from models.training.train import Plan, train
from monitoring.baseline import BundleSource
from monitoring.event_time import WindowSize
from monitoring.jobs import window_job
from monitoring.jobs.child_process import Child
from monitoring.reports import build
from monitoring.statistics.window_analysis import Options
from monitoring.store import DecisionRow, DecisionStore, Put, WindowKey

FEATURES, ROWS, TRAINING_ROWS, ROUNDS, SEED = 30, 20_000, 8_000, 5, 7
CLOSING_SECONDS, REPORT_SECONDS, GAP_SECONDS = 0.5, 6.0, 0.020
DEADLINE_SECONDS = 120.0
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAY = WindowSize.parse("1d")


def measure() -> Report:
    """Medians of warm calls, the first call with its imports, and the longest gap over all of them."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return asyncio.run(_measured(Path(folder)))


async def _measured(folder: Path) -> Report:
    bundle = _bundle(folder / "bundle")
    source = BundleSource(bundle.path)
    store = str(folder / "decisions.db")
    key = _filled(store, bundle)
    analyst = Child("analyst", partial(window_job.prepare, source), DEADLINE_SECONDS)
    reporter = Child("reporter", partial(build.prepare, source), DEADLINE_SECONDS, niceness=10)
    close = partial(analyst.call, window_job.compute_window, store, source, Options(), key)
    write = partial(reporter.call, build.write_report, store, source, folder / "reports", 3, key)
    gc.collect()
    gc.freeze()  # a monitor does not hold the objects of a training run; to collect them takes 100 ms
    idle_gap, _ = await _ticking(partial(time.sleep, 3.0))
    closings = [await _ticking(close) for _ in range(1 + ROUNDS)]
    reports = [await _ticking(write) for _ in range(1 + ROUNDS)]
    processor = [_processor_seconds(analyst, close), _processor_seconds(reporter, write)]
    analyst.close()
    reporter.close()
    size_mb = (folder / "reports" / "window-2026-01-01.html").stat().st_size / 1e6
    return _report(closings, reports, processor, idle_gap, size_mb)


def _report(
    closings: list[tuple[float, float]],
    reports: list[tuple[float, float]],
    processor: list[float],
    idle_gap: float,
    size_mb: float,
) -> Report:
    closing_s, report_s = (median(seconds for _, seconds in calls[1:]) for calls in (closings, reports))
    start_gap = max(gap for gap, _ in (closings[0], reports[0]))
    gap = max(gap for gap, _ in (*closings[1:], *reports[1:]))
    figures: dict[str, object] = {
        "window": f"{FEATURES} features, {ROWS:,} rows",
        "first closing, imports included, s": closings[0][1],
        "closing, median s": closing_s,
        "closing, processor s": processor[0],
        "first report, imports included, s": reports[0][1],
        "report, median s": report_s,
        "report, processor s": processor[1],
        "report, MB": size_mb,
        "longest gap of the loop, ms": gap * 1000,
        "longest gap while a child starts, ms": start_gap * 1000,
        "longest gap with nothing to do, ms": idle_gap * 1000,
    }
    verdicts = [
        Verdict("seconds to close a window, store included, median", closing_s, CLOSING_SECONDS, at_least=False),
        Verdict("seconds for a report, median", report_s, REPORT_SECONDS, at_least=False),
        Verdict("longest gap of the event loop, s", max(gap, start_gap), GAP_SECONDS, at_least=False),
    ]
    return Report("reports", "no broker", figures, verdicts)


def _processor_seconds(child: Child, call: Callable[[], Any]) -> float:
    """Processor time of the child in one more call."""
    before = child.call(time.process_time)
    call()
    return child.call(time.process_time) - before


async def _ticking(call: Callable[[], Any]) -> tuple[float, float]:
    """The loop's longest gap during the call, and how long the call took; both in seconds."""
    clock, started = running_clock(), time.perf_counter()
    work = asyncio.create_task(asyncio.to_thread(call))
    gap, last = 0.0, clock()
    while not work.done():
        await asyncio.sleep(TICK_SECONDS)
        gap, last = max(gap, clock() - last - TICK_SECONDS), clock()
    await work
    return gap, time.perf_counter() - started


def _bundle(path: Path) -> Bundle:
    """A small model, trained on synthetic loans of which a tenth defaults."""
    rng, contract = np.random.default_rng(SEED), synthetic_contract(FEATURES)
    columns = dict(zip(contract.names(), synthetic_columns(contract, TRAINING_ROWS, rng), strict=True))
    target = (rng.random(TRAINING_ROWS) < 0.1).astype(int)
    plan = Plan(policy=Policy.from_costs(), size=ModelSize(trees=10, leaves=4))
    frame = pd.DataFrame({contract.id_column: np.arange(TRAINING_ROWS), contract.target: target, **columns})
    return train(frame, contract, plan).write(path)


def _filled(url: str, bundle: Bundle) -> WindowKey:
    """Fill a store with one closed window; returns its key."""
    columns = synthetic_columns(bundle.contract, ROWS, np.random.default_rng(SEED + 1))
    matrix, _ = bundle.contract.encode(columns)
    probability = bundle.scorer.probability_of_default(matrix)
    outcomes = [OUTCOMES[position] for position in bundle.policy.outcomes(probability)]
    features = [dict(zip(bundle.contract.names(), row, strict=True)) for row in zip(*columns, strict=True)]
    records = map(decision_record, features, probability.tolist(), outcomes, repeat(bundle.policy))
    us = round(START.timestamp() * 1e6)
    rows = [
        DecisionRow(f"r{n}", "c", us + n, us + n, outcome, p, bundle.version, False, record, 0, n)
        for n, (record, p, outcome) in enumerate(zip(records, probability.tolist(), outcomes, strict=True))
    ]
    with DecisionStore.open(url) as store:
        store.put(Put(rows, [], {}, DAY))
        store.close_due(DAY.end_of(us), DAY, at_us=0)
        return store.uncomputed()[0]
