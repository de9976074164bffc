"""Every Prometheus series of the monitor: declared here on a given registry, updated by methods, read nowhere.

Labels come from closed sets, the model's contract, the broker's partition numbers or the ids of the newest windows;
never from a payload. The one exception, model versions, is bounded
(:data:`monitoring.metrics.window_series.MOST_VERSIONS`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.registry import CollectorRegistry

from models.contract import Contract
from monitoring.metrics.window_collector import WindowGauges
from monitoring.store import Stored
from stream_app.drift_events import DriftEvent
from stream_app.events import ModelRef
from stream_app.transport.log_bounds import OutOfRange

PREFIX = "loan_monitor_"
CHILDREN = ("analyst", "reporter")
_VERDICTS = ("too_few", "stable", "drifted")
_CLOSING_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_REPORT_SECONDS = (0.5, 1.0, 2.0, 4.0, 6.0, 10.0, 20.0, 60.0, 120.0)


class MonitorMetrics:
    """The monitor's series about itself and about the newest closed windows.

    ``keep_windows``: how many of each kind are shown. ``window_seconds``: longest a time window can be.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        model: ModelRef,
        contract: Contract,
        keep_windows: int = 48,
        *,
        window_seconds: float = 86_400.0,
        topics: Sequence[str] = ("loan.decisions", "loan.outcomes"),
    ) -> None:
        self._declare(registry)
        self.keep_windows = keep_windows
        self._lagging: set[tuple[str, int]] = set()
        self._windows = WindowGauges(PREFIX, contract, keep_windows, registry)
        self._model_info.labels(model.name, model.version, model.sha256).set(1)
        self._window_size.set(window_seconds)
        self._start_at_zero(topics)

    def _declare(self, on: CollectorRegistry) -> None:
        def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
            return Counter(PREFIX + name, text, labels, registry=on)

        def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
            return Gauge(PREFIX + name, text, labels, registry=on)

        self._decisions = counter("decisions_total", "Decisions read: new to the store, known or late", ("result",))
        self._labels = counter(
            "outcomes_total", "Outcomes read: new, repeated, contradicting, other_client", ("result",)
        )
        self._pending = gauge("outcomes_pending", "Outcomes that wait for their decision")
        self._ahead = counter("decisions_ahead_total", "Decisions dated in the future, kept out of the windows")
        self._unknown_model = counter("unknown_model_decisions_total", "Decisions of another model than the bundle's")
        self._unreadable = counter("unreadable_records_total", "Records that break their contract", ("topic",))
        self._store_failures = counter("store_failures_total", "Times the store refused; what was read is kept")
        lag_of = ("topic", "partition")
        self._lag = gauge("consumer_lag_records", "Records not yet stored, as of the last fetch", lag_of)
        self._lost = counter("lost_records_total", "Records deleted before they were read, as offsets skipped", lag_of)
        read_again = "Times a partition was read again from its beginning, being beyond its end"
        self._reread = counter("rereads_total", read_again, lag_of)
        self._lost_at = gauge("last_loss_timestamp_seconds", "When one of the two was last met (Unix time); 0: never")
        self._reading_failed = gauge("reading_failed", "1 while the broker does not answer, or refuses, what is read")
        self._assigned = gauge("partitions_assigned", "Partitions the monitor owns")
        self._last_commit = gauge("last_commit_timestamp_seconds", "When the store last took a batch (Unix time)")
        self._event_time = gauge("event_time_timestamp_seconds", "How far event time has come (Unix time); 0: nowhere")
        self._model_info = gauge("model_info", "The model compared with; always 1", ("name", "version", "sha256"))
        self._child_failures = counter("child_failures_total", "Child processes that crashed or hung", ("child",))
        self._reports = counter("reports_total", "Reports: written or failed", ("result",))
        self._closed = counter("windows_closed_total", "Windows judged", ("verdict",))
        last_closed, last_run = "When a window was last judged", "When no closed window was last left to judge"
        self._last_closed = gauge("last_window_closed_timestamp_seconds", f"{last_closed} (Unix time)")
        self._last_run = gauge("last_drift_run_timestamp_seconds", f"{last_run} (Unix time)")
        self._window_size = gauge("window_size_seconds", "Length of a time window")
        self._report_seconds = Histogram(
            PREFIX + "report_seconds", "Time to write one report", buckets=_REPORT_SECONDS, registry=on
        )
        self._closing = Histogram(
            PREFIX + "window_closing_seconds", "Time to judge one window", buckets=_CLOSING_SECONDS, registry=on
        )

    def _start_at_zero(self, topics: Sequence[str]) -> None:
        """A series that begins at its first event hides that event from rate() and increase()."""
        known: list[tuple[Counter, Sequence[str]]] = [
            (self._decisions, ("new", "known", "late")),
            (self._labels, ("new", "repeated", "contradicting", "other_client")),
            (self._unreadable, topics),
            (self._child_failures, CHILDREN),
            (self._reports, ("written", "failed")),
            (self._closed, _VERDICTS),
        ]
        for counter, values in known:
            for value in values:
                counter.labels(value)

    # ---- reading -----------------------------------------------------------------------------------------------------

    def stored(self, counts: Stored) -> None:
        """One transaction is in the store. What was late is counted as late and not as new too."""
        self._decisions.labels("new").inc(counts.decisions_new - counts.late)
        self._decisions.labels("known").inc(counts.decisions_known)
        self._decisions.labels("late").inc(counts.late)
        self._labels.labels("new").inc(counts.labels_new)
        self._labels.labels("repeated").inc(counts.labels_repeated)
        self._labels.labels("contradicting").inc(counts.labels_contradicting)
        self._labels.labels("other_client").inc(counts.labels_of_other_clients)
        self._pending.set(counts.labels_pending)

    def ahead(self, decisions: int) -> None:
        """So many decisions were dated in the future."""
        self._ahead.inc(decisions)

    def unknown_model(self, decisions: int) -> None:
        """So many decisions were another model's than the bundle's."""
        self._unknown_model.inc(decisions)

    def unreadable(self, records_by_topic: Mapping[str, int]) -> None:
        """So many records broke their contract."""
        for topic, records in records_by_topic.items():
            self._unreadable.labels(topic).inc(records)

    def store_failed(self) -> None:
        """The store refused a transaction, which will be tried again."""
        self._store_failures.inc()

    def committed(self, unix_seconds: float) -> None:
        """A batch and its offsets were stored at this Unix time."""
        self._last_commit.set(unix_seconds)

    def out_of_range(self, found: OutOfRange) -> None:
        """A partition could not be read on where it was."""
        counter = self._lost if found.lost_records else self._reread
        counter.labels(found.partition.topic, str(found.partition.partition)).inc(found.lost_records or 1)
        self._lost_at.set_to_current_time()

    def reading_failed(self, failed: bool) -> None:
        """Whether nothing can be read, or not everything."""
        self._reading_failed.set(failed)

    def lag_is(self, records: Mapping[tuple[str, int], int]) -> None:
        """The lag of every (topic, partition) owned now; series of those revoked end, the others never go away."""
        self._assigned.set(len(records))
        for topic, partition in self._lagging - records.keys():
            self._lag.remove(topic, str(partition))
        for (topic, partition), waiting in records.items():
            self._lag.labels(topic, str(partition)).set(waiting)
        self._lagging = set(records)

    def watermark_is(self, us: int | None) -> None:
        """Event time has come so far, in microseconds since 1970; None: nothing was read yet."""
        self._event_time.set(0 if us is None else us / 1e6)

    # ---- drift runs --------------------------------------------------------------------------------------------------

    def window_computed(self, event: DriftEvent) -> None:
        """A window was judged, or judged again under a new revision."""
        self._windows.show([event])
        if event.revision == 1:
            self._closed.labels(event.verdict).inc()
            self._last_closed.set(event.computed_at.timestamp())

    def windows_restored(self, events: Iterable[DriftEvent]) -> None:
        """Windows judged before this process started, from the store: shown, not counted."""
        restored = list(events)
        self._windows.show(restored)
        if restored:
            self._last_closed.set(max(event.computed_at.timestamp() for event in restored))

    def forget_windows(self) -> None:
        """Show no window any more."""
        self._windows.clear()

    def drift_run_done(self, unix_seconds: float) -> None:
        """At this Unix time every window that may close was judged."""
        self._last_run.set(unix_seconds)

    def closing_took(self, seconds: float) -> None:
        """Judging one window took so long."""
        self._closing.observe(seconds)

    def child_failed(self, child: str) -> None:
        """A child process (one of :data:`CHILDREN`) crashed, hung or raised."""
        self._child_failures.labels(child).inc()

    def report_written(self, seconds: float) -> None:
        """A report is in the folder."""
        self._reports.labels("written").inc()
        self._report_seconds.observe(seconds)

    def report_failed(self) -> None:
        """A report could not be written; the window's figures are not touched by it."""
        self._reports.labels("failed").inc()
