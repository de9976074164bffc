"""Waiting for a condition, with a deadline: what a test does in place of sleeping."""

from __future__ import annotations

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
