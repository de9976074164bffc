"""The scoring worker, put together from settings: the only place that knows every part.

A record's way: the transport fetches it from the request topic, with others in one poll. :class:`Scoring` has the
:class:`Pipeline` judge the poll and the lanes deliver the outputs to the decision and rejection topics; the lanes then
commit the input offsets, or commit both in one transaction. At a seek, after a rebalance or a commit in doubt,
:class:`RestoreIds` reads back which request ids are decided.

``stream-app worker`` runs it; ``faust -A stream_app.worker worker`` works too (settings from the environment).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import faust
from prometheus_client import CollectorRegistry, disable_created_metrics

from models.bundle import load_bundle, shipped_bundle
from stream_app.clients import open_clients
from stream_app.delivery.at_least_once import AtLeastOnceLanes
from stream_app.delivery.exactly_once import TransactionalLanes
from stream_app.delivery.offset_commits import GroupedCommits
from stream_app.delivery.producer import OutputTopics
from stream_app.delivery.protocol import Lanes
from stream_app.delivery.transactions import Transactions, require_transactions
from stream_app.errors import ClientStoreUnavailable
from stream_app.events import ModelRef
from stream_app.formats.format import Format
from stream_app.formats.opening import Formats
from stream_app.kafka_admin import ATTEMPT_SECONDS
from stream_app.kafka_rights import Right, require_rights
from stream_app.mapping.file import read_mapping
from stream_app.pipeline import Pipeline
from stream_app.runtime.background import exit_on_failure
from stream_app.runtime.health_server import WebPages
from stream_app.runtime.process import prepare_process, with_heartbeat
from stream_app.runtime.readiness import Progress
from stream_app.runtime.tracing import open_tracing
from stream_app.runtime.watchdog import Watchdog
from stream_app.settings import WorkerSettings
from stream_app.steps.deduplicate import DecidedIds
from stream_app.topics import TopicNames, rights_by_role
from stream_app.transactions.turns import GroupTransactions
from stream_app.transport import BatchApp, BatchOptions, BatchTransport, LossReport, SeekListener
from stream_app.transport.app import batch_app
from stream_app.worker.decision_tail import DecisionTail
from stream_app.worker.metrics import ScorerMetrics
from stream_app.worker.partition_watch import PartitionWatch
from stream_app.worker.restore_ids import RestoreIds
from stream_app.worker.scoring import CommitMetrics, Scoring
from stream_app.worker.tracing import TracedBatches, Untraced

log = logging.getLogger(__name__)

QUIET_SECONDS = 0.2
"""A broker without transactions may be Tansu, whose end offsets are too low: decisions are read until none came for so
long."""
MEASURE_SECONDS = 1.0
CLIENTS_SECONDS = 5.0
"""How often a client store that follows the topic of profiles is asked how current it is."""

MakeTransactions = Callable[..., Transactions]
"""Gives the transactions of a member: called with it, ``connection`` and ``timeout_seconds``."""


def create_app(
    settings: WorkerSettings,
    registry: CollectorRegistry | None = None,
    *,
    make_transactions: MakeTransactions = GroupTransactions,
) -> faust.App:
    """Wire the whole worker. Raises ModelError, MappingError and ClientStoreError; nothing is started."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # twice as many series, read by nobody
    registry = registry or CollectorRegistry()
    topics = TopicNames.prefixed(settings.topic_prefix)
    bundle = load_bundle(settings.bundle or shipped_bundle(), settings.threads, settings.origin)
    log.info("%s", bundle)
    model = ModelRef(bundle.name, bundle.version, bundle.sha256)
    formats = Formats.of(settings, topics, bundle.contract)
    metrics = ScorerMetrics(registry, model, bundle.contract)
    watchdog = Watchdog(settings.exit_after_stall_seconds)
    progress = Progress(settings.stall_seconds, watchdog.clock)
    tracing = open_tracing(settings.tracing, "loan-scorer")
    app = batch_app(settings.group, settings, slot=settings.slot)
    lanes = _lanes(settings, topics, app, CommitMetrics(metrics, progress), make_transactions)
    decided_ids = DecidedIds(settings.remembered_ids, settings.remembered_seconds) if settings.remembered_ids else None
    app.transport = BatchTransport(
        app.conf.broker_consumer,
        app,
        options=BatchOptions(
            frozenset({topics.requests}),
            settings.fetch_max_wait_seconds,
            counterparts=frozenset({topics.decisions, topics.rejections}),
        ),
        listener=lanes
        if decided_ids is None
        else _restore_ids(settings, topics, formats.decisions, lanes, decided_ids),
        on_out_of_range=LossReport(
            metrics,
            lambda found: app.batch_consumer.commit_read_on(found),
            stop=settings.on_lost_records == "stop",
        ),
    )
    clients = open_clients(settings.clients)
    pipeline = Pipeline(
        contract=bundle.contract,
        scorer=bundle.scorer,
        policy=bundle.policy,
        model=model,
        profiles=clients,
        max_request_bytes=settings.max_request_bytes,
        decided_ids=decided_ids,
        mapper=read_mapping(settings.mapping, bundle.contract) if settings.mapping else None,
        requests=formats.requests,
        decision_value=formats.decisions.encode,
    )
    trace_batch = TracedBatches(tracing, topics.requests, settings.group) if tracing else Untraced()
    scoring = Scoring(
        pipeline, lanes, metrics, settings.clients_wait_seconds, decided_ids, exit_on_failure, trace_batch
    )
    pages = WebPages(settings.web_host, settings.web_port, registry, progress.not_ready, exemplars=tracing is not None)
    requests = app.topic(topics.requests, key_serializer="raw", value_serializer="raw", acks=False)

    watch, watched = PartitionWatch(settings.connection, topics), (topics.requests, topics.decisions, topics.rejections)

    @app.agent(requests, name="scoring", concurrency=1)
    async def score_polls(polls: Any) -> None:
        async for poll in polls:
            await exit_on_failure(scoring.handle(poll))

    @app.timer(interval=MEASURE_SECONDS)  # type: ignore[untyped-decorator]  # Faust's own
    async def measure() -> None:
        lag = app.measure_lag(lanes.committed_offsets(), progress)
        metrics.set_lag({tp.partition: records for tp, records in lag.items()})
        metrics.set_remembered_ids(len(decided_ids or ()))
        metrics.set_waiting_partitions(watch.look(app.batch_consumer.partition_counts(watched)))
        metrics.set_reading_failed(progress.reading_fails())
        watchdog.beat(progress)

    @app.timer(interval=CLIENTS_SECONDS)  # type: ignore[untyped-decorator]  # Faust's own
    async def measure_clients() -> None:
        with contextlib.suppress(ClientStoreUnavailable):  # a batch that needs it says so
            if followed := await asyncio.to_thread(clients.followed):
                metrics.set_clients_current(topics.clients, followed.current_at)

    metrics.started(time.time())
    app.pages = pages
    app.before_start = lambda: exit_on_failure(
        with_heartbeat(_prepare(settings, topics, formats, pages, watchdog), watchdog)
    )

    async def stop() -> None:
        await lanes.close()
        if tracing:
            await asyncio.to_thread(tracing.close)

    app.after_stop = stop
    return app


def _lanes(
    settings: WorkerSettings,
    topics: TopicNames,
    app: BatchApp,
    commit_metrics: CommitMetrics,
    make_transactions: MakeTransactions,
) -> Lanes:
    """Delivery as the guarantee in the settings asks."""
    outputs = OutputTopics(topics.decisions, topics.rejections)
    timeout = settings.delivery_timeout_seconds
    if settings.guarantee == "exactly_once":
        return TransactionalLanes(
            new_transactions=partial(make_transactions, connection=settings.connection, timeout_seconds=timeout),
            member=lambda: app.batch_consumer.member(),
            seek=lambda: app.batch_consumer.perform_seek(),
            listener=commit_metrics,
            supervise=exit_on_failure,
            topics=outputs,
            timeout_seconds=timeout,
        )
    commits = GroupedCommits(
        lambda offsets: app.batch_consumer.commit_offsets(offsets),
        listener=commit_metrics,
        supervise=exit_on_failure,
        interval_seconds=settings.commit_interval_seconds,
        timeout_seconds=timeout,
    )
    return AtLeastOnceLanes(commits=commits, connection=settings.connection, topics=outputs, timeout_seconds=timeout)


def _restore_ids(
    settings: WorkerSettings, topics: TopicNames, decisions: Format, lanes: Lanes, decided_ids: DecidedIds
) -> SeekListener:
    tail = DecisionTail(
        settings.connection,
        topics.decisions,
        most=settings.remembered_ids,
        fetch_wait_seconds=settings.fetch_max_wait_seconds,
        quiet_seconds=0.0 if settings.guarantee == "exactly_once" else QUIET_SECONDS,
        decisions=decisions,
    )
    timeout = settings.delivery_timeout_seconds
    return RestoreIds(lanes, decided_ids, tail.read, supervise=exit_on_failure, timeout_seconds=timeout)


def _rights(settings: WorkerSettings, topics: TopicNames) -> tuple[Right, ...]:
    """What the cluster must grant: transactions for exactly_once only."""
    rights = rights_by_role(topics, settings.group)["scorer"]
    if settings.guarantee == "exactly_once":
        return rights
    return tuple(right for right in rights if right.kind != "transactional-id")


async def _prepare(
    settings: WorkerSettings, topics: TopicNames, formats: Formats, pages: WebPages, watchdog: Watchdog
) -> None:
    """Everything that must be there before Faust connects."""
    require = partial(require_rights, settings.connection, "scorer", _rights(settings, topics))
    await prepare_process(settings, topics, formats, pages, watchdog, require, writes=[formats.decisions])
    log.info("delivery: %s", settings.guarantee)
    if settings.guarantee == "exactly_once":
        await require_transactions(
            settings.connection,
            f"{settings.group}.check.0",
            timeout_seconds=settings.delivery_timeout_seconds,
            wait_seconds=settings.broker_wait_seconds or ATTEMPT_SECONDS,
        )
