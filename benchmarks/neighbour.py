"""What the monitor costs the scorer: the scorer on a backlog, alone and with a monitor beside it, in turn.

On two cores the monitor takes processor time from everybody. What it must not do is to make the scorer's own work more
expensive: compared is the processor time the scorer spends on a decision.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from pathlib import Path

from benchmarks.outputs import Reader
from benchmarks.race import REMEMBERED_SECONDS
from benchmarks.report import Report, Verdict
from benchmarks.testbed import TOPICS, Testbed

REQUESTS, ROUNDS = 100_000, 3
MOST = 1.1
TICKS = os.sysconf("SC_CLK_TCK")


def measure(testbed: Testbed) -> Report:
    """Interleaved rounds of both. The promise is on the ratio of the medians."""
    testbed.load(TOPICS.requests, REQUESTS)
    rounds: dict[str, list[tuple[float, float]]] = {"alone": [], "beside": []}
    reader = Reader(testbed, TOPICS.decisions)
    for attempt in range(ROUNDS):
        rounds["alone"].append(_decide(testbed, reader, f"alone-{attempt}"))
        with _monitor(testbed, attempt):
            rounds["beside"].append(_decide(testbed, reader, f"beside-{attempt}"))
    micros = {name: [processor for processor, _ in pairs] for name, pairs in rounds.items()}
    figures: dict[str, object] = {
        "requests": REQUESTS,
        "rounds": ROUNDS,
        "processor µs a decision": micros,
        "decisions per second": {name: [rate for _, rate in pairs] for name, pairs in rounds.items()},
    }
    ratio = statistics.median(micros["beside"]) / statistics.median(micros["alone"])
    times = Verdict("times the scorer's processor time with a monitor beside it", ratio, MOST, at_least=False)
    return Report("neighbour", testbed.engine, figures, [times])


def _monitor(testbed: Testbed, attempt: int) -> contextlib.AbstractContextManager[object]:
    settings = {
        **testbed.client_settings,
        "monitor_group": f"monitor-{attempt}",
        "store": str(testbed.folder / f"decisions-{attempt}.db"),
        "reports": str(testbed.folder / f"reports-{attempt}"),
        "window": "1mo",
        "monitor_port": "0",
        "log_level": "warning",
    }
    return testbed.child("stream_app", "monitor", **settings)


def _decide(testbed: Testbed, reader: Reader, group: str) -> tuple[float, float]:
    """Processor µs a decision and decisions a second, from the first decision read on."""
    with reader, testbed.worker(group, remembered_seconds=str(REMEMBERED_SECONDS)) as worker:
        progress = reader.progress(REQUESTS, worker)
        before = next(read for read in progress if read)
        began, spent = time.perf_counter(), _processor_seconds(worker.pid)
        decided = max(progress) - before
        seconds, spent = time.perf_counter() - began, _processor_seconds(worker.pid) - spent
    return spent / decided * 1e6, decided / seconds


def _processor_seconds(pid: int) -> float:
    """User and system time of the process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
