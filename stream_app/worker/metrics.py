"""Every Prometheus series of the scorer, declared on the registry it is given.

Labels come from closed enums, the model's contract, or the broker's partition numbers, never from a payload.
"""

from __future__ import annotations

import collections
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.registry import CollectorRegistry

from models.contract import Contract
from models.policy import OUTCOMES
from stream_app.errors import RegistryError, StreamAppError
from stream_app.events import Decision, ModelRef, Rejection, RejectionReason
from stream_app.pipeline import Judged
from stream_app.transport.log_bounds import OutOfRange
from stream_app.worker.batch_histogram import BatchHistogram

LabelValue = TypeVar("LabelValue", bound=Hashable)

PREFIX = "loan_scorer_"
STAGES = ("decode", "enrich", "score", "decide", "encode", "publish")
_STAGE_SECONDS = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_AGE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_BATCH_RECORDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
_PROBABILITIES = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)


class ScorerMetrics:
    """The series of one scorer. Each method records one event."""

    def __init__(self, registry: CollectorRegistry, model: ModelRef, contract: Contract) -> None:
        self._declare(registry)
        self._lag_partitions: set[int] = set()
        self._model_info.labels(model.name, model.version, model.sha256).set(1)
        # Labelled series are made once: they start at 0, so a rate is right from the first event, and cost no lookup.
        self._by_outcome = {name: self._decisions.labels(name, model.version) for name in OUTCOMES}
        self._by_reason = {reason: self._rejections.labels(reason.value) for reason in RejectionReason}
        self._by_stage = {stage: self._stage_seconds.labels(stage) for stage in STAGES}
        codes = {feature.reason_code or feature.name for feature in contract.features}
        self._by_code = {code: self._reasons.labels(code) for code in codes}
        usual = [f.name for f in contract.features if (f.usual_minimum, f.usual_maximum) != (None, None)]
        self._outliers_by_feature = {name: self._outliers.labels(name) for name in usual}
        self._by_feature = {f.name: self._unseen.labels(f.name) for f in contract.features if f.kind == "category"}

    def _declare(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
            return Counter(PREFIX + name, text, labels, registry=registry)

        def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
            return Gauge(PREFIX + name, text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: Sequence[float], labels: Sequence[str] = ()) -> Histogram:
            return Histogram(PREFIX + name, text, labels, buckets=buckets, registry=registry)

        def batch_histogram(name: str, text: str, buckets: Sequence[float]) -> BatchHistogram:
            return BatchHistogram(PREFIX + name, text, buckets, registry)

        self._requests = counter("requests_total", "Records read from the request topic and answered")
        self._decisions = counter("decisions_total", "Decisions published", ("outcome", "model_version"))
        self._rejections = counter("rejections_total", "Records answered with a rejection", ("reason",))
        self._repeats = counter("repeated_requests_total", "Records skipped: the same request was decided before")
        self._reasons = counter("reasons_total", "Principal reasons given with decisions not approved", ("code",))
        self._unseen = counter("unseen_categories_total", "Values of a category the model never saw", ("feature",))
        self._outliers = counter(
            "outliers_total", "Numbers beyond the range of the training rows, scored all the same", ("feature",)
        )
        self._bugs = counter("pipeline_bugs_total", "Records rejected for a fault of the scorer itself")
        self._not_committed = counter(
            "uncommitted_batches_total", "Batches whose commit a rebalance undid or is in doubt"
        )
        self._store_failures = counter("client_store_failures_total", "Times the client store did not answer a batch")
        self._registry_failures = counter("registry_failures_total", "Times the schema registry did not answer a batch")
        self._stage_seconds = histogram("stage_seconds", "Time of one stage over one batch", _STAGE_SECONDS, ("stage",))
        self._batch = histogram("batch_records", "Records in one batch", _BATCH_RECORDS)
        self._ages = batch_histogram(
            "event_age_seconds", "From the record's timestamp, the producer's as a rule, to its decision", _AGE_SECONDS
        )
        self._probabilities = batch_histogram(
            "probability_of_default", "Probability of default given, higher is riskier", _PROBABILITIES
        )
        self._lag = gauge("consumer_lag_records", "Records not yet committed, as of the last fetch", ("partition",))
        self._lost = counter(
            "lost_records_total", "Records deleted before they were read, as offsets skipped", ("partition",)
        )
        self._reread = counter(
            "rereads_total", "Times a partition was read again from its beginning, being beyond its end", ("partition",)
        )
        self._lost_at = gauge("last_loss_timestamp_seconds", "When one of the two was last met (Unix time); 0: never")
        self._reading_failed = gauge("reading_failed", "1 while the broker does not answer, or refuses, what is read")
        self._assigned = gauge("partitions_assigned", "Partitions this worker owns")
        self._waiting = gauge("partitions_waiting", "Partitions of requests that a topic of outputs lacks: undecided")
        self._last_commit = gauge("last_commit_timestamp_seconds", "When offsets were last committed (Unix time)")
        self._remembered = gauge("remembered_ids", "Ids of decided requests remembered, all partitions of this worker")
        self._clients_current = gauge(
            "client_store_current_timestamp_seconds",
            "When the client store last held all profiles on the topic that it follows (Unix time)",
            ("topic",),
        )
        self._started = gauge("started_timestamp_seconds", "When this process started (Unix time)")
        self._model_info = gauge("model_info", "The model in use; always 1", ("name", "version", "sha256"))

    def batch_delivered(self, judged: Judged, ages_seconds: Sequence[float]) -> None:
        """The outputs of a batch were published; ``ages_seconds``: of its records, where they are known."""
        repeats = judged.outputs.count(None)
        self._requests.inc(len(judged.outputs) - repeats)
        self._repeats.inc(repeats)
        self._batch.observe(len(judged.outputs))
        self._bugs.inc(len(judged.bugs))
        decisions = [verdict for verdict in judged.verdicts if isinstance(verdict, Decision)]
        rejections = [verdict for verdict in judged.verdicts if isinstance(verdict, Rejection)]
        _count(self._by_outcome, (decision.outcome for decision in decisions))
        _count(self._by_code, (reason.code for decision in decisions for reason in decision.reasons))
        _count(self._by_reason, (rejection.reason for rejection in rejections))
        _count(self._by_feature, judged.unseen_categories.elements())
        _count(self._outliers_by_feature, judged.outliers.elements())
        self._probabilities.observe_many([decision.probability_of_default for decision in decisions])
        self._ages.observe_many(ages_seconds)

    def exemplify(self, ages_seconds: Iterable[float], trace_id: str) -> None:
        """Ages that were counted, and the trace in which to see why: examples for the histogram."""
        for age in ages_seconds:
            self._ages.exemplify(age, trace_id)

    def waits_for(self, fault: StreamAppError) -> None:
        """Client store or schema registry did not answer; the batch waits and asks again."""
        (self._registry_failures if isinstance(fault, RegistryError) else self._store_failures).inc()

    def stage_took(self, stage: str, seconds: float) -> None:
        """One stage of one batch ended."""
        self._by_stage[stage].observe(seconds)

    def started(self, unix_seconds: float) -> None:
        """The process started at this time."""
        self._started.set(unix_seconds)

    def committed(self, unix_seconds: float) -> None:
        """Offsets were committed at this time."""
        self._last_commit.set(unix_seconds)

    def not_committed(self, batches: int) -> None:
        """A rebalance came between publishing and committing that many batches; their records come again."""
        self._not_committed.inc(batches)

    def set_remembered_ids(self, count: int) -> None:
        """How many ids of decided requests are remembered."""
        self._remembered.set(count)

    def set_clients_current(self, topic: str, unix_seconds: float) -> None:
        """When the client store last held everything on the topic of profiles; none follows it without this call."""
        self._clients_current.labels(topic).set(unix_seconds)

    def set_waiting_partitions(self, count: int) -> None:
        """How many partitions wait for the topics of outputs to grow."""
        self._waiting.set(count)

    def out_of_range(self, found: OutOfRange) -> None:
        """A partition could not be read on where it was."""
        counter = self._lost if found.lost_records else self._reread
        counter.labels(str(found.partition.partition)).inc(found.lost_records or 1)
        self._lost_at.set_to_current_time()

    def set_reading_failed(self, failed: bool) -> None:
        """Whether nothing can be read, or not everything."""
        self._reading_failed.set(failed)

    def set_lag(self, records_by_partition: Mapping[int, int]) -> None:
        """The lag of every partition owned now. The series of revoked partitions end.

        Those of the others never vanish in between: another thread may render the page meanwhile.
        """
        self._assigned.set(len(records_by_partition))
        for partition in self._lag_partitions - records_by_partition.keys():
            self._lag.remove(str(partition))
        for partition, records in records_by_partition.items():
            self._lag.labels(str(partition)).set(records)
        self._lag_partitions = set(records_by_partition)


def _count(counters: Mapping[LabelValue, Counter], labels: Iterable[LabelValue]) -> None:
    """Increase each counter once for a whole batch, which is cheaper than once a record."""
    for label, count in collections.Counter(labels).items():
        counters[label].inc(count)
