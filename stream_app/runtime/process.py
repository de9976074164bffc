"""What the scorer's and the monitor's process have in common: how the Faust app is made, starts, and ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, NoReturn

import faust

from stream_app.errors import StreamAppError
from stream_app.runtime import stack_dump
from stream_app.runtime.health_server import WebPages
from stream_app.runtime.watchdog import TICK_SECONDS, Watchdog
from stream_app.settings import StreamSettings
from stream_app.topics import TopicNames, check_topics, wait_for_broker

log = logging.getLogger(__name__)

LAST_WORDS_SECONDS = 5.0


async def prepare_process(settings: StreamSettings, topics: TopicNames, pages: WebPages, watchdog: Watchdog) -> int:
    """Heed signals, serve the pages, then wait for broker and topics; the number of partitions each topic has.

    Raises PortTaken, BrokerUnreachable or TopicMismatch.
    """
    _heed_signals(watchdog)
    await pages.listen()
    await _aside(partial(wait_for_broker, settings.kafka, settings.broker_wait_seconds, say=log.warning))
    partitions = int(await _aside(partial(check_topics, settings.kafka, names=topics)))
    _rest_the_collector()
    log.info("pages at http://%s:%d/metrics, /live, /ready", pages.host, pages.port)
    return partitions


async def with_heartbeat(work: Awaitable[Any], watchdog: Watchdog) -> Any:
    """Await what a worker does before it starts, perhaps a long wait for its broker; the watchdog hears all the while.

    Later it hears from the worker's own timer, whose silence is then a fault.
    """
    beating = asyncio.ensure_future(_beat(watchdog))
    try:
        return await work
    finally:
        beating.cancel()


async def _beat(watchdog: Watchdog) -> None:
    while True:
        watchdog.hear()
        await asyncio.sleep(TICK_SECONDS)


async def _aside(work: Callable[[], Any]) -> Any:
    """Do it in a thread that is left behind when the worker is told to stop meanwhile; asyncio's own is waited for."""
    loop, result = asyncio.get_running_loop(), Future[Any]()
    result.set_running_or_notify_cancel()  # else who stops waiting cancels it, and the thread ends with a stack trace

    def do() -> None:
        try:
            result.set_result(work())
        except BaseException as fault:  # noqa: BLE001 - raised to whoever awaits it
            result.set_exception(fault)

    threading.Thread(target=do, daemon=True).start()
    return await asyncio.wrap_future(result, loop=loop)


def run(app: faust.App, settings: StreamSettings) -> None:
    """Run a worker in the foreground until SIGTERM or SIGINT. Does not return: the process ends with its status."""
    # Not even at debug: aiokafka would log whole requests, which hold customers' data.
    chatty = logging.INFO if settings.log_level == "debug" else logging.WARNING
    for library in ("faust", "mode", "aiokafka", "kafka"):
        logging.getLogger(library).setLevel(chatty)
    worker = faust.Worker(app, loglevel=settings.log_level.upper(), quiet=True, redirect_stdouts=False)
    worker.execute_from_commandline()


def _end(loop: asyncio.AbstractEventLoop, fault: StreamAppError) -> NoReturn:
    """End the process at once, with its last words: where everybody stood, and why.

    Another thread may hold the log's lock for ever, such as one that writes to a pipe nobody reads.
    """

    def speak() -> None:
        try:
            _tell(loop)  # frames that go on running meanwhile may fail it
        finally:
            log.critical("%s", fault)
            logging.shutdown()

    words = threading.Thread(target=speak, daemon=True)
    words.start()
    words.join(LAST_WORDS_SECONDS)
    os._exit(fault.exit_status)


def _tell(loop: asyncio.AbstractEventLoop) -> None:
    log.warning("%s\n%s", stack_dump.threads(), stack_dump.tasks(loop))


def _heed_signals(watchdog: Watchdog) -> None:
    """SIGTERM and SIGINT start the watchdog's count, beside what Faust does; SIGUSR1 and SIGUSR2 tell where all stand.

    Handlers of Python's own rather than the loop's: they run even while the loop is stuck, as long as it is in Python.
    """
    loop = asyncio.get_running_loop()
    watchdog.start(partial(_end, loop))
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, watchdog.stop_within)  # the loop hears of it all the same, and Faust begins to stop
    for asked in (signal.SIGUSR1, signal.SIGUSR2):
        loop.remove_signal_handler(asked)
        # In a thread: the log may be what the signal interrupted.
        signal.signal(asked, lambda *_: threading.Thread(target=_tell, args=(loop,), daemon=True).start())


def _rest_the_collector() -> None:
    """Spare the garbage collector what is loaded by now, and call it less often.

    A batch makes tens of thousands of objects that reference counting frees; at the default threshold of 700 the
    collector walks them and, every few batches, all that is loaded too. Measured on a backlog: 40.5 µs of CPU a record
    with the defaults, 32.5 µs so.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
