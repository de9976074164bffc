"""Work that a seek waits for, and that has no point any more once the partitions are to be given away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from stream_app.transport.poll import SeekGivenUp

Answer = TypeVar("Answer")

CANCEL_AGAIN_SECONDS = 25.0
"""aiokafka swallows a cancellation that meets it while it cleans up, for which a producer has 20 s."""


async def unless_given_away(leaving: asyncio.Event, work: Awaitable[Answer]) -> Answer:
    """What the work gives. Raises SeekGivenUp once ``leaving`` is set, when the work, cancelled, has ended."""
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(leaving.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if working.done():
        return working.result()
    while not working.done():
        working.cancel()
        await asyncio.wait({working}, timeout=CANCEL_AGAIN_SECONDS)
    raise SeekGivenUp("The partitions were given away before they were sought.")
