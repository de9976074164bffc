"""Background tasks: an unexpected end is logged and ends the process with the status of the fault.

Left to asyncio, a failed task says so when the garbage collector finds it, on a logger that may be silenced, and the
process goes on without it. Left to Faust, what an agent raises on is acknowledged and committed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, NoReturn

from stream_app.errors import StreamAppError, trace_of

log = logging.getLogger(__name__)

INTERNAL_ERROR = 70
"""Exit status for what is no StreamAppError (EX_SOFTWARE of sysexits.h)."""

Supervise = Callable[[Awaitable[Any]], Awaitable[Any]]
"""Awaits background work and deals with its failure; in production :func:`exit_on_failure`."""

_running: set[asyncio.Task[Any]] = set()  # asyncio keeps only weak references to its tasks


def exit_process(fault: BaseException) -> NoReturn:
    """End the process at once with the status and the message of this fault; nothing in hand is committed."""
    if isinstance(fault, StreamAppError):
        log.critical("%s", fault)
        status = fault.exit_status
    else:
        log.critical("Internal error, the process ends; what was in hand was not committed. %s", trace_of(fault))
        status = INTERNAL_ERROR
    logging.shutdown()
    os._exit(status)


async def exit_on_failure(work: Awaitable[Any]) -> Any:
    """Await work; end the process when it raises."""
    try:
        return await work
    except Exception as fault:  # noqa: BLE001 - whatever it is, nobody above may pass over it
        exit_process(fault)


def start_background_task(
    work: Coroutine[Any, Any, Any],
    name: str,
    *,
    endless: bool = False,
    on_failure: Callable[[BaseException], object] = exit_process,
) -> asyncio.Task[Any]:
    """Start a task that the caller need not keep or await. ``on_failure`` is called with what it raised.

    ``endless``: it is to run until it is cancelled, so that it failed, too, when it returned.
    """

    def check(task: asyncio.Task[Any]) -> None:
        _running.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is None and endless and not task.cancelled():
            fault = RuntimeError("returned")
        if fault is not None:
            log.critical("background task %r ended unexpectedly (%s)", name, type(fault).__name__)
            on_failure(fault)

    task = asyncio.create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(check)
    return task


async def in_daemon_thread(work: Callable[[], Any]) -> Any:
    """As ``asyncio.to_thread``, whose threads a process waits for when it ends; this one is left behind."""
    loop, result = asyncio.get_running_loop(), Future[Any]()
    result.set_running_or_notify_cancel()  # else who stops waiting cancels it, and the thread ends with a stack trace

    def do() -> None:
        try:
            result.set_result(work())
        except BaseException as fault:  # noqa: BLE001 - raised to whoever awaits it
            result.set_exception(fault)

    threading.Thread(target=do, daemon=True).start()
    return await asyncio.wrap_future(result, loop=loop)
