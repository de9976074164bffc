"""The process of `stream-app clients follow`: its parts, its pages, its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry, disable_created_metrics

from models.contract import Contract
from stream_app.clients import open_clients
from stream_app.clients.store import ClientStore
from stream_app.errors import BrokerUnreachable
from stream_app.kafka_connection.record_batches import read_every_batch
from stream_app.kafka_connection.stopping import stop_client
from stream_app.profile_events.changes import ProfileDecoder
from stream_app.profile_events.follower import ANSWER_SECONDS, Follower
from stream_app.profile_events.metrics import FollowerMetrics
from stream_app.runtime import library_logs
from stream_app.runtime.health_server import WebPages
from stream_app.settings import FollowerSettings
from stream_app.topics import TopicNames, require_topic

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0
METADATA_SECONDS = 30.0
"""Partitions that are added are read after so long."""


def run(settings: FollowerSettings, contract: Contract) -> None:
    """Follow in the foreground until SIGTERM or SIGINT. Raises StreamAppError."""
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    library_logs.quiet(settings.log_level)
    asyncio.run(_run(settings, contract))


async def _run(settings: FollowerSettings, contract: Contract) -> None:
    stopped = asyncio.Event()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop_signal, stopped.set)
    with open_clients(settings.clients, create=True) as store:
        following = asyncio.ensure_future(follow(settings, contract, store))
        stopping = asyncio.ensure_future(stopped.wait())
        await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not following.done():
            log.info("stopping: what is stored stays, the next start goes on from there")
            following.cancel()
        stopping.cancel()
        await asyncio.wait({following})
        await asyncio.get_running_loop().shutdown_default_executor()  # what is being stored is stored to its end
        if not following.cancelled():
            following.result()


async def follow(settings: FollowerSettings, contract: Contract, store: ClientStore) -> None:
    """Keep ``store`` current until cancelled, with pages. Raises StreamAppError."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # twice as many series, read by nobody
    registry, names = CollectorRegistry(), TopicNames.prefixed(settings.topic_prefix)
    follower: Follower | None = None

    def not_ready() -> str | None:
        return why_not_ready(follower, settings.clients_stale_seconds)

    port = settings.clients_port
    pages = WebPages(settings.web_host, port, registry, not_ready, "STREAM_APP_CLIENTS_PORT")
    await pages.listen()
    log.info("pages at http://%s:%d/metrics, /live, /ready", pages.host, pages.port)
    try:
        wait_seconds = settings.broker_wait_seconds
        require = partial(require_topic, wait_seconds=wait_seconds, say=log.warning)
        await asyncio.to_thread(require, settings.connection, names, "follower")
        async with _consumer(settings, names.clients) as consumer:
            metrics = FollowerMetrics(registry)
            follower = Follower(consumer, names.clients, store, ProfileDecoder(contract), metrics)
            await follower.run()
    finally:
        await pages.on_stop()


def why_not_ready(follower: Follower | None, stale_seconds: float) -> str | None:
    """None if the store holds what is on the topic, or did less than ``stale_seconds`` ago."""
    if follower is None or not follower.is_current:
        return "the store does not hold everything that is on the topic yet"
    if follower.seconds_behind > stale_seconds:
        return f"the store has not been current for {follower.seconds_behind:.0f} s"
    return None


@contextlib.asynccontextmanager
async def _consumer(settings: FollowerSettings, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that knows the topic's partitions, and those that are added later. Raises BrokerUnreachable."""
    read_every_batch(settings.connection.max_inflated_bytes)
    consumer = AIOKafkaConsumer(
        **settings.connection.for_aiokafka(),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=int(settings.fetch_max_wait_seconds * 1000),
        metadata_max_age_ms=int(METADATA_SECONDS * 1000),
        request_timeout_ms=int(ANSWER_SECONDS * 1000),
    )
    try:
        try:
            await consumer.start()
            consumer.assign([TopicPartition(topic, 0)])
            await consumer.end_offsets([TopicPartition(topic, 0)])
        except KafkaError as fault:
            raise _not_reached(settings, fault) from fault
        yield consumer
    finally:
        await stop_client(consumer.stop(), STOP_SECONDS)


def _not_reached(settings: FollowerSettings, fault: KafkaError) -> BrokerUnreachable:
    return BrokerUnreachable(
        f"The broker at {settings.connection} cannot be read from ({type(fault).__name__}).",
        kept="The client store was left as it is.",
        do_next="Check the broker, and that this user may read and describe the topic.",
    )
