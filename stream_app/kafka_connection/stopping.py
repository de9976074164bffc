"""Stopping a Kafka client in bounded time, whatever became of its broker."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def stop_client(stopping: Coroutine[Any, Any, object], seconds: float) -> bool:
    """Await a client's ``stop()`` for so long at most; whether it ended well.

    A client waits for a broker that is away. aiokafka's consumer raises the cancellation of a task of its own then,
    which would end whoever awaits it: so the stop is a task apart.
    """
    task = asyncio.ensure_future(stopping)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # else asyncio logs what nobody asked for
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        task.cancel()
        return False
    return not task.cancelled() and task.exception() is None
