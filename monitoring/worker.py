"""The monitor: a second Faust app, which reads decisions and labels, and the composition root that wires it.

``stream-app monitor`` runs it; ``faust -A monitoring.worker worker`` works too (settings from the environment).
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import faust
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry, disable_created_metrics

from models.bundle import Bundle, load_bundle, shipped_bundle
from monitoring.baseline import BundleSource
from monitoring.config import DAY_US, SECOND_US, clocking, options, window_size, windowing
from monitoring.decode import Parse
from monitoring.event_time import WindowSize
from monitoring.ingest import RecordIngest
from monitoring.jobs import window_job
from monitoring.jobs.child_process import Child
from monitoring.log_lines import LogLines
from monitoring.metrics.monitor import MonitorMetrics
from monitoring.publish import DriftPublisher
from monitoring.reports import build as report_job
from monitoring.reports.background import ReportQueue
from monitoring.store import DecisionStore, Ids
from monitoring.windows.due import Bounds, IdlePartitions
from monitoring.windows.scheduler import WindowScheduler
from stream_app.delivery.producer import start_producer
from stream_app.events import ModelRef, TopicPartition
from stream_app.formats.opening import Formats
from stream_app.kafka_rights import require_rights
from stream_app.runtime.background import exit_on_failure
from stream_app.runtime.health_server import WebPages
from stream_app.runtime.process import prepare_process, with_heartbeat
from stream_app.runtime.readiness import Progress
from stream_app.runtime.tracing import open_tracing
from stream_app.runtime.watchdog import Watchdog
from stream_app.settings import MonitorSettings
from stream_app.topics import TopicNames, rights_by_role
from stream_app.transport import BatchApp, BatchOptions, BatchTransport, LossReport
from stream_app.transport.app import batch_app

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5
"""Between two measurements of the lag, and between two ticks of the window scheduler."""
BOUNDS_SECONDS = 5.0
"""For the broker's answer where its partitions end, once it has answered the fetch that is under way."""
FETCH_BYTES = 1_048_576
"""Of a partition in one fetch. A fetch of all is copied whole, and meanwhile no other thread runs: 16 MB took 30 ms."""
SWITCH_SECONDS = 0.001
"""For how long another thread may keep the event loop waiting for the interpreter. Parsing, storing and fetching a
backlog are threads; with Python's own 5 ms the loop was held up for 16 ms, with this for 8, at the same throughput."""


def create_app(settings: MonitorSettings, registry: CollectorRegistry | None = None) -> faust.App:
    """Wire the whole monitor. Raises ModelError, SettingsError or StoreError before anything is started."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # twice as many series, read by nobody
    registry = registry or CollectorRegistry()
    size, topics = window_size(settings.window), TopicNames.prefixed(settings.topic_prefix)
    source = BundleSource(settings.bundle or shipped_bundle(), settings.origin)
    bundle = load_bundle(source.path, origin=source.origin)
    log.info("%s", bundle)
    store = DecisionStore.open(settings.store, ids=Ids.read(settings.pseudonym_key_file))
    formats = Formats.of(settings, topics, bundle.contract)
    metrics = _metrics(registry, bundle, topics, size)
    log_lines = LogLines(bundle.version, clock=time.monotonic)
    watchdog = Watchdog(settings.exit_after_stall_seconds)
    progress = Progress(settings.stall_seconds, watchdog.clock)
    tracing = open_tracing(settings.tracing, "loan-monitor")
    app = batch_app(settings.monitor_group, settings)
    bounds = partial(_bounds, app, topics.decisions, settings.fetch_max_wait_seconds + BOUNDS_SECONDS)
    idle_partitions = IdlePartitions(bounds, settings.idle_seconds, clock=time.monotonic)
    ingest = RecordIngest(
        store,
        topics.decisions,
        partial(clocking, settings, size),
        metrics,
        progress,
        log_lines,
        exit_on_failure,
        Parse(formats.decisions, formats.outcomes),
    )
    polled = BatchOptions(frozenset({topics.decisions, topics.outcomes}), settings.fetch_max_wait_seconds, FETCH_BYTES)
    lost = LossReport(metrics, ingest.read_on, stop=settings.on_lost_records == "stop")
    app.transport = BatchTransport(app.conf.broker_consumer, app, options=polled, listener=ingest, on_out_of_range=lost)
    analyst = Child("analyst", partial(window_job.prepare, source), window_job.DEADLINE_SECONDS)
    reporter = Child("reporter", partial(report_job.prepare, source), report_job.DEADLINE_SECONDS, niceness=10)
    write_report = partial(
        reporter.call, report_job.write_report, settings.store, source, settings.reports, settings.reports_kept
    )
    reports = ReportQueue(write_report, settings.reports_kept, metrics, log_lines)
    publisher = DriftPublisher(
        partial(start_producer, settings.connection, settings.delivery_timeout_seconds),
        topics.drift,
        settings.delivery_timeout_seconds,
        tracing,
    )
    scheduler = WindowScheduler(
        store=store,
        decisions_topic=topics.decisions,
        windowing=windowing(settings, size),
        find_idle=partial(_idle, app, topics.decisions, idle_partitions),
        compute=partial(analyst.call, window_job.compute_window, settings.store, source, options(settings)),
        publish=publisher.publish,
        report=reports.add,
        metrics=metrics,
        log_lines=log_lines,
        revision_interval_us=int(settings.revision_interval_seconds * SECOND_US),
        now_us=lambda: time.time_ns() // 1000,
    )
    _read(app, topics, ingest)
    _measure(app, ingest, metrics, progress, watchdog)
    _schedule(
        app, scheduler, reports, topics.decisions, lambda: TopicPartition(topics.decisions, 0) in ingest.next_offsets
    )

    async def start() -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        rights = rights_by_role(topics, monitor_group=settings.monitor_group)["monitor"]
        require = partial(require_rights, settings.connection, "monitor", rights)
        counts = await prepare_process(settings, topics, formats, pages, watchdog, require)
        scheduler.partitions = counts[topics.decisions]

    async def stop() -> None:
        analyst.close()
        reporter.close()
        await publisher.close()
        if tracing:
            await asyncio.to_thread(tracing.close)
        store.close()

    pages = WebPages(settings.web_host, settings.monitor_port, registry, progress.not_ready, "STREAM_APP_MONITOR_PORT")
    app.pages = pages
    app.before_start = lambda: exit_on_failure(with_heartbeat(start(), watchdog))
    app.after_stop = stop
    return app


def _read(app: BatchApp, topics: TopicNames, ingest: RecordIngest) -> None:
    """Have the app store each poll of decisions and labels."""
    records = app.topic(topics.decisions, topics.outcomes, key_serializer="raw", value_serializer="raw", acks=False)

    @app.agent(records, name="ingest", concurrency=1)
    async def watch_polls(polls: Any) -> None:
        async for poll in polls:
            await exit_on_failure(ingest.handle(poll))


def _measure(
    app: BatchApp, ingest: RecordIngest, metrics: MonitorMetrics, progress: Progress, watchdog: Watchdog
) -> None:
    """Have the app measure lag and readiness, and give the watchdog its heartbeat."""

    @app.task  # type: ignore[untyped-decorator]  # Faust's own
    async def measure() -> None:
        # Apart from the scheduler, whose tick lasts as long as a child computes, and from whoever reads the pages.
        while not app.should_stop:
            lag = app.measure_lag(ingest.next_offsets, progress)
            metrics.lag_is({(tp.topic, tp.partition): records for tp, records in lag.items()})
            metrics.reading_failed(progress.reading_fails())
            watchdog.beat()  # the loop runs; a store that is away is waited for as long as it takes
            await app.sleep(TICK_SECONDS)


def _schedule(
    app: BatchApp, scheduler: WindowScheduler, reports: ReportQueue, topic: str, leads: Callable[[], bool]
) -> None:
    """Have the app close windows while this monitor ``leads`` its group, and write their reports."""

    @app.task  # type: ignore[untyped-decorator]  # Faust's own
    async def schedule() -> None:
        while not app.should_stop:
            counts = app.batch_consumer.partition_counts([topic])
            scheduler.partitions = max(scheduler.partitions, counts.get(topic, 0))  # may be added at any time
            await exit_on_failure(scheduler.tick(leads()))
            await app.sleep(TICK_SECONDS)

    @app.task  # type: ignore[untyped-decorator]  # Faust's own
    async def report() -> None:
        await exit_on_failure(reports.run())


def _metrics(registry: CollectorRegistry, bundle: Bundle, topics: TopicNames, size: WindowSize) -> MonitorMetrics:
    model = ModelRef(bundle.name, bundle.version, bundle.sha256)
    longest_us = size.length_us or 31 * size.months * DAY_US
    return MonitorMetrics(
        registry,
        model,
        bundle.contract,
        window_seconds=longest_us / SECOND_US,
        topics=(topics.decisions, topics.outcomes),
    )


async def _idle(app: BatchApp, topic: str, partitions: IdlePartitions, next_offsets: Mapping[int, int]) -> set[int]:
    """As :meth:`IdlePartitions.find`; markers of transactions at the end of a partition are no records to wait for."""
    seen = app.batch_consumer.fetch_states()
    known = {number: seen.get(TopicPartition(topic, number)) for number in next_offsets}
    return await partitions.find(
        {n: offset if (part := known[n]) is None else part.past_markers(offset) for n, offset in next_offsets.items()}
    )


async def _bounds(app: BatchApp, topic: str, timeout_seconds: float) -> Bounds | None:
    """As the broker answers now; None when it does not."""
    try:
        async with asyncio.timeout(timeout_seconds):
            return await app.batch_consumer.bounds(topic)
    except (KafkaError, TimeoutError):
        return None


def __getattr__(name: str) -> Any:
    """``faust -A monitoring.worker`` asks the module for its app: made then, so that importing makes nothing."""
    if name == "app":
        globals()["app"] = create_app(MonitorSettings.read_or_exit())
        return globals()["app"]
    raise AttributeError(name)
