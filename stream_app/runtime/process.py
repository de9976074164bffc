"""How a worker's process starts and ends, the scorer's and the monitor's alike."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import faust

from stream_app.errors import BrokerUnreachable, StreamAppError
from stream_app.formats.format import Format
from stream_app.formats.opening import Formats
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.runtime import library_logs, stack_dump
from stream_app.runtime.background import in_daemon_thread
from stream_app.runtime.health_server import WebPages
from stream_app.runtime.watchdog import TICK_SECONDS, Watchdog
from stream_app.stream_settings import StreamSettings
from stream_app.topics import PartitionCounts, TopicNames, count_partitions, topic_warnings, wait_for_broker

log = logging.getLogger(__name__)

FINAL_LOG_SECONDS = 5.0


async def prepare_process(
    settings: StreamSettings,
    topics: TopicNames,
    formats: Formats,
    pages: WebPages,
    watchdog: Watchdog,
    require: Callable[[], None],
    writes: Sequence[Format] = (),
) -> PartitionCounts:
    """Handle signals, serve the pages, then wait for broker, topics and schema registry; how many partitions each topic
    has. ``require``: checks our rights on the cluster. ``writes``: the formats this process writes in.

    Raises PortTaken, BrokerUnreachable, TopicMismatch, RegistryError, or what ``require`` raises.
    """
    library_logs.quiet(settings.log_level)  # here, too: `faust worker -l debug` comes by no other way
    _handle_signals(watchdog)
    await pages.listen()
    connection, wait_seconds = settings.connection, settings.broker_wait_seconds
    await in_daemon_thread(partial(wait_for_broker, connection, wait_seconds, say=log.warning))
    await in_daemon_thread(require)
    counts: PartitionCounts = await in_daemon_thread(partial(count_partitions, connection, names=topics))
    await _warn_of_settings(connection, topics)
    await in_daemon_thread(partial(formats.prepare, *writes, wait_seconds=wait_seconds, say=log.warning))
    tune_garbage_collector()
    log.info("pages at http://%s:%d/metrics, /live, /ready", pages.host, pages.port)
    return counts


async def _warn_of_settings(connection: KafkaConnection, topics: TopicNames) -> None:
    """A broker that does not tell them is no fault."""
    try:
        warnings: tuple[str, ...] = await in_daemon_thread(partial(topic_warnings, connection, names=topics))
    except BrokerUnreachable as fault:
        log.info("nobody looked at the topics' settings: %s", fault.happened)
    else:
        for warning in warnings:
            log.warning("%s", warning)


async def with_heartbeat(work: Awaitable[Any], watchdog: Watchdog) -> Any:
    """Await what a worker does before it starts, perhaps a long wait for its broker, with heartbeats for the watchdog.

    Later they come from the worker's own timer.
    """
    beating = asyncio.ensure_future(_beat(watchdog))
    try:
        return await work
    finally:
        beating.cancel()


async def _beat(watchdog: Watchdog) -> None:
    while True:
        watchdog.beat()
        await asyncio.sleep(TICK_SECONDS)


def run(app: faust.App, settings: StreamSettings) -> None:
    """Run a worker in the foreground until SIGTERM or SIGINT. Does not return: the process ends with its status."""
    library_logs.quiet(settings.log_level)
    worker = faust.Worker(app, loglevel=settings.log_level.upper(), quiet=True, redirect_stdouts=False)
    worker.execute_from_commandline()


def _end(loop: asyncio.AbstractEventLoop, fault: StreamAppError) -> NoReturn:
    """End the process at once, having logged where every thread and task stood, and why.

    Another thread may hold the log's lock for ever, such as one that writes to a pipe nobody reads.
    """

    def log_fault() -> None:
        try:
            _log_stacks(loop)  # frames that go on running meanwhile may fail it
        finally:
            log.critical("%s", fault)
            logging.shutdown()

    logging_thread = threading.Thread(target=log_fault, daemon=True)
    logging_thread.start()
    logging_thread.join(FINAL_LOG_SECONDS)
    os._exit(fault.exit_status)


def _log_stacks(loop: asyncio.AbstractEventLoop) -> None:
    log.warning("%s\n%s", stack_dump.threads(), stack_dump.tasks(loop))


def _handle_signals(watchdog: Watchdog) -> None:
    """SIGTERM and SIGINT limit the time to stop, beside what Faust does; SIGUSR1 and SIGUSR2 log all stacks.

    Handlers of Python's own rather than the loop's: they run even while the loop is stuck, as long as it is in Python.
    """
    loop = asyncio.get_running_loop()
    watchdog.start(partial(_end, loop))
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, watchdog.limit_stop)  # Faust's handler on the loop runs all the same
    for dump_signal in (signal.SIGUSR1, signal.SIGUSR2):
        loop.remove_signal_handler(dump_signal)
        # In a thread: the log may be what the signal interrupted.
        signal.signal(dump_signal, lambda *_: threading.Thread(target=_log_stacks, args=(loop,), daemon=True).start())


def tune_garbage_collector() -> None:
    """Keep the garbage collector from walking what is loaded by now, and run it less often.

    A batch makes tens of thousands of objects that reference counting frees; at the default threshold of 700 the
    collector walks them and, every few batches, all that is loaded too. Measured on a backlog: 40.5 µs of CPU a record
    with the defaults, 32.5 µs so.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
