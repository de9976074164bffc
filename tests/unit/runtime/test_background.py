"""Background tasks: none ends unexpectedly in silence."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from stream_app.runtime.background import start_background_task


async def raises() -> None:
    raise ConnectionError("text that may hold a customer's data")


async def returns() -> None:
    await asyncio.sleep(0)


async def forever() -> None:
    await asyncio.Event().wait()


def failures_of(work: Callable[[], Coroutine[Any, Any, Any]], **options: bool) -> list[str]:
    """The classes of what the task failed with."""

    async def story() -> list[str]:
        failures: list[str] = []
        task = start_background_task(
            work(), "lookup", on_failure=lambda fault: failures.append(type(fault).__name__), **options
        )
        await asyncio.wait([task], timeout=10)
        await asyncio.sleep(0)  # its callbacks run after it
        return failures

    return asyncio.run(story())


def test_a_task_that_raises_is_logged_by_name_and_class_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL):
        assert failures_of(raises) == ["ConnectionError"]
    assert caplog.messages == ["background task 'lookup' ended unexpectedly (ConnectionError)"]


def test_a_task_that_has_done_its_work_is_no_failure() -> None:
    assert failures_of(returns) == []


def test_an_endless_task_that_returns_has_failed() -> None:
    assert failures_of(returns, endless=True) == ["RuntimeError"]


def test_a_task_that_is_cancelled_is_no_failure() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    assert failures_of(cancelled, endless=True) == []


def test_a_task_that_nobody_keeps_is_not_collected() -> None:
    """asyncio itself would lose one that waits for what only it refers to."""

    async def story() -> None:
        waiting = weakref.ref(start_background_task(forever(), "lookup"))
        await asyncio.sleep(0)
        gc.collect()
        assert waiting() is not None

    asyncio.run(story())


FAILING_PROCESS = """
import asyncio, logging
from stream_app.errors import DeliveryFailed
from stream_app.runtime.background import exit_on_failure, start_background_task
logging.basicConfig()
async def fail(): raise {fault}
async def main():
    {start}
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        ("DeliveryFailed('It was not taken.')", 6, "It was not taken."),
        ("KeyError('secret')", 70, "KeyError at <string>"),
    ],
)
@pytest.mark.parametrize("start", ["start_background_task(fail(), 'x')", "await exit_on_failure(fail())"])
def test_a_failure_ends_the_process_with_its_status_and_a_message(
    fault: str, status: int, message: str, start: str
) -> None:
    script = FAILING_PROCESS.format(fault=fault, start=start)
    ended = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert ended.returncode == status
    assert message in ended.stderr
    assert "secret" not in ended.stderr
