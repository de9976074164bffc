"""Memory of the worker over a long backlog: what it holds around its 100,000th request and at its 500,000th."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.outputs import Reader
from benchmarks.report import Report, Verdict
from benchmarks.stage import TOPICS, Stage

EARLY, LATE = 100_000, 500_000
AROUND = 20_000
"""A sample counts for a mark when it was taken within this many requests of it: a peak between two is not missed."""

LIMIT = 0.10
SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Sample:
    """``answered`` requests, then: resident memory and the part no other process shares, in MiB."""

    answered: int
    rss_mib: float
    uss_mib: float


def take(pid: int, answered: int) -> Sample:
    """From ``/proc/PID/smaps_rollup`` (Linux)."""
    rollup = dict(re.findall(r"^(\w+): +(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE))
    private = int(rollup["Private_Clean"]) + int(rollup["Private_Dirty"])
    return Sample(answered, int(rollup["Rss"]) / 1024, private / 1024)


def measure(stage: Stage, early: int = EARLY, late: int = LATE) -> Report:
    """Feed ``late`` requests as one backlog and sample the worker while it answers."""
    stage.load(TOPICS.requests, late)
    samples: list[Sample] = []
    with Reader(stage, TOPICS.decisions) as reader, stage.worker("memory") as worker:
        answered = 0
        while answered < late:
            assert worker.poll() is None, f"the worker ended with status {worker.returncode}"
            answered += len(reader.more(SAMPLE_SECONDS))
            samples.append(take(worker.pid, answered))
    before, after = _near(samples, early), _near(samples, late)
    growth = {"rss": after["rss_mib"] / before["rss_mib"] - 1, "uss": after["uss_mib"] / before["uss_mib"] - 1}
    figures: dict[str, object] = {f"at_{early}": before, f"at_{late}": after, "growth": growth}
    verdicts = [Verdict(f"change of {kind.upper()}", abs(by), LIMIT, at_least=False) for kind, by in growth.items()]
    return Report("memory", stage.engine, figures, verdicts)


def _near(samples: list[Sample], mark: int) -> dict[str, float]:
    """Medians of the samples around this mark."""
    near = [sample for sample in samples if abs(sample.answered - mark) <= AROUND]
    return {
        "samples": len(near),
        "rss_mib": float(np.median([sample.rss_mib for sample in near])),
        "uss_mib": float(np.median([sample.uss_mib for sample in near])),
    }
