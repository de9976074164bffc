"""What the scorer's and the monitor's process have in common: how the Faust app is made, starts, and ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from typing import Any

import faust

from stream_app.errors import StreamAppError, trace_of
from stream_app.settings import StreamSettings
from stream_app.topics import TopicNames, check_topics, wait_for_broker
from stream_app.transport import BatchApp
from stream_app.web import WebPages

log = logging.getLogger(__name__)

WEEK_SECONDS = 7 * 24 * 3600.0


def batch_app(group: str, settings: StreamSettings) -> BatchApp:
    """A Faust app of this consumer group that keeps nothing, makes no topic and serves no page of Faust's."""
    return BatchApp(
        group,
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


async def check_and_listen(settings: StreamSettings, topics: TopicNames, pages: WebPages) -> int:
    """Serve the pages, then wait for broker and topics; the number of partitions each topic has.

    Raises PortTaken, BrokerUnreachable or TopicMismatch.
    """
    await pages.listen()
    await asyncio.to_thread(wait_for_broker, settings.kafka, settings.broker_wait_seconds, say=log.warning)
    partitions = await asyncio.to_thread(check_topics, settings.kafka, names=topics)
    _rest_the_collector()
    log.info("pages at http://%s:%d/metrics, /live, /ready", pages.host, pages.port)
    return partitions


def run(app: faust.App, settings: StreamSettings) -> None:
    """Run a worker in the foreground until SIGTERM or SIGINT. Does not return: the process ends with its status."""
    # Not even at debug: aiokafka would log whole requests, which hold customers' data.
    chatty = logging.INFO if settings.log_level == "debug" else logging.WARNING
    for library in ("faust", "mode", "aiokafka", "kafka"):
        logging.getLogger(library).setLevel(chatty)
    worker = faust.Worker(app, loglevel=settings.log_level.upper(), quiet=True, redirect_stdouts=False)
    worker.execute_from_commandline()


async def or_exit(work: Any) -> Any:
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


def _rest_the_collector() -> None:
    """Spare the garbage collector what is loaded by now, and call it less often.

    A batch makes tens of thousands of objects that reference counting frees; at the default threshold of 700 the
    collector walks them and, every few batches, all that is loaded too. Measured on a backlog: 40.5 µs of CPU a record
    with the defaults, 32.5 µs so.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
