"""The scoring worker: one Faust app, one agent, and the composition root that wires it from settings.

``stream-app worker`` runs it; ``faust -A stream_app.worker worker`` works too (settings from the environment).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from functools import partial
from typing import Any

import faust
from prometheus_client import CollectorRegistry, disable_created_metrics

from models.bundle import Bundle, load_bundle, shipped_bundle
from monitoring.metrics import ScorerMetrics
from stream_app.clients import SQLiteClients
from stream_app.commits import PacedCommits
from stream_app.errors import StreamAppError, trace_of
from stream_app.events import ModelRef
from stream_app.lanes import AtLeastOnceLanes, Lanes
from stream_app.pipeline import Pipeline
from stream_app.progress import Progress
from stream_app.scoring import CommitNews, Scoring
from stream_app.settings import WorkerSettings, read_settings
from stream_app.topics import TopicNames, check_topics, wait_for_broker
from stream_app.transport import BatchApp, BatchOptions, BatchTransport
from stream_app.web import WebPages

log = logging.getLogger(__name__)

WEEK_SECONDS = 7 * 24 * 3600.0


def create_app(settings: WorkerSettings, registry: CollectorRegistry | None = None) -> faust.App:
    """Wire the whole worker. Raises ModelError (no good bundle) and ClientStoreError before anything is started."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # twice as many series, read by nobody
    registry = registry or CollectorRegistry()
    bundle = load_bundle(settings.bundle or shipped_bundle(), threads=settings.threads)
    model = ModelRef(bundle.name, bundle.version, bundle.sha256)
    topics = TopicNames.prefixed(settings.topic_prefix)
    progress = Progress(settings.stall_seconds, clock=time.monotonic)
    metrics = ScorerMetrics(registry, model, bundle.contract)
    app = _faust_app(settings)
    commits = PacedCommits(
        lambda offsets: app.batch_consumer.commit_offsets(offsets),
        listener=CommitNews(metrics, progress),
        guard=_or_exit,
        interval_seconds=settings.commit_interval_seconds,
        timeout_seconds=settings.delivery_timeout_seconds,
    )
    lanes = AtLeastOnceLanes(
        commits=commits,
        bootstrap=settings.kafka,
        decisions=topics.decisions,
        rejections=topics.rejections,
        timeout_seconds=settings.delivery_timeout_seconds,
    )
    options = BatchOptions(frozenset({topics.requests}), settings.fetch_max_wait_seconds)
    app.transport = BatchTransport(app.conf.broker_consumer, app, options=options, listener=lanes)
    scoring = Scoring(_pipeline(settings, bundle, model), lanes, metrics)
    requests = app.topic(topics.requests, key_serializer="raw", value_serializer="raw", acks=False)

    @app.agent(requests, name="scoring", concurrency=1)
    async def score_polls(polls: Any) -> None:
        async for poll in polls:
            await _or_exit(scoring.handle(poll))

    measure_lag = partial(_measure_lag, app, lanes, progress, metrics)

    @app.timer(interval=1.0)  # type: ignore[untyped-decorator]  # Faust's own
    async def watch_lag() -> None:
        measure_lag()

    pages = WebPages(settings.web_host, settings.web_port, registry, progress.not_ready, measure_lag)
    app.pages = pages
    app.before_start = lambda: _or_exit(_check_and_listen(settings, topics, pages))
    app.after_stop = lanes.close
    return app


def _measure_lag(app: BatchApp, lanes: Lanes, progress: Progress, metrics: ScorerMetrics) -> None:
    positions = lanes.committed_offsets()
    ends = app.batch_consumer.end_offsets_seen() if positions else {}
    lag = {tp.partition: max(0, ends.get(tp, at) - at) for tp, at in positions.items()}
    progress.lag_is(lag)
    metrics.lag_is(lag)


async def _check_and_listen(settings: WorkerSettings, topics: TopicNames, pages: WebPages) -> None:
    """Serve the pages, then wait for broker and topics. Raises PortTaken, BrokerUnreachable or TopicMismatch."""
    await pages.listen()
    await asyncio.to_thread(wait_for_broker, settings.kafka, settings.broker_wait_seconds, say=log.warning)
    await asyncio.to_thread(check_topics, settings.kafka, names=topics)
    _rest_the_collector()
    log.info("pages at http://%s:%d/metrics, /live, /ready", pages.host, pages.port)


def run(app: faust.App, settings: WorkerSettings) -> None:
    """Run the worker in the foreground until SIGTERM or SIGINT. Does not return: the process ends with its status."""
    # Not even at debug: aiokafka would log whole requests, which hold customers' data.
    chatty = logging.INFO if settings.log_level == "debug" else logging.WARNING
    for library in ("faust", "mode", "aiokafka", "kafka"):
        logging.getLogger(library).setLevel(chatty)
    worker = faust.Worker(app, loglevel=settings.log_level.upper(), quiet=True, redirect_stdouts=False)
    worker.execute_from_commandline()


def _pipeline(settings: WorkerSettings, bundle: Bundle, model: ModelRef) -> Pipeline:
    return Pipeline(
        contract=bundle.contract,
        scorer=bundle.scorer,
        policy=bundle.policy,
        model=model,
        profiles=SQLiteClients(settings.clients),
        max_request_bytes=settings.max_request_bytes,
    )


def _faust_app(settings: WorkerSettings) -> BatchApp:
    return BatchApp(
        settings.group,
        broker=[f"kafka://{server}" for server in settings.kafka.split(",")],
        store="memory://",
        web_enabled=False,  # our own pages instead
        topic_allow_declare=False,  # topics are made by `stream-app topics create`
        topic_disable_leader=True,
        broker_max_poll_records=settings.max_poll_records,
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=settings.heartbeat_seconds,
        broker_rebalance_timeout=settings.rebalance_timeout_seconds,
        broker_max_poll_interval=WEEK_SECONDS,  # a worker without partitions never polls and must stay in the group
        stream_wait_empty=True,
        stream_buffer_maxsize=1,  # one poll waits; App.topic() drops its own maxsize
        cython_optimizations=True,
        worker_redirect_stdouts=False,
    )


def _rest_the_collector() -> None:
    """Spare the garbage collector what is loaded by now, and call it less often.

    A batch makes tens of thousands of objects that reference counting frees; at the default threshold of 700 the
    collector walks them and, every few batches, all that is loaded too. Measured on a backlog: 40.5 µs of CPU a record
    with the defaults, 32.5 µs so.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


async def _or_exit(work: Any) -> Any:
    """Await work; on a fault end the process at once. Faust acknowledges and commits what an agent raises on."""
    try:
        return await work
    except asyncio.CancelledError:
        raise
    except StreamAppError as fault:
        log.critical("%s", fault)
        _exit(fault.exit_status)
    except Exception as fault:  # noqa: BLE001 - whatever it is, Faust must not see it
        log.critical("The worker met a fault of its own; what was in hand was not committed. %s", trace_of(fault))
        _exit(70)


def _exit(status: int) -> None:
    logging.shutdown()
    os._exit(status)


def __getattr__(name: str) -> Any:
    """``faust -A stream_app.worker`` asks the module for its app: made then, so that importing makes nothing."""
    if name == "app":
        globals()["app"] = create_app(read_settings())
        return globals()["app"]
    raise AttributeError(name)
