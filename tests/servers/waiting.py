"""Waiting for a condition, with a deadline: what a test does in place of sleeping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """The first truthy answer of ``condition``; fails the test with ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.05)  # the pause between two looks, not a guess at how long it takes
    raise AssertionError(f"not within {seconds:g} s: {what}")


async def until(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> None:
    """The same in an event loop, which goes on meanwhile."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.001)


async def pass_time(seconds: float) -> None:
    """For rules about silence: that nothing happened for so long is no condition to wait for."""
    await asyncio.sleep(seconds)
