"""Runs a target on many inputs: what is raised, takes over a second of CPU or 10 s of clock is a fault."""

from __future__ import annotations

import random
import resource
import signal
import time
from dataclasses import dataclass, field
from types import FrameType

from stream_app.errors import trace_of
from tests.fuzz.target import Target

CPU_SECONDS, HUNG_SECONDS = 1.0, 10
MAX_FAULTS = 20
MAX_GROWTH_KB = 512 * 1024


class Hung(BaseException):
    """An input took HUNG_SECONDS."""


@dataclass
class Result:
    """``faults``: what was raised, and the input, one of each kind. ``slowest``: seconds of CPU."""

    name: str
    inputs: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    grown_kb: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    faults: dict[str, bytes] = field(default_factory=dict)

    def add(self, other: Result) -> None:
        self.inputs += other.inputs
        self.seconds += other.seconds
        self.slowest = max(self.slowest, other.slowest)
        self.grown_kb = max(self.grown_kb, other.grown_kb)
        for outcome, count in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        self.faults |= other.faults


def run(target: Target, inputs: int, seed: str) -> Result:
    """The same seed makes the same inputs."""
    result, rng = Result(target.name), random.Random(f"{target.name} {seed}")
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before_us = signal.signal(signal.SIGALRM, _hung)
    while result.inputs < inputs and len(result.faults) < MAX_FAULTS:
        data = target.make(rng)
        result.inputs += 1
        if (fault := _fault(target, data, result)) is not None:
            result.faults.setdefault(fault, data)
    signal.signal(signal.SIGALRM, before_us)
    result.seconds, result.outcomes = time.monotonic() - started, target.outcomes
    result.grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    if result.grown_kb > MAX_GROWTH_KB:
        result.faults[f"memory grew by {result.grown_kb:,} kB"] = b""
    return result


def _fault(target: Target, data: bytes, result: Result) -> str | None:
    started = time.process_time()
    signal.alarm(HUNG_SECONDS)
    try:
        target.try_one(data)
    except Hung as fault:
        return "hung: " + _place(fault)
    except Exception as fault:  # noqa: BLE001 - what a target may raise, it handles itself
        return f"{_place(fault)}: {str(fault)[:200]}"
    finally:
        signal.alarm(0)
    seconds = time.process_time() - started
    result.slowest = max(result.slowest, seconds)
    return f"took {seconds:.1f} s" if seconds > CPU_SECONDS else None


def _place(fault: BaseException) -> str:
    """Class, and the two innermost places."""
    return " < ".join(trace_of(fault).split(" < ")[:2])


def _hung(_signal: int, _frame: FrameType | None) -> None:
    raise Hung
