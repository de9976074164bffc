"""What the monitor costs the scorer: the scorer on a backlog, alone and with a monitor beside it, in turn.

They share the machine, so on two cores the monitor takes time from everybody. What it must not do is make the scorer's
own work dearer: its processor time a decision is compared.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from pathlib import Path

from benchmarks.outputs import READ_SECONDS, Reader
from benchmarks.race import FORGOTTEN_SECONDS
from benchmarks.report import Report, Verdict
from benchmarks.stage import TOPICS, Stage

REQUESTS, ROUNDS = 100_000, 3
MOST = 1.1
TICKS = os.sysconf("SC_CLK_TCK")


def measure(stage: Stage) -> Report:
    """Rounds of both, interleaved; the medians and their ratio."""
    stage.load(TOPICS.requests, REQUESTS)
    alone: list[tuple[float, float]] = []
    beside: list[tuple[float, float]] = []
    reader = Reader(stage, TOPICS.decisions)
    for attempt in range(ROUNDS):
        alone.append(_race(stage, reader, f"alone-{attempt}"))
        with _monitor(stage, attempt):
            beside.append(_race(stage, reader, f"beside-{attempt}"))
    micros = {name: [each[0] for each in some] for name, some in (("alone", alone), ("beside", beside))}
    figures: dict[str, object] = {
        "requests": REQUESTS,
        "rounds": ROUNDS,
        "processor µs a decision": micros,
        "decisions per second": {"alone": [each[1] for each in alone], "beside": [each[1] for each in beside]},
    }
    ratio = statistics.median(micros["beside"]) / statistics.median(micros["alone"])
    times = Verdict("times the scorer's processor time with a monitor beside it", ratio, MOST, at_least=False)
    return Report("neighbour", stage.engine, figures, [times])


def _monitor(stage: Stage, attempt: int) -> contextlib.AbstractContextManager[object]:
    settings = {
        "KAFKA": stage.bootstrap,
        "MONITOR_GROUP": f"monitor-{attempt}",
        "STORE": str(stage.folder / f"decisions-{attempt}.db"),
        "REPORTS": str(stage.folder / f"reports-{attempt}"),
        "WINDOW": "1mo",
        "MONITOR_PORT": "0",
        "LOG_LEVEL": "warning",
    }
    return stage.child("stream_app", "monitor", **{f"STREAM_APP_{name}": value for name, value in settings.items()})


def _race(stage: Stage, reader: Reader, group: str) -> tuple[float, float]:
    """Processor µs a decision and decisions a second, from the first output on."""
    forgetful = {"STREAM_APP_REMEMBERED_SECONDS": str(FORGOTTEN_SECONDS)}
    with reader, stage.worker(group, **forgetful) as worker:
        read, began, spent = 0, 0.0, 0.0
        at_first = 0
        while read < REQUESTS:
            assert worker.poll() is None, f"the worker ended with status {worker.returncode}"
            read += len(reader.more(READ_SECONDS))
            if read and not began:
                began, spent, at_first = time.perf_counter(), _processor_seconds(worker.pid), read
        seconds, spent = time.perf_counter() - began, _processor_seconds(worker.pid) - spent
    return spent / (read - at_first) * 1e6, (read - at_first) / seconds


def _processor_seconds(pid: int) -> float:
    """User and system time of the process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
