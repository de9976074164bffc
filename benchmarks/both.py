"""The same measurement with both guarantees, in turns: what disturbs one of them disturbs both."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.report import Report, Verdict
from benchmarks.testbed import Testbed, start_testbed
from stream_app.broker import Engine

TURNS = 3
BOTH = "both"
GUARANTEES = ("at_least_once", "exactly_once")


class Compared(NamedTuple):
    """A figure, and how many times that of at least once it may be with exactly once; None: as much as it is."""

    figure: str
    most: float | None = None


COMPARED = {
    "latency": (Compared("p50_ms"), Compared("p99_ms", 3.0)),
    "gateway": (Compared("p50_ms"), Compared("p99_ms"), Compared("p99_ms_of_predict", 2.5)),
}
"""By benchmark."""


def measure_both(benchmark: str, engine: Engine, measure: Callable[[Testbed, str], Report]) -> Report:
    """Each guarantee :data:`TURNS` times, on a broker of its own each time."""
    reports: dict[str, list[Report]] = {guarantee: [] for guarantee in GUARANTEES}
    for _ in range(TURNS):
        for guarantee, done in reports.items():
            with start_testbed(engine) as testbed:
                done.append(measure(testbed, guarantee))
    figures: dict[str, object] = {"turns": TURNS}
    verdicts = []
    for figure, most in COMPARED[benchmark]:
        once, exactly = ([_median(report.figures[figure]) for report in reports[name]] for name in GUARANTEES)
        ratio, added = _pairs(once, exactly)
        figures[figure] = {"at_least_once": once, "exactly_once": exactly, "ratio": ratio, "added": added}
        if most is not None:
            verdicts.append(Verdict(f"times the {figure} of at least once", ratio, most, at_least=False))
    return Report(f"{benchmark}, both guarantees", engine, figures, verdicts)


def _median(figure: object) -> float:
    """Of a figure's rounds, or the figure itself."""
    return float(np.median(np.array(figure, dtype=np.float64)))


def _pairs(once: Sequence[float], exactly: Sequence[float]) -> tuple[float, float]:
    """Medians over the turns: exactly once divided by at least once, and what it adds."""
    pairs = list(zip(once, exactly, strict=True))
    return statistics.median(e / o for o, e in pairs), statistics.median(e - o for o, e in pairs)
