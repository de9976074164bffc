"""The crisis, watched: real Kafka, scorer, monitor and Prometheus, and the loan book of 2005-2008 with its truth.

Every panel's query and every rule must have data, and the alerts must tell what happened: in October 2005 the LowDoc
programme is over, and the loans of 2006 and 2007 default far more often than predicted.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from models.bundle import load_bundle, shipped_bundle
from stream_app.clients import SQLiteClients
from stream_app.clients.store import Followed, ProfileChanges
from stream_app.demo.loan_book import Replay, read_replay
from stream_app.tables.messages import Message, label_message, request_message
from tests.builders.prometheus_answers import faults, unanswered
from tests.servers.deployment import Deployment
from tests.servers.prometheus import Prometheus
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.proof]

BUNDLE = load_bundle(shipped_bundle())
CRISIS = {f"{year}-{month:02}" for year in (2006, 2007) for month in range(1, 13)} - {"2006-01", "2006-02"}
"""Whose defaults no number of paid loans can bring back to what was predicted."""


@pytest.fixture
def replay() -> Replay:
    return read_replay(BUNDLE.contract)


@pytest.fixture
def deployment(kafka_broker: Any, unique_prefix: str, replay: Replay, tmp_path: Path) -> Iterator[Deployment]:
    clients = tmp_path / "clients.db"
    with SQLiteClients(clients, create=True) as store:
        store.follow(ProfileChanges(profiles=dict(replay.profiles)), None, Followed(current_at=time.time()))
    made = Deployment.on(kafka_broker, unique_prefix, clients, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def prometheus(deployment: Deployment, tmp_path: Path) -> Iterator[Prometheus]:
    """Scrapes the deployment's scorer and its monitor of monthly windows, both ready."""
    scorer = deployment.start(ready=False)
    monitor = deployment.start(command="monitor", ready=False, window="1mo", reports_kept=0, idle_seconds=3_600)
    started = Prometheus.start(tmp_path, {"scorer": scorer.port, "monitor": monitor.port})
    wait_until(lambda: scorer.ready() and monitor.ready() and started.ready(), "all servers are ready")
    yield started
    started.stop()


class Stream:
    """The replay, sent piece by piece in the order of the loans."""

    def __init__(self, deployment: Deployment, replay: Replay) -> None:
        self._deployment, self._replay, self._next = deployment, replay, 0

    def requests_before(self, day: dt.date) -> None:
        """Send the requests not yet sent of the days before this one, and wait until they are on the broker."""
        requests, first = self._replay.requests, self._next
        while self._next < len(requests) and requests[self._next].requested_at.date() < day:
            self._next += 1
        self._send(self._deployment.names.requests, map(request_message, requests[first : self._next]))

    def poison(self, count: int) -> None:
        self._send(self._deployment.names.requests, [Message(b"nobody", b"{not json")] * count)

    def outcomes(self) -> None:
        """Send the truth about all loans, in the order in which it became known."""
        known = sorted(self._replay.labels, key=lambda outcome: outcome.observed_at)
        self._send(self._deployment.names.outcomes, map(label_message, known))

    def _send(self, topic: str, messages: Iterable[Message]) -> None:
        producer = KafkaProducer(bootstrap_servers=self._deployment.bootstrap, linger_ms=20, batch_size=262_144)
        try:
            for message in messages:
                producer.send(topic, key=message.key, value=message.value)
            producer.flush(timeout=60)
        finally:
            producer.close()


def drifting(prometheus: Prometheus) -> set[str]:
    return {labels["feature"] for labels in prometheus.firing("FeatureDrift")}


def newest_window(prometheus: Prometheus) -> str:
    return max((labels["window"] for labels, _ in prometheus.now("loan_monitor_window_rows")), default="")


def judged(prometheus: Prometheus) -> set[str]:
    return {labels["window"] for labels, _ in prometheus.now("loan_monitor:judged_window:end_timestamp_seconds")}


def off(prometheus: Prometheus) -> set[str]:
    return {labels["window"] for labels in prometheus.firing("CalibrationOff")}


def windows_beyond(prometheus: Prometheus, feature: str) -> set[str]:
    return {
        labels["window"] for labels, _ in prometheus.now(f'loan_monitor_feature_drift_ratio{{feature="{feature}"}} > 1')
    }


@pytest.mark.prometheus
@pytest.mark.timeout(300)  # forty seconds on two idle cores
def test_panels_and_rules_have_data_and_the_alerts_tell_the_crisis(
    deployment: Deployment, prometheus: Prometheus, replay: Replay
) -> None:
    stream = Stream(deployment, replay)
    stream.poison(200)
    stream.requests_before(dt.date(2005, 10, 8))
    wait_until(lambda: newest_window(prometheus) == "2005-09", "September 2005 is judged")
    assert "low_doc" not in drifting(prometheus)

    stream.requests_before(dt.date(2005, 11, 8))
    wait_until(lambda: newest_window(prometheus) == "2005-10", "October 2005 is judged")
    wait_until(lambda: drifting(prometheus) >= {"low_doc", "revolving_line"}, "the programme's end is told")

    stream.requests_before(dt.date(2009, 1, 1))
    stream.outcomes()
    wait_until(lambda: newest_window(prometheus) == "2008-11", "the book is judged")
    assert drifting(prometheus) >= {"low_doc", "revolving_line"}
    # Prometheus scrapes the windows and evaluates its rules apart: the two agree some seconds after the last judgement.
    wait_until(
        lambda: (
            windows_beyond(prometheus, "low_doc") == {month for month in judged(prometheus) if month >= "2005-10"}
            and max(judged(prometheus)) == "2008-09"  # the later months have too few loans
        ),
        "low_doc is beyond its limit in every month since October 2005",
    )
    assert min(windows_beyond(prometheus, "revolving_line")) == "2005-10"
    wait_until(lambda: off(prometheus) >= CRISIS, "calibration is off for the loans of the crisis")
    assert min(off(prometheus)) == "2006-03"

    assert unanswered(prometheus, BUNDLE.version) == []
    assert faults(prometheus) == []
