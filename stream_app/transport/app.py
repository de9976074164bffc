"""The Faust app around the transport: no tables, hooks around its life."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

import faust
from mode import Service

from stream_app.events import Offsets
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.runtime.background import exit_process
from stream_app.runtime.library_logs import SERVICES
from stream_app.runtime.readiness import Membership, Progress
from stream_app.stream_settings import StreamSettings
from stream_app.transport.consumer import BatchConsumer
from stream_app.transport.faust_workarounds import TablesWithoutTimeout

log = logging.getLogger(__name__)

YEAR_SECONDS = 365 * 24 * 3600.0
METADATA_SECONDS = 30.0
"""Faust looks for new partitions every five minutes: for so long a topic that was made anew would not be read."""
REQUEST_SECONDS = 30.0
"""Faust waits 90 s for an answer: for so long a worker would not notice that its broker hangs or was cut off."""


class BatchApp(faust.App):
    """A Faust app without tables: it keeps no folder, and runs hooks around its life.

    ``on_fault`` is called with what any service of the app raised, before Faust stops them all.
    """

    connection: KafkaConnection
    before_start: Callable[[], Awaitable[None]]
    after_stop: Callable[[], Awaitable[None]]
    on_fault: Callable[[BaseException], None]
    pages: Service

    logger = SERVICES
    _broker_answers: bool | None = None  # None before it did

    @property
    def batch_consumer(self) -> BatchConsumer:
        """The consumer, once the app's transport is a :class:`BatchTransport`."""
        return cast(BatchConsumer, self.consumer)

    def measure_lag(self, next_offsets: Offsets, progress: Progress) -> Offsets:
        """The lag of each partition behind its next offset; updates readiness, and seeks where nothing is read
        or other partitions are to be.

        For the worker's timer. A page that is scraped shows what was measured last.
        """
        consumer = self.batch_consumer
        states = consumer.fetch_states()
        lag = {tp: states[tp].lag(offset) if tp in states else 0 for tp, offset in next_offsets.items()}
        stamps = {tp: states[tp].stamp for tp in next_offsets if tp in states}
        membership = consumer.membership()
        self._log_answers(membership is not Membership.UNANSWERED)
        progress.update(membership, lag, stamps, reads=consumer.reads(), fault=consumer.reading_fault())
        if progress.needs_seek() or consumer.needs_other_partitions():
            consumer.request_seek()
        return lag

    def _log_answers(self, answers: bool) -> None:
        """One line when the broker goes away, one when it is back; the library would log every attempt in between."""
        if self._broker_answers and not answers:
            log.warning("the broker does not answer any more; it is asked until it does")
        if answers and self._broker_answers is False:
            log.info("the broker answers again")
        if answers or self._broker_answers:
            self._broker_answers = answers

    def _crash(self, reason: BaseException) -> None:
        if not (self.should_stop or isinstance(reason, asyncio.CancelledError)):
            self.on_fault(reason)
        super()._crash(reason)

    def _create_directories(self) -> None:
        """Faust would make a data folder in the working directory for tables there are none of."""

    async def on_first_start(self) -> None:
        """Check what the worker needs before Faust connects to anything."""
        await self.before_start()
        await super().on_first_start()
        await self.add_runtime_dependency(self.pages)

    async def on_stop(self) -> None:
        """Stop Faust first: the last batch is still delivered."""
        log.info("stopping: the batch in hand is finished first")
        await super().on_stop()
        await self.after_stop()
        log.info("stopped")


def batch_app(group: str, settings: StreamSettings, *, slot: str | None = None) -> BatchApp:
    """A Faust app of this consumer group that keeps nothing, makes no topic and serves no page of Faust's.

    ``slot``: as a static member of the group.
    """
    app = BatchApp(
        group,
        broker=[f"kafka://{server}" for server in settings.connection.servers],
        store="memory://",
        TableManager=TablesWithoutTimeout,
        web_enabled=False,  # our own pages instead
        topic_allow_declare=False,  # topics are made by `stream-app topics create`
        topic_disable_leader=True,
        consumer_group_instance_id=slot,
        broker_max_poll_records=settings.max_poll_records,
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=settings.heartbeat_seconds,
        broker_rebalance_timeout=settings.rebalance_timeout_seconds,
        broker_request_timeout=max(REQUEST_SECONDS, settings.rebalance_timeout_seconds + 10),  # joining waits that long
        consumer_metadata_max_age_ms=int(METADATA_SECONDS * 1000),
        broker_max_poll_interval=YEAR_SECONDS,  # a worker without partitions never polls and must stay in the group
        stream_wait_empty=True,
        stream_buffer_maxsize=1,  # one poll waits; App.topic() drops its own maxsize
        cython_optimizations=True,
        worker_redirect_stdouts=False,
    )
    app.connection = settings.connection
    app.boot_strategy.enable_web = False  # `faust worker` sets web_enabled, which opens 0.0.0.0:6066 to everybody
    app.boot_strategy.enable_kafka_producer = False  # never used, and knows nothing of TLS and SASL
    app.on_fault = exit_process
    return app
