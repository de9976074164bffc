"""What a benchmark reports: figures, verdicts on the promises, and the machine they were measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path

import msgspec


@dataclass(frozen=True)
class Verdict:
    """A promise and the figure that keeps or breaks it: ``figure`` must be ``at_least`` the limit, or else at most."""

    promise: str
    figure: float
    limit: float
    at_least: bool

    @property
    def kept(self) -> bool:
        """Whether the figure is on the right side of the limit."""
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit

    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        return f"{'PASS' if self.kept else 'FAIL'}  {self.promise}: {self.figure:.3g} ({bound} {self.limit:g})"


@dataclass(frozen=True)
class Report:
    """One benchmark on one engine; ``figures`` can be written as JSON."""

    benchmark: str
    engine: str
    figures: dict[str, object]
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return all(verdict.kept for verdict in self.verdicts)

    def as_data(self) -> dict[str, object]:
        """As data for JSON, verdicts included."""
        verdicts = [{**vars(verdict), "kept": verdict.kept} for verdict in self.verdicts]
        return {"benchmark": self.benchmark, "engine": self.engine, **self.figures, "verdicts": verdicts}


def machine() -> dict[str, object]:
    """Processor, cores, system, Python, and the load average now: figures of a busy machine are not comparable."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def write_json(path: Path, about: dict[str, object], reports: list[Report]) -> None:
    """Machine and reports as one JSON document."""
    document = {"machine": about, "reports": [report.as_data() for report in reports]}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document)))


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
