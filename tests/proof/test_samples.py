"""Every panel and every rule against a real Prometheus that scrapes both metric classes, fed with made-up values."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, start_http_server

from models.bundle import load_bundle, shipped_bundle
from monitoring.metrics.monitor import MonitorMetrics
from monitoring.store import Stored
from stream_app.broker.ports import free_ports
from stream_app.drift_events import DriftEvent
from stream_app.events import (
    Decision,
    ModelRef,
    OutcomeName,
    Output,
    PolicyRef,
    Reason,
    Rejection,
    RejectionReason,
)
from stream_app.pipeline import Judged
from stream_app.steps.deduplicate import Repeat
from stream_app.worker.metrics import STAGES, ScorerMetrics
from tests.builders.drift_events import drift_event, feature, performance, realised
from tests.builders.prometheus_answers import faults, unanswered
from tests.servers.prometheus import Prometheus
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.proof]

BUNDLE = load_bundle(shipped_bundle())
MODEL = ModelRef(BUNDLE.name, BUNDLE.version, BUNDLE.sha256)
PROGRAMME_ENDS = 9  # months from 2005-01: 2005-10
CRISIS = range(14, 36)  # 2006-03 to 2007-12


def decision(outcome: OutcomeName, probability: float) -> Decision[None]:
    feature = BUNDLE.contract.features[0]
    reason = Reason(feature.reason_code or feature.name, feature.name, 0.1, feature.reason_text)
    reasons = () if outcome == "approved" else (reason,)
    now, policy = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), PolicyRef("p", 0.1, 0.2)
    return Decision("r", "c", now, now, outcome, probability, policy, MODEL, reasons, None)


JUDGED = Judged(
    verdicts=[
        *[decision("approved", 0.01)] * 70,
        *[decision("review", 0.05)] * 20,
        *[decision("refused", 0.2)] * 8,
        *[Rejection(RejectionReason.NOT_JSON, "")] * 2,
        *[Repeat()] * 4,
    ],
    outputs=[*[Output(False, None, None, [])] * 100, *[None] * 4],
    unseen_categories=Counter(state=1),
)


class Exporters:
    """A scorer and a monitor that never were, with their pages."""

    def __init__(self) -> None:
        self.ports = dict(zip(("scorer", "monitor"), free_ports(2), strict=True))
        of_scorer, of_monitor = CollectorRegistry(), CollectorRegistry()
        self.scorer = ScorerMetrics(of_scorer, MODEL, BUNDLE.contract)
        self.monitor = MonitorMetrics(of_monitor, MODEL, BUNDLE.contract)
        self._stack = ExitStack()
        for job, registry in (("scorer", of_scorer), ("monitor", of_monitor)):
            server, thread = start_http_server(self.ports[job], "127.0.0.1", registry)
            self._stack.callback(thread.join)
            self._stack.callback(server.server_close)
            self._stack.callback(server.shutdown)

    def work(self) -> None:
        """One more batch on either side."""
        self.scorer.batch_delivered(JUDGED, ages_seconds=[0.02, 0.08])
        for stage in STAGES:
            self.scorer.stage_took(stage, 0.001)
        self.scorer.started(time.time())
        self.scorer.set_remembered_ids(98)
        self.scorer.set_clients_current("loan.clients", time.time())
        self.scorer.set_lag({0: 5, 1: 0})
        self.scorer.committed(time.time())
        self.monitor.stored(Stored(decisions_new=98, late=1, labels_new=30, labels_pending=3))
        self.monitor.lag_is({("loan.decisions", 0): 4, ("loan.outcomes", 0): 0})
        self.monitor.committed(time.time())
        self.monitor.watermark_is(1_136_073_600_000_000)
        self.monitor.closing_took(0.1)
        self.monitor.drift_run_done(time.time())

    def close(self) -> None:
        self._stack.close()


def month_of(number: int) -> str:
    """The number-th month from 2005-01 on, 0 the first."""
    return f"{2005 + number // 12}-{number % 12 + 1:02}"


def window(number: int) -> DriftEvent:
    """The loan book's story: low_doc ends in 2005-10, the predictions of 2006 and 2007 are far too low."""
    ended, crisis = number >= PROGRAMME_ENDS, number in CRISIS
    truth = realised(2.5, 1.9, 3.2) if crisis else realised(1.0, 0.8, 1.3)
    ratios = {"low_doc": 2.8 if ended else 0.4}
    return drift_event(
        month_of(number),
        rows=1_500,
        verdict="drifted" if ended else "stable",
        features=tuple(feature(name, ratios.get(name, 0.08)) for name in BUNDLE.contract.names()),
        performance=(performance(BUNDLE.version, 1_500, truth),),
    )


@pytest.fixture
def exporters() -> Iterator[Exporters]:
    made = Exporters()
    yield made
    made.close()


@pytest.fixture
def prometheus(exporters: Exporters, tmp_path: Path) -> Iterator[Prometheus]:
    started = Prometheus.start(tmp_path, exporters.ports)
    wait_until(started.ready, "Prometheus answers")
    yield started
    started.stop()


@pytest.mark.prometheus
def test_every_panel_and_rule_has_data_and_the_alerts_tell_the_story(
    exporters: Exporters, prometheus: Prometheus
) -> None:
    def meanwhile(condition: Callable[[], Any], what: str) -> Any:
        def worked() -> Any:
            exporters.work()
            return condition()

        return wait_until(worked, what)

    for number in range(PROGRAMME_ENDS):
        exporters.monitor.window_computed(window(number))
    meanwhile(lambda: prometheus.now("loan_monitor:newest_judged_window:feature_drift_ratio"), "the rules have run")
    assert prometheus.firing("FeatureDrift") == []

    for number in range(PROGRAMME_ENDS, 48):
        exporters.monitor.window_computed(window(number))
    meanwhile(lambda: prometheus.firing("CalibrationOff"), "calibration is off")
    meanwhile(lambda: prometheus.firing("FeatureDrift"), "a feature drifts")
    assert [each["feature"] for each in prometheus.firing("FeatureDrift")] == ["low_doc"]
    off = sorted(each["window"] for each in prometheus.firing("CalibrationOff"))
    assert off == [month_of(number) for number in CRISIS]

    until = time.monotonic() + 10
    meanwhile(lambda: not unanswered(prometheus, BUNDLE.version) or time.monotonic() > until, "all was asked")
    assert unanswered(prometheus, BUNDLE.version) == []
    assert faults(prometheus) == []
    assert prometheus.ever("loan_scorer_no_such_series_total") == []
