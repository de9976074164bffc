"""The account of one run: faults survived by kind, recoveries, and the oracle's verdict; for people and as JSON."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from stream_app.broker.kafka_download import KAFKA_VERSION
from stream_app.broker.kafka_engine import find_java
from tests.chaos.oracle import Kind, Oracle

PACKAGES = ("faust-streaming", "aiokafka", "kafka-python", "lightgbm")


@dataclass
class Of:
    """What became of one kind of fault. ``worst_recovery_seconds``: from its end until requests sent later were
    answered in every partition; ``limit_seconds``: the most it may be. ``longest_wait_seconds``: from sending to its
    answer, of any request sent during the fault."""

    survived: int = 0
    worst_recovery_seconds: float = 0.0
    limit_seconds: float = 0.0
    longest_wait_seconds: float = 0.0
    skipped: str = ""
    failed: str = ""

    @property
    def in_time(self) -> bool:
        return self.worst_recovery_seconds <= self.limit_seconds


@dataclass
class Report:
    """Everything about one run; ``schedule`` lists (seconds since the start, kind)."""

    seed: int
    guarantee: str
    remembers_ids: bool
    brokers: int
    seconds: float = 0.0
    faults: dict[str, Of] = field(default_factory=dict)
    schedule: list[tuple[float, str]] = field(default_factory=list)
    requests: int = 0
    decisions: int = 0
    rejections: int = 0
    repeats: int = 0
    missing: int = 0
    duplicates: int = 0
    violations: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    unknown_sends: int = 0

    def of(self, kind: str) -> Of:
        return self.faults.setdefault(kind, Of())

    def judged(self, oracle: Oracle) -> None:
        counts = oracle.violations.counts
        self.requests, self.repeats = oracle.requests, oracle.repeats
        self.decisions, self.rejections = oracle.decisions, oracle.rejections
        self.missing = counts[Kind.MISSING]
        self.duplicates = max(counts[Kind.DOUBLED_SOURCE], counts[Kind.DOUBLED_ID])
        self.violations = {kind.value: count for kind, count in counts.items() if count}
        self.examples = {kind.value: some for kind, some in oracle.violations.examples.items()}

    @property
    def good(self) -> bool:
        """Nothing violated and every fault survived; how fast is another question."""
        return not self.violations and not any(of.failed for of in self.faults.values())

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"versions": versions()}

    def table(self) -> Iterator[str]:
        """Lines for people."""
        yield f"{'fault':44} {'survived':>8} {'worst recovery':>15} {'limit':>6} {'longest wait':>13}"
        for kind, of in sorted(self.faults.items()):
            if of.skipped:
                yield f"{kind:44} skipped: {of.skipped}"
            else:
                late = "" if of.in_time else "  LATE"
                failed = f"  FAILED: {of.failed.splitlines()[0]}" if of.failed else ""
                times = (
                    f"{of.worst_recovery_seconds:13.1f} s {of.limit_seconds:4.0f} s {of.longest_wait_seconds:11.1f} s"
                )
                yield f"{kind:44} {of.survived:8} {times}{late}{failed}"
        answers = f"{self.decisions} decisions, {self.rejections} rejections, {self.repeats} repeats passed over"
        verdict = f"{self.missing} missing, {self.duplicates} duplicates"
        yield f"{self.requests} requests in {self.seconds:.0f} s (seed {self.seed}): {answers}; {verdict}."
        for kind, count in self.violations.items():
            yield f"VIOLATION {count} {kind}: " + "; ".join(self.examples.get(kind, ()))


def versions() -> dict[str, str]:
    """Of everything that has a say in the result."""
    own = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"kafka": KAFKA_VERSION, "java": find_java().version, "python": platform.python_version(), **own}
