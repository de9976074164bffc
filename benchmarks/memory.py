"""Memory of the worker on a long backlog: around its 100,000th request and around its 500,000th."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.outputs import Reader
from benchmarks.report import Report, Verdict
from benchmarks.testbed import TOPICS, Testbed

EARLY, LATE = 100_000, 500_000
AROUND = 20_000
"""Samples within this many requests of a mark count for it, so that one sample's peak or dip does not decide."""

LIMIT = 0.10
SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Sample:
    """Memory after ``answered`` requests: resident, and the part not shared with other processes, in MiB."""

    answered: int
    rss_mib: float
    uss_mib: float


def take(pid: int, answered: int) -> Sample:
    """From ``/proc/PID/smaps_rollup`` (Linux)."""
    rollup = dict(re.findall(r"^(\w+): +(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE))
    private = int(rollup["Private_Clean"]) + int(rollup["Private_Dirty"])
    return Sample(answered, int(rollup["Rss"]) / 1024, private / 1024)


def measure(testbed: Testbed, early: int = EARLY, late: int = LATE) -> Report:
    """Sample the worker's memory while it answers a backlog of ``late`` requests."""
    testbed.load(TOPICS.requests, late)
    with Reader(testbed, TOPICS.decisions) as reader, testbed.worker("memory") as worker:
        samples = [take(worker.pid, answered) for answered in reader.progress(late, worker, SAMPLE_SECONDS)]
    before, after = _near(samples, early), _near(samples, late)
    growth = {"rss": after["rss_mib"] / before["rss_mib"] - 1, "uss": after["uss_mib"] / before["uss_mib"] - 1}
    figures: dict[str, object] = {f"at_{early}": before, f"at_{late}": after, "growth": growth}
    verdicts = [Verdict(f"change of {kind.upper()}", abs(by), LIMIT, at_least=False) for kind, by in growth.items()]
    return Report("memory", testbed.engine, figures, verdicts)


def _near(samples: list[Sample], mark: int) -> dict[str, float]:
    """Medians of the samples around this mark."""
    near = [sample for sample in samples if abs(sample.answered - mark) <= AROUND]
    return {
        "samples": len(near),
        "rss_mib": float(np.median([sample.rss_mib for sample in near])),
        "uss_mib": float(np.median([sample.uss_mib for sample in near])),
    }
