"""One run: each fault of a schedule in turn under traffic, its recovery measured, at the end the oracle."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from random import Random

from tests.chaos.evidence import drained, partitions
from tests.chaos.fault import Fault
from tests.chaos.oracle import Oracle
from tests.chaos.recompute import Judges
from tests.chaos.report import Report
from tests.chaos.stage import Stage

Say = Callable[[str], None]


class Run:
    """Faults against a stage, and the report that grows meanwhile."""

    def __init__(self, stage: Stage, seed: int, say: Say) -> None:
        self._stage, self._say = stage, say
        self._rng = Random(f"faults {seed}")
        self._started = time.monotonic()
        self.report = Report(seed, stage.options.guarantee, stage.options.remembers, len(stage.cluster.brokers))

    def of(self, faults: Iterable[Fault], seconds: float = math.inf) -> Report:
        """Run them all, or as many as fit into ``seconds``; one that is not survived is the last."""
        self._say(f"first answers after {self._stage.recovered(self._started):.1f} s")
        for fault in faults:
            if self._elapsed() > seconds:
                break
            if not self._survived(fault):
                break
        self._judge()
        self.report.seconds = self._elapsed()
        return self.report

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _survived(self, fault: Fault) -> bool:
        of = self.report.of(fault.kind)
        reason = fault.impossible(self._stage)
        if reason is not None:
            of.skipped = reason if not of.survived else ""
            return True
        self._prepare(fault)
        self.report.schedule.append((round(self._elapsed(), 1), fault.kind))
        of.limit_seconds = fault.limit
        self._say(f"{self._elapsed():7.1f} s  {fault.kind}")
        started = time.monotonic()
        try:
            ended = fault.run(self._stage, self._rng)
            recovery = self._stage.recovered(ended)
        except Exception as fault_of_it:  # noqa: BLE001 - whatever it is, the report must say it and be written
            of.failed = f"{type(fault_of_it).__name__}: {fault_of_it}"
            self._say(f"{self._elapsed():7.1f} s  {fault.kind}: {of.failed}\n{self._stage.supervisor.log_ends()}")
            return False
        of.survived += fault.count
        of.worst_recovery_seconds = round(max(of.worst_recovery_seconds, recovery), 2)
        of.longest_wait_seconds = round(max(of.longest_wait_seconds, self._stage.longest_wait(started, ended)), 2)
        outputs = self._stage.watcher.outputs()
        self._say(f"{self._elapsed():7.1f} s      recovered in {recovery:.1f} s, {outputs} outputs so far")
        return True

    def _prepare(self, fault: Fault) -> None:
        """The next fault meets poison, whether or not the first one, which begins without, was among them."""
        if fault.kind != "output topic missing":
            self._stage.spoil()
        for slot in self._stage.workers:
            slot.withdraw_orders()

    def _judge(self) -> None:
        seconds = drained(self._stage)
        self._say(f"{self._elapsed():7.1f} s  traffic ended, all committed {seconds:.1f} s later; the oracle reads")
        stage = self._stage
        oracle = Oracle(Judges.of(stage.bundles.all, str(stage.clients), stage.options.remembers).recompute)
        for part in partitions(stage):
            oracle.judge(part)
        self.report.judged(oracle)
        self.report.unknown_sends = len(stage.traffic.failed)
