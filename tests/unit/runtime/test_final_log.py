"""A process that is to end ends, even when its last log lines are never read."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

END = """
import asyncio, logging
from stream_app.runtime import process
from stream_app.errors import WorkerStalled
logging.basicConfig()
process.FINAL_LOG_SECONDS = 0.5
process._end(asyncio.new_event_loop(), WorkerStalled("It stood still."))
"""


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The end to write to of a pipe that takes no more and that nobody reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"." * 4096)
    os.set_blocking(writing, True)
    yield writing
    os.close(writing)
    os.close(reading)


def test_it_says_why_and_where_everything_stood_and_ends_with_the_status_of_the_fault() -> None:
    ended = subprocess.run([sys.executable, "-c", END], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert ended.returncode == 11
    assert "thread MainThread: " in ended.stderr
    assert ended.stderr.endswith("It stood still.\n")


def test_a_log_that_blocks_for_ever_does_not_keep_it(full_pipe: int) -> None:
    assert subprocess.run([sys.executable, "-c", END], stderr=full_pipe, timeout=60, check=False).returncode == 11


def test_it_says_why_even_if_it_cannot_say_where() -> None:
    broken = END.replace("logging.basicConfig()", "logging.basicConfig(); process.stack_dump.threads = None")
    ended = subprocess.run([sys.executable, "-c", broken], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert "It stood still.\n" in ended.stderr
