"""What a worker does beside its event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from stream_app.runtime.background import in_daemon_thread
from stream_app.settings import WorkerSettings
from stream_app.transport.app import batch_app

DEADLINE_SECONDS = 20.0


def _fail() -> None:
    raise ConnectionError("the broker is away")


def _succeed() -> int:
    return 4


@pytest.mark.parametrize("end", [_succeed, _fail])
@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_work_that_nobody_waits_for_any_more_ends_in_silence(end: Callable[[], object]) -> None:
    """As when a worker is stopped while it waits for its broker."""
    begun, go_on = threading.Event(), threading.Event()
    workers: list[threading.Thread] = []

    def work() -> object:
        workers.append(threading.current_thread())
        begun.set()
        go_on.wait(DEADLINE_SECONDS)
        return end()

    async def give_up() -> None:
        waiting = asyncio.create_task(in_daemon_thread(work))
        await asyncio.to_thread(begun.wait, DEADLINE_SECONDS)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(give_up())
    go_on.set()
    workers[0].join(DEADLINE_SECONDS)
    assert not workers[0].is_alive()


def test_topics_that_are_made_anew_find_their_workers_within_half_a_minute() -> None:
    """Faust's own five minutes would leave requests undecided, and the worker ready, for so long."""
    app = batch_app("scorers", WorkerSettings.read())
    assert app.conf.consumer_metadata_max_age_ms <= 30_000
