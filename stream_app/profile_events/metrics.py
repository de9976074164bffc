"""Every Prometheus series of a follower of the topic of profiles."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Sequence

from prometheus_client import Counter, Gauge
from prometheus_client.registry import CollectorRegistry

from stream_app.clients.store import ProfileChanges
from stream_app.profile_events.changes import BadRecord, Fault

PREFIX = "loan_clients_"


class FollowerMetrics:
    """The series of one follower. Each method records one event."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds_behind = Gauge(
            f"{PREFIX}seconds_behind", "Since the store last held everything on the topic", registry=registry
        )
        self._lag = Gauge(f"{PREFIX}lag_records", "Records not yet in the store", registry=registry)
        self._changes = Counter(f"{PREFIX}changes_total", "Changes stored", ("kind",), registry=registry)
        self._bad = Counter(f"{PREFIX}bad_records_total", "Records that changed nothing", ("fault",), registry=registry)
        self._failures = Counter(f"{PREFIX}failures_total", "Times store or broker did not answer", registry=registry)
        self._by_fault = {fault: self._bad.labels(fault.value) for fault in Fault}
        self._profiles, self._deletions = self._changes.labels("profile"), self._changes.labels("deletion")

    def stored(self, changes: ProfileChanges, bad: Sequence[BadRecord]) -> None:
        """What one fetch brought is in the store."""
        self._profiles.inc(len(changes.profiles))
        self._deletions.inc(len(changes.deleted))
        for fault, count in Counts(record.fault for record in bad).items():
            self._by_fault[fault].inc(count)

    def set_lag(self, records: int) -> None:
        """How many records lie between the store and the end of the topic."""
        self._lag.set(records)

    def failed(self) -> None:
        """Store or broker did not answer; it is tried again."""
        self._failures.inc()
